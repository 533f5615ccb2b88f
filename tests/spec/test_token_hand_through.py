"""Rules that hand the provider's tokens through: which headers there are, what stands in them, and for how long."""

import gc
import tracemalloc
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.login.hint import read_hint, wants_again, write_hint
from gateway.observe.events import HeaderOverflowed
from gateway.storage.bus import About, Notice
from tests.kit.people import person, tokens
from tests.kit.verify_house import APP, CONTRACTS, IDENTITIES, family, open_house, value_of

pytestmark = pytest.mark.anyio

ACCESS, ID = b"x-auth-access-token", b"x-auth-id-token"
RULES = [
    {"name": "public", "paths": ["/public/**"], "allow": "public"},
    {
        "name": "both",
        "paths": ["/both/**"],
        "allow": "authenticated",
        "pass_token": ["access_token", "id_token"],
    },
    {"name": "access", "paths": ["/access/**"], "allow": "authenticated", "pass_token": "access_token"},
    {"name": "id", "paths": ["/id/**"], "allow": "authenticated", "pass_token": "id_token"},
    {"name": "perhaps", "paths": ["/perhaps/**"], "allow": "optional", "pass_token": "access_token"},
    {
        "name": "vault",
        "paths": ["/vault/**"],
        "allow": "authenticated",
        "freshness": "strict",
        "pass_token": "access_token",
    },
    {"name": "admin", "paths": ["/admin/**"], "allow": {"groups": ["admins"]}, "pass_token": "access_token"},
    {"name": "rest", "allow": "authenticated"},
]
HTML = ((b"accept", b"text/html"),)
HOUR = 3600


async def house_with(rules=RULES, **grant):
    """A house where Alice's tokens are kept: by default for an hour, and renewable."""
    house = await open_house(rules=rules)
    now = int(house.clock())
    await house.sign_in("alice", grant=tokens(**{"begun": now, "expires": now + HOUR, **grant}))
    house.store.calls.clear()
    return house


def handed(answer):
    """The two tokens of an answer."""
    return value_of(answer, ACCESS), value_of(answer, ID)


HANDED = [
    ("/public/x", (b"", b"")),
    ("/both/x", (b"corp-access", b"corp-id")),
    ("/access/x", (b"corp-access", b"")),
    ("/id/x", (b"", b"corp-id")),
    ("/perhaps/x", (b"corp-access", b"")),
    ("/vault/x", (b"corp-access", b"")),
    ("/x", (b"", b"")),
]


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize(("uri", "expected"), HANDED)
async def test_a_rule_hands_on_what_it_names_and_every_answer_has_both_headers(contract, uri, expected):
    """From the store and from memory; empty where this rule passes none."""
    house = await house_with()
    for _ in range(3):
        answer = await house.ask(contract, uri, who="alice")
        assert answer.status == 200
        assert [name for name, _ in answer.headers if name in {ACCESS, ID}] == [ACCESS, ID]
        assert handed(answer) == expected


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_without_such_a_rule_there_is_no_such_header(contract):
    """Not one byte differs from what was answered before there were any, and nobody reads the tokens."""
    house = await house_with(rules=[{"name": "rest", "allow": "authenticated"}])

    answer = await house.ask(contract, "/x", who="alice")

    assert not [name for name, _ in answer.headers if b"token" in name]
    assert await readings_of_grants(house, "/x") == 0


async def test_a_header_of_a_token_that_no_rule_passes_is_left_out():
    """Each of the two for itself."""
    house = await house_with(rules=[{"allow": "authenticated", "pass_token": "id_token"}])

    answer = await house.ask("forward-auth", "/x", who="alice")

    assert [name for name, _ in answer.headers if b"token" in name] == [ID]


async def readings_of_grants(house, uri, times=3):
    """How many looks at a record fetched its sealed tokens, while this was asked so many times."""
    read, fetched = house.store.read, []

    async def watched(key, fields, beside=()):
        fetched.append("grant" in fields)
        return await read(key, fields, beside)

    house.store.read = watched
    for _ in range(times):
        await house.ask("forward-auth", uri, who="alice")
    house.store.read = read
    return sum(fetched)


async def test_only_a_rule_that_needs_it_opens_the_grant():
    """And once for the memory's life, by the one look that opens the session."""
    house = await house_with()

    assert await readings_of_grants(house, "/x") == 0
    assert await readings_of_grants(house, "/public/x") == 0
    assert await readings_of_grants(house, "/access/x") == 1
    assert await readings_of_grants(house, "/id/x") == 0, "what is remembered has both"
    assert await readings_of_grants(house, "/vault/x") == 3, "strict: asked each time"


async def test_a_cold_check_of_such_a_rule_takes_one_look():
    """Session, rights, activity and tokens: the first time one more, for nobody knew yet whose rights to ask for."""
    house = await house_with()
    await house.ask("forward-auth", "/access/x", who="alice")
    house.clock.advance(5)
    house.store.calls.clear()

    await house.ask("forward-auth", "/access/x", who="alice")

    assert house.store.calls == ["read"]


