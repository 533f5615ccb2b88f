"""Verdicts that are kept with a remembered session: for whom they hold, until when, and what they weigh."""

import gc
import tracemalloc

import pytest

from gateway.identity.presented import Head, Reply
from gateway.observe.events import HeaderOverflowed
from gateway.storage.bus import About, Notice
from tests.kit.people import person
from tests.kit.verify_house import (
    APP,
    AUTH,
    CONTRACTS,
    PROXY,
    WRITTEN,
    essence,
    family,
    open_house,
    value_of,
)

pytestmark = pytest.mark.anyio

TIMES = 3
HTML = (b"accept", b"text/html")
SOCKET = ((b"upgrade", b"websocket"), (b"sec-websocket-key", b"x"))


def head_of(house, uri="/x", who="alice", contract="forward-auth", host=APP, more=(), method=b"GET"):
    """A head that can be asked about again and again, as a known one is."""
    lines = [*family(contract, method, host.encode(), uri.encode())]
    if who != "nobody":
        lines.append((b"cookie", house.cookie(who).encode()))
    return Head("GET", f"/verify/{contract}".encode(), (*lines, *more), PROXY)


async def told(house, head):
    """The answer to a head, the same so many times but for its decision id."""
    answers = []
    for _ in range(TIMES):
        answered = house.verify.answer_at(head)
        reply = answered if isinstance(answered, Reply) else await answered
        house.assert_sound(reply)
        answers.append(reply)
    assert len({str((essence(reply), value_of(reply, b"cookie"))) for reply in answers}) == 1
    return answers[-1]


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_each_answer_has_an_id_of_its_own(contract):
    """What is kept of a no is all but its id."""
    house = await open_house()
    for uri, who in (("/admin/x", "alice"), ("/x", "nobody"), ("/../x", "nobody")):
        head = head_of(house, uri, who, contract, more=[HTML])
        answers = [await told(house, head) for _ in range(TIMES)]
        assert len({value_of(answer, b"x-gateway-decision-id") for answer in answers}) == TIMES


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_an_id_that_the_application_gets_is_that_of_this_check(contract):
    """`headers.decision` switched on: nothing with an id in it is kept, not even for nobody."""
    house = await open_house(headers={"decision": "X-Auth-Decision", "rule": "X-Auth-Rule"})
    for uri, who, rule in (
        ("/x", "alice", b"rest"),
        ("/public/x", "nobody", b"public"),
        ("/welcome/x", "nobody", b"welcome"),
    ):
        head = head_of(house, uri, who, contract)
        await house.answer(contract, head)
        for _ in range(TIMES):
            answer = await house.answer(contract, head)
            assert value_of(answer, b"x-auth-decision").decode() == house.decision.decision_id
            assert value_of(answer, b"x-auth-rule") == rule
    assert not any(memory.notes for memory in house.check.reader._cache._memories.values())
    assert not house.check.verdicts._of_nobody


async def test_the_rule_that_the_application_is_told_is_the_one_that_was_met():
    """`headers.rule` switched on: one session, several rules, several memories."""
    house = await open_house(headers={"rule": "X-Auth-Rule"})
    for _ in range(TIMES):
        for uri, rule in (
            ("/x", b"rest"),
            ("/admin/x", b"admin"),
            ("/welcome/x", b"welcome"),
            ("/public/x", b"public"),
        ):
            assert value_of(await told(house, head_of(house, uri, "admin")), b"x-auth-rule") == rule


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_a_header_that_is_too_long_is_told_at_each_check(contract):
    """It is the operator's only sign of it."""
    house = await open_house()
    await house.sign_in("large", person("l-1", groups=tuple([f"group {n}" * 9 for n in range(60)])))
    head = head_of(house, who="large", contract=contract)
    for count in range(1, 4):
        assert value_of(await house.answer(contract, head), b"x-auth-groups") == b""
        told_of = [one.header for one in house.events if isinstance(one, HeaderOverflowed)]
        assert told_of == ["X-Auth-Groups", "X-Auth-Assertion"] * count


async def test_a_session_at_two_hosts_has_two_assertions():
    """Each is for its audience alone; what is kept for one is not handed to the other."""
    house = await open_house()
    seen = {}
    for _ in range(TIMES):
        for host in (APP, "a.apps.example.com", "b.apps.example.com"):
            answer = await told(house, head_of(house, host=host))
            seen.setdefault(host, set()).add(value_of(answer, b"x-auth-assertion"))

    assert all(len(tokens) == 1 for tokens in seen.values())
    assert len(set.union(*seen.values())) == len(seen)


async def test_a_session_at_a_policy_of_the_proxy_has_an_assertion_for_that():
    """And is judged by its rules, under the same host and path."""
    house = await open_house()
    plain = head_of(house, who="admin")
    billing = Head("GET", b"/verify/policy/billing/forward-auth", plain.headers, PROXY)
    alice = Head("GET", b"/verify/policy/billing/forward-auth", head_of(house).headers, PROXY)

    tokens = {
        value_of(await told(house, head), b"x-auth-assertion") for head in (plain, billing, plain, billing)
    }

    assert len(tokens) == 2
    assert (await told(house, head_of(house))).status == 200
    assert (await told(house, alice)).status == 403