async def test_a_token_without_an_end_is_handed_on_as_it_is():
    """A provider that says nothing of it (RFC 6749 section 5.1) gives no reason to doubt it."""
    house = await house_with(expires=0, refresh_token="")
    house.clock.advance(86_000)

    assert handed(await house.ask("forward-auth", "/both/x", who="alice")) == (b"corp-access", b"corp-id")


@pytest.mark.parametrize("contract", CONTRACTS)
@pytest.mark.parametrize("remembered", [True, False])
async def test_past_its_end_a_token_that_none_can_renew_asks_for_a_new_login(contract, remembered):
    """To the second, though the session is remembered for longer. Other rules go on."""
    house = await house_with(refresh_token="")
    house.clock.advance(HOUR - 1)
    assert handed(await house.ask(contract, "/access/x", who="alice"))[0] == b"corp-access"
    house.clock.advance(0.9)
    assert handed(await house.ask(contract, "/access/x", who="alice"))[0] == b"corp-access"
    house.clock.advance(0.1 if remembered else 10)

    page = await house.ask(contract, "/access/x", who="alice", headers=HTML)
    program = await house.ask(contract, "/access/x", who="alice", method="POST")
    other = await house.ask(contract, "/x", who="alice")

    assert (page.status, program.status) == ((303, 401) if contract == "forward-auth" else (401, 401))
    assert other.status == 200
    assert house.decision.outcome == "allow"
    assert {("step_up", "token_ended", "access")} == {
        (one.outcome, one.reason, one.rule)
        for one in house.events
        if getattr(one, "outcome", "") == "step_up"
    }


async def test_the_way_to_a_new_login_says_that_the_present_one_will_not_do():
    """Or the login page would lead a person straight back who is signed in."""
    house = await house_with(refresh_token="")
    house.clock.advance(HOUR)

    page = await house.ask("forward-auth", "/access/x", who="alice", headers=HTML)
    first = await house.ask("auth-request", "/access/x", who="alice", headers=HTML)
    passed_on = (b"x-gateway-login-providers", value_of(first, b"x-gateway-login-providers"))
    asked = [*family("auth-request", b"GET", APP.encode(), b"/access/x"), (b"x-gateway-status", b"401")]
    second = await house.send("/verify/auth-request/login", [*asked, passed_on, *HTML])

    for answer in (page, second):
        asked = parse_qs(urlsplit(value_of(answer, b"location").decode()).query)
        assert asked == {"rd": [f"https://{APP}/access/x"], "provider": ["again:corp"]}


@pytest.mark.parametrize(
    ("names", "again", "text"),
    [
        (["corp"], True, "again:corp"),
        (["a", "b"], True, "again:a,b"),
        (["corp"], False, "corp"),
        ([], True, ""),
    ],
)
async def test_the_wish_for_a_new_login_is_read_as_it_was_written(names, again, text):
    """No provider can be called so: a name has no colon."""
    assert write_hint(names, again=again) == text
    assert read_hint(text, ["corp", "a", "b", "again"]) == tuple(names)
    assert wants_again(text) == (again and bool(names))


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_past_its_end_a_token_that_is_being_renewed_is_an_outage_of_this_rule_alone(contract):
    """503 with Retry-After, never a dead token and never a login that would not help; all other rules go on."""
    house = await house_with()
    house.clock.advance(HOUR)

    answer = await house.ask(contract, "/access/x", who="alice")

    assert (answer.status, value_of(answer, b"retry-after")) == (503, b"1")
    assert (house.decision.outcome, house.decision.reason, house.decision.detail) == (
        "fault",
        "provider_unavailable",
        "corp",
    )
    assert (await house.ask(contract, "/x", who="alice")).status == 200
    assert (await house.ask(contract, "/admin/x", who="alice")).status == 403, "who may not pass is told that"


async def test_an_optional_rule_goes_on_without_a_token_that_has_ended():
    """It lets everybody in; an application behind it has to do without one anyway."""
    for grant in ({}, {"refresh_token": ""}):
        house = await house_with(**grant)
        house.clock.advance(HOUR)

        answer = await house.ask("forward-auth", "/perhaps/x", who="alice")

        assert (answer.status, handed(answer)) == (200, (b"", b""))
        assert value_of(answer, b"x-auth-user") == b"alice"


async def test_an_id_token_is_handed_on_past_the_end_of_the_access_token():
    """It tells of a login that was, and ends soon by nature: the latest one is all there is."""
    house = await house_with()
    house.clock.advance(HOUR)

    assert handed(await house.ask("forward-auth", "/id/x", who="alice")) == (b"", b"corp-id")


async def test_a_login_that_gave_no_such_token_passes_with_an_empty_header():
    """Sessions from before the rule, and providers that have none."""
    house = await open_house(rules=RULES)

    for uri in ("/both/x", "/access/x", "/id/x"):
        answer = await house.ask("forward-auth", uri, who="alice")
        assert (answer.status, handed(answer)) == (200, (b"", b""))


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_a_token_over_three_kilobytes_is_sent_empty_and_told(contract):
    """Never cut: as any header over its cap, at each check."""
    house = await house_with(access_token="t" * 3001, id_token="i" * 3000)
    for count in (1, 2):
        assert handed(await house.ask(contract, "/both/x", who="alice")) == (b"", b"i" * 3000)
        told = [(one.header, one.size) for one in house.events if isinstance(one, HeaderOverflowed)]
        assert told == [("X-Auth-Access-Token", 3001)] * count


async def test_all_headers_together_keep_to_twelve_kilobytes_with_the_largest_tokens():
    """What else is long gives way first, the tokens last."""
    house = await open_house(rules=RULES)
    large = person("l" * 2900, user="u" * 2900, name="n" * 2900, groups=("g" * 2900,))
    await house.sign_in("large", large, tokens(access_token="t" * 3000, id_token="i" * 3000, expires=0))

    answer = await house.ask("forward-auth", "/both/x", who="large")

    sizes = {name: len(value) for name, value in answer.headers if name.startswith(b"x-auth-")}
    assert sum(sizes.values()) <= 12_000
    assert sizes[ACCESS] == 3000
    assert sizes[b"x-auth-groups"] == sizes[b"x-auth-name"] == 0


async def test_what_is_not_visible_ascii_is_written_as_in_every_header():
    """A token is opaque (RFC 6749 section 1.4): whatever it is, it stays one value of one line."""
    house = await house_with(access_token="a+/=~|%\r\nX-Auth-User: root é")

    answer = await house.ask("forward-auth", "/access/x", who="alice")

    assert handed(answer)[0] == b"a+/=~|%25%0D%0AX-Auth-User:%20root%20%C3%A9"
    assert value_of(answer, b"x-auth-user") == b"alice"


async def test_what_is_remembered_of_tokens_counts():
    """The bound of the memory is in bytes, and a token is many."""
    house = await house_with(access_token="t" * 2900, id_token="i" * 2900)
    await house.ask("forward-auth", "/x", who="alice")
    before = house.check.reader._cache.weight

    await house.ask("forward-auth", "/both/x", who="alice")

    assert house.check.reader._cache.weight - before > 5_800


async def test_what_is_kept_of_tokens_weighs_no_less_than_it_takes():
    """Those of the largest sessions, read and with a ready reply."""
    house = await open_house(rules=RULES)
    for number in range(30):
        grant = tokens(access_token=f"{number}" * 1400, id_token=f"{number}i" * 900, expires=0)
        await house.sign_in(f"p{number}", person(f"p{number}"), grant)
        await house.ask("forward-auth", "/both/x", who=f"p{number}")
    await house.bus.publish(Notice(About.ALL))
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(30):
        for _ in range(3):
            await house.ask("forward-auth", "/both/x", who=f"p{number}")
    house.events.clear()
    house.identity_headers._kept.clear()
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()

    cache = house.check.reader._cache
    assert len(cache) == 30
    assert all(len(memory.notes) == 1 for memory in cache._memories.values())
    assert taken <= cache.weight


async def test_a_token_stands_in_no_repr_of_what_is_remembered():
    """A traceback that shows its variables, or a debug line, gives none away."""
    house = await house_with(access_token="very-secret", id_token="very-secret")
    for _ in range(2):
        await house.ask("forward-auth", "/both/x", who="alice")
    (memory,) = house.check.reader._cache._memories.values()
    (note,) = memory.notes.values()

    assert memory.handed["corp"].access_token == "very-secret"
    assert "very-secret" not in repr(memory.handed)
    assert "very-secret" not in repr(note)
    assert "very-secret" not in repr(house.events)


async def test_a_refresh_token_is_never_remembered():
    """Of a grant a check learns what rules hand through."""
    house = await house_with(rules=[{"allow": "authenticated", "pass_token": "access_token"}])
    await house.ask("forward-auth", "/x", who="alice")
    (memory,) = house.check.reader._cache._memories.values()

    one = memory.handed["corp"]

    assert (one.access_token, one.id_token, one.renewable) == ("corp-access", "", True)
    assert not hasattr(one, "refresh_token")


async def test_of_several_logins_the_one_that_was_judged_gives_the_token():
    """And no other, whatever else the session holds."""
    rules = [
        {"paths": ["/corp"], "providers": ["corp"], "allow": "authenticated", "pass_token": "access_token"},
        {
            "paths": ["/partner"],
            "providers": ["partner"],
            "allow": "authenticated",
            "pass_token": "access_token",
        },
        {"allow": "authenticated", "pass_token": "access_token"},
    ]
    section = {"client_id": "gateway", "anyone": True, "namespace": "all"}
    providers = {name: {**section, "issuer": f"https://{name}.example.com"} for name in ("corp", "partner")}
    house = await open_house(rules=rules, providers=providers)
    corp = await house.sessions.begin(IDENTITIES["alice"], tokens(expires=0), browser="b")
    house.begun["both"] = await house.sessions.begin(
        person("p-1", "partner", user="alice.p"), tokens("partner", expires=0), corp.ticket, browser="b"
    )

    seen = {
        uri: handed(await house.ask("forward-auth", uri, who="both"))[0]
        for uri in ("/corp", "/partner", "/x")
    }

    assert seen == {"/corp": b"corp-access", "/partner": b"partner-access", "/x": b"partner-access"}