async def test_an_assertion_is_signed_anew_before_it_is_old():
    """Though the session is remembered for longer: a fifth of its lifetime, here one second of five."""
    house = await open_house()
    house.check.verdicts._asserts._reuse = 1.0
    head = head_of(house)
    await house.answer("forward-auth", head)
    first = value_of(await house.answer("forward-auth", head), b"x-auth-assertion")
    house.clock.advance(0.5)
    again = value_of(await house.answer("forward-auth", head), b"x-auth-assertion")
    house.store.calls.clear()
    house.clock.advance(1.0)

    assert again == first
    assert value_of(await house.answer("forward-auth", head), b"x-auth-assertion") != first
    assert house.store.calls == []


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_each_cookie_line_keeps_what_is_left_of_it(contract):
    """One session, several browsers' tabs: the application gets the cookies of this request."""
    house = await open_house()
    for _ in range(TIMES):
        for rest in (b"", b"a=1", b"a=2; b=3"):
            own = house.cookie("alice").encode()
            more = [(b"cookie", own + b"; " + rest if rest else own)]
            answer = await told(house, head_of(house, who="nobody", contract=contract, more=more))
            assert value_of(answer, b"x-auth-user") == b"alice"
            assert value_of(answer, b"cookie") == (rest if contract == "forward-auth" else b"")


async def test_what_is_kept_for_one_contract_is_not_the_answer_of_another():
    """One session, one rule, one cookie line: Traefik gets what is left of it, nginx does not."""
    house = await open_house()
    for _ in range(TIMES):
        for contract, lines in (("forward-auth", 1), ("auth-request", 0)):
            answer = await told(house, head_of(house, contract=contract))
            assert [name for name, _ in answer.headers].count(b"cookie") == lines


async def test_a_cookie_that_is_not_fit_to_be_sent_leaves_no_bytes_to_write():
    """The server looks at each value itself then, and hangs up."""
    house = await open_house()
    for rest in (b"a=\x01", b"a=\r\nset-cookie: b", b"a=1"):
        more = [(b"cookie", house.cookie("alice").encode() + b"; " + rest)]
        for _ in range(TIMES):
            for uri in ("/x", "/public/x"):
                answered = house.verify.answer_at(head_of(house, uri, "nobody", more=more))
                reply = answered if isinstance(answered, Reply) else await answered
                assert value_of(reply, b"cookie") == rest
                assert bool(reply.wire) == (rest == b"a=1")


async def test_a_public_place_hands_on_the_other_cookies_and_not_ours():
    """What is kept for nobody is of one head, not of the rule."""
    house = await open_house()
    for _ in range(TIMES):
        for rest in (b"a=1", b"a=2"):
            more = [(b"cookie", house.cookie("alice").encode() + b"; " + rest)]
            answer = await told(house, head_of(house, "/public/x", "nobody", more=more))
            assert value_of(answer, b"cookie") == rest
            assert value_of(answer, b"x-auth-user") == b""


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_a40_a_websocket_of_another_origin_is_refused_though_the_session_is_remembered(contract):
    """And what it is told is not told to the next one, in whatever order they come."""
    house = await open_house()
    foreign = head_of(house, contract=contract, more=[*SOCKET, (b"origin", b"https://evil.test")])
    own = head_of(house, contract=contract, more=[*SOCKET, (b"origin", f"https://{APP}".encode())])
    both = head_of(house, contract=contract, more=[*own.headers[-1:], *foreign.headers[-3:]])
    fetch = head_of(house, contract=contract, more=[(b"origin", b"https://evil.test")])
    plain = head_of(house, contract=contract)

    for _ in range(TIMES):
        for head, status in (
            (plain, 200),
            (foreign, 403),
            (own, 200),
            (both, 403),
            (fetch, 200),
            (foreign, 403),
        ):
            assert (await told(house, head)).status == status


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_a_navigation_and_a_program_are_told_no_each_in_its_way(contract):
    """The verdict is one, the answers are two."""
    house = await open_house()
    page = head_of(house, "/admin/x", contract=contract, more=[HTML])
    program = head_of(house, "/admin/x", contract=contract, more=[(b"accept", b"application/json")])
    for _ in range(TIMES):
        kinds = [value_of(await told(house, head), b"content-type") for head in (page, program)]
        expected = [b"text/html; charset=utf-8", b"application/json"]
        assert kinds == (expected if contract == "forward-auth" else [b"", b""])


async def test_the_way_back_after_a_login_is_that_of_this_request():
    """Path, query and host; kept with the head and nowhere else."""
    house = await open_house()
    for _ in range(TIMES):
        for host in (APP, "a.apps.example.com"):
            for uri in ("/x?a=1", "/x?a=2", "/y"):
                head = head_of(house, uri, "nobody", host=host, more=[HTML])
                where = value_of(await told(house, head), b"location").decode()
                assert where.startswith(f"{AUTH}/auth/login?rd=https%3A%2F%2F{host}")
                assert where.endswith(uri.replace("?", "%3F").replace("=", "%3D"))


WAYS_OUT = {
    "logout": lambda house: house.sessions.end(house.begun["alice"].ticket, "logout"),
    "a notice of the session": lambda house: house.bus.publish(Notice(About.SESSION, house.alice)),
    "all is forgotten": lambda house: house.bus.publish(Notice(About.ALL)),
}


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize("way", WAYS_OUT)
async def test_what_is_kept_dies_with_the_remembered_session(contract, way):
    """A head that was answered a moment ago goes to the store, which knows better."""
    house = await open_house()
    head = head_of(house, contract=contract)
    assert (await told(house, head)).status == 200
    (house.alice,) = [name for about, name in house.check.reader._cache._named if about is About.SESSION]
    if way != "logout":
        house.store.calls.clear()

    await WAYS_OUT[way](house)
    after = await told(house, head)

    assert after.status == (401 if way == "logout" else 200)
    assert way == "logout" or house.store.calls.count("read") == 1


async def test_what_is_kept_ends_with_the_session_itself():
    """At the absolute limit, to the second; though the memory is a moment old and the store does not answer."""
    house = await open_house(sessions={**WRITTEN["sessions"], "absolute": "100s", "idle": "100s"})
    head = head_of(house)
    house.clock.advance(97)
    assert (await told(house, head)).status == 200
    house.clock.advance(2.9)
    assert (await told(house, head)).status == 200
    house.clock.advance(0.1)
    house.store.calls.clear()

    assert (await told(house, head)).status == 401
    assert house.store.calls == [], "a ticket that is over is none"


async def test_a_bus_that_is_cut_ends_the_use_of_what_is_kept():
    """Nobody may be served what nobody can take back."""
    house = await open_house()
    head = head_of(house)
    await told(house, head)
    house.bus.cut()
    house.store.calls.clear()

    await told(house, head)

    assert house.store.calls.count("read") == TIMES


async def test_a_head_keeps_nothing_of_a_person_when_their_session_is_forgotten():
    """Heads are kept for as long as the process lives."""
    house = await open_house(
        rules=[
            {"name": "v", "paths": ["/vault/**"], "freshness": "strict", "allow": "authenticated"},
            *WRITTEN["rules"],
        ]
    )
    for uri, more in (("/x", ()), ("/x", [*SOCKET, (b"origin", b"https://evil.test")]), ("/vault/x", ())):
        head = head_of(house, uri, more=more)
        await told(house, head)
        assert head.kept.made is None


async def test_a_path_with_many_readings_does_not_stay_with_its_head():
    """Each of dozens of readings is as long as the path; it is looked up each time, and refused or judged alike."""
    house = await open_house()
    plain, many = head_of(house, "/a%2fb"), head_of(house, "/a%2fb;c%23d%3fe%2561")

    assert (await told(house, plain)).status == (await told(house, many)).status == 200
    assert plain.kept is not None
    assert many.kept is None


async def test_at_most_so_many_verdicts_are_kept_with_a_session():
    """A wildcard has any number of hosts; the rest is judged each time, and judged alike."""
    house = await open_house()
    for _ in range(TIMES):
        for number in range(40):
            answer = await told(house, head_of(house, host=f"h{number}.apps.example.com"))
            assert value_of(answer, b"x-auth-user") == b"alice"

    (memory,) = house.check.reader._cache._memories.values()
    assert len(memory.notes) == 32


@pytest.mark.parametrize("groups", [0, 100])
async def test_what_is_kept_weighs_no_less_than_it_takes(groups):
    """Sessions of the smallest and of the largest people, asked about by both contracts."""
    house = await open_house()
    heads = []
    for number in range(30):
        who = f"p{number}"
        words = tuple([f"{number}-{n}" for n in range(groups)])
        await house.sign_in(
            who, person(who, groups=words, name="ö" * groups, email="e" * 2 * groups + "@x.y")
        )
        for contract in CONTRACTS:
            more = [(b"cookie", house.cookie(who).encode() + b"; rest=" + b"r" * 7 * groups)]
            heads.append(head_of(house, who="nobody", contract=contract, more=more))
    for head in heads:  # what a process keeps of everybody beside
        await told(house, head)
    await house.bus.publish(Notice(About.ALL))
    cache = house.check.reader._cache
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for head in heads:
        for _ in range(TIMES):
            await house.answer(head.target.decode().removeprefix("/verify/"), head)
    house.events.clear()
    house.identity_headers._kept.clear()  # a memory of its own, of so many people
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()

    assert len(cache) == 30
    assert all(len(memory.notes) == 1 for memory in cache._memories.values())
    assert taken <= cache.weight
