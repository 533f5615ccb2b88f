"""HTTP Basic at the verify endpoints: who it speaks for, what is kept of it, and what a 401 asks for."""

import asyncio

import pytest

from gateway.errors import BadCredential, ProviderLied, ProviderUnavailable
from gateway.forward_auth.basic import KEPT, read_basic
from gateway.observe.events import LoginFinished
from gateway.observe.redaction import redacted
from tests.kit.basic_house import authorization, basic, open_basic_house
from tests.kit.verify_house import CLIENT, CONTRACTS, value_of
from tests.kit.waiting import until

pytestmark = pytest.mark.anyio

RIGHT = basic("alice", "right")
WRONG = basic("alice", "wrong")
BASIC = b'Basic realm="gateway", charset="UTF-8"'
BROWSER = (b"sec-fetch-mode", b"cors")


@pytest.fixture
async def house():
    return await open_basic_house()


def counts(house):
    return house.store.calls.count("count")


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_a_name_and_a_password_are_a_person(house, contract):
    """With the identity headers of a session, and no cookie set."""
    answer = await house.ask(contract, "/api/x", headers=[RIGHT])

    assert answer.status == 200
    assert value_of(answer, b"x-auth-user") == b"alice"
    assert value_of(answer, b"x-auth-subject") == b"local:id-of-alice"
    assert value_of(answer, b"x-auth-provider") == b"local"
    assert value_of(answer, b"x-auth-assertion")
    assert int(value_of(answer, b"x-auth-expires")) == house.clock() + KEPT


async def test_a_repeated_check_costs_one_bind_and_one_count(house):
    """A script sends its password with every request."""
    await house.ask("forward-auth", "/api/x", headers=[RIGHT])
    calls = len(house.store.calls)

    for number in range(20):
        answer = await house.ask("forward-auth", f"/api/{number}", headers=[RIGHT])
        assert answer.status == 200

    assert len(house.directory.asked) == 1
    assert len(house.store.calls) == calls


async def test_a_repeated_refusal_costs_one_bind_and_one_count(house):
    """A script with an old password locks nobody out."""
    for _ in range(20):
        answer = await house.ask("forward-auth", "/api/x", headers=[WRONG])
        assert answer.status == 401

    assert len(house.directory.asked) == 1
    assert counts(house) == 1


async def test_a_check_at_the_provider_is_told_as_a_login_and_a_remembered_one_is_not(house):
    """One line for each question to the directory, with the mark of the account, and the person once it is one."""
    for line in (RIGHT, WRONG):
        for _ in range(10):
            await house.ask("forward-auth", "/api/x", headers=[line])
    told = logins(house)
    mark = house.passwords.mark("local", "alice", "")

    assert [(one.provider, one.outcome, one.subject, one.reason) for one in told] == [
        ("local", "ok", "local:id-of-alice", ""),
        ("local", "password_refused", "", "wrong_password"),
    ]
    assert {(one.trace, one.client) for one in told} == {(f"account={mark} by=basic", CLIENT)}
    house.clock.advance(KEPT)
    await house.ask("forward-auth", "/api/x", headers=[RIGHT])
    assert [one.outcome for one in logins(house)] == ["ok", "password_refused", "ok"]


async def test_the_mark_of_the_account_stands_in_the_log(house):
    """What is left of the line when whatever looks like a credential has been blacked out."""
    await house.ask("forward-auth", "/api/x", headers=[RIGHT])
    trace = logins(house)[0].trace

    assert redacted({"trace": trace}) == {"trace": trace}


async def test_whatever_stops_a_check_is_told_too(house):
    """A limit, an outage, who is not admitted, who is switched off; and what was typed never is."""
    house.admitted = False
    await house.ask("forward-auth", "/api/x", headers=[RIGHT])
    house.admitted = True
    house.directory.answers = {"bob": ProviderUnavailable("local", "reset")}
    await house.ask("forward-auth", "/api/x", headers=[basic("bob", "blue")])
    for number in range(6):
        await house.ask("forward-auth", "/api/x", headers=[basic("carol", f"guess-{number}")])
    house.store.down = True
    await house.ask("forward-auth", "/api/x", headers=[basic("dave", "x")])

    outcomes = [one.outcome for one in logins(house)]
    assert outcomes == [
        "not_allowed",
        "provider_unavailable",
        *["password_refused"] * 5,
        "limited",
        "store_fault",
    ]
    assert "guess-" not in repr(house.events)


def logins(house):
    return [event for event in house.events if isinstance(event, LoginFinished)]


async def test_what_is_kept_ends_after_a_minute(house):
    """Then the directory is asked again, for good passwords and for wrong ones."""
    for line, status in ((RIGHT, 200), (WRONG, 401)):
        await house.ask("forward-auth", "/api/x", headers=[line])
        house.clock.advance(KEPT - 1)
        assert (await house.ask("forward-auth", "/api/x", headers=[line])).status == status
        asked = len(house.directory.asked)
        house.clock.advance(1)
        assert (await house.ask("forward-auth", "/api/x", headers=[line])).status == status
        assert len(house.directory.asked) == asked + 1


async def test_many_at_once_ask_once(house):
    """Single-flight per credential: a page of a hundred parts is one bind."""
    house.directory.hold = asyncio.Event()
    asking = [
        asyncio.ensure_future(house.ask("forward-auth", f"/api/{n}", headers=[RIGHT])) for n in range(50)
    ]
    await until(lambda: bool(house.directory.asked))
    house.directory.hold.set()

    assert {answer.status for answer in await asyncio.gather(*asking)} == {200}
    assert len(house.directory.asked) == 1
    assert counts(house) == 2  # one is taken, and one given back for a right password


async def test_a_client_that_goes_away_cancels_nothing(house):
    """The directory counts the try whether or not somebody waits; so its answer is kept."""
    house.directory.hold = asyncio.Event()
    asking = asyncio.ensure_future(house.ask("forward-auth", "/api/x", headers=[RIGHT]))
    await until(lambda: bool(house.directory.asked))
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    house.directory.hold.set()

    assert (await house.ask("forward-auth", "/api/x", headers=[RIGHT])).status == 200
    assert len(house.directory.asked) == 1


async def test_the_cookie_serves_where_no_credential_is_brought(house):
    """And where one is brought it decides alone: a wrong one is no fall-through to the cookie."""
    assert (await house.ask("forward-auth", "/api/x", who="alice")).status == 200
    assert (await house.ask("forward-auth", "/api/x", who="alice", headers=[WRONG])).status == 401
    answer = await house.ask("forward-auth", "/api/x", who="admin", headers=[RIGHT])
    assert value_of(answer, b"x-auth-user") == b"alice"


async def test_a_rule_without_session_looks_at_no_cookie(house):
    """And sends nobody to a login page that could not help."""
    answer = await house.ask("forward-auth", "/only/x", who="alice", headers=[(b"accept", b"text/html")])

    assert answer.status == 401
    assert value_of(answer, b"www-authenticate") == BASIC
    assert value_of(answer, b"location") == b""
    assert (await house.ask("forward-auth", "/only/x", headers=[RIGHT])).status == 200


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_a_rule_that_does_not_read_it_leaves_it_to_the_application(house, contract):
    """Nobody is asked, and the application gets it as it came."""
    answer = await house.ask(contract, "/welcome/x", headers=[RIGHT])

    assert answer.status == 200
    assert value_of(answer, b"x-auth-user") == b""
    assert house.directory.asked == []


async def test_another_scheme_is_the_applications_too(house):
    """`Negotiate`, or a token where no rule takes tokens: the cookie counts as ever."""
    line = authorization(b"Bearer abc")

    answer = await house.ask("forward-auth", "/api/x", who="alice", headers=[line])

    assert answer.status == 200
    assert value_of(answer, b"authorization") == b"Bearer abc"
    assert (await house.ask("forward-auth", "/api/x", headers=[line])).status == 401


async def test_the_scheme_is_read_in_any_case(house):
    """RFC 9110 section 11.1."""
    line = authorization(RIGHT[1].replace(b"Basic", b"bAsIc"))

    assert (await house.ask("forward-auth", "/api/x", headers=[line])).status == 200


@pytest.mark.parametrize(
    ("uri", "lines", "asked"),
    [
        ("/api/x", [], BASIC),
        ("/api/x", [WRONG], BASIC),
        ("/api/x", [BROWSER], b'Bearer realm="gateway"'),
        ("/x", [], b'Bearer realm="gateway"'),
        ("/only/x", [BROWSER], BASIC),
    ],
)
async def test_a_401_asks_for_basic_only_where_it_is_read_and_by_a_program(house, uri, lines, asked):
    """A browser would put up a window over a page that only fetched something."""
    direct = await house.ask("forward-auth", uri, headers=lines)
    first = await house.ask("auth-request", uri, headers=lines)
    carried = [(b"x-gateway-status", b"401")]
    if told := value_of(first, b"x-gateway-login-providers"):
        carried.append((b"x-gateway-login-providers", told))
    written = [(b"x-original-method", b"GET"), (b"x-original-url", b"https://app.example.com" + uri.encode())]
    second = await house.send("/verify/auth-request/login", [*written, *lines, *carried])

    assert (direct.status, second.status) == (401, 401)
    assert value_of(direct, b"www-authenticate") == value_of(second, b"www-authenticate") == asked
    assert value_of(first, b"www-authenticate") == b""


async def test_a_navigation_is_sent_to_the_login_page(house):
    """A person signs in there; the browser is never made to ask for a password itself."""
    answer = await house.ask("forward-auth", "/api/x", headers=[(b"accept", b"text/html")])

    assert answer.status == 303
    assert value_of(answer, b"www-authenticate") == b""


@pytest.mark.parametrize("uri", ["/api/x", "/perhaps/x", "/handed/x"])
async def test_a_consumed_credential_is_taken_away(house, uri):
    """Unless the rule says that the application gets it."""
    answer = await house.ask("forward-auth", uri, headers=[RIGHT])

    assert answer.status == 200
    assert value_of(answer, b"authorization") == (RIGHT[1] if uri == "/handed/x" else b"")


async def test_what_is_left_is_told_for_nginx_in_a_word(house):
    """Its module keeps the header unless the word is there: a rule that forgot to say something says no."""
    taken = await house.ask("auth-request", "/api/x", headers=[RIGHT])
    left = await house.ask("auth-request", "/welcome/x", headers=[RIGHT])
    nothing = await house.ask("auth-request", "/welcome/x")

    assert value_of(taken, b"x-gateway-authorization") == b""
    assert value_of(left, b"x-gateway-authorization") == b"pass"
    assert value_of(nothing, b"x-gateway-authorization") == b""
    assert not any(name == b"authorization" for reply in (taken, left) for name, _ in reply.headers)


async def test_a_right_password_of_the_wrong_person_is_no_login(house):
    """The rule judges: 403 and no question for another password."""
    assert (await house.ask("forward-auth", "/ops/x", headers=[RIGHT])).status == 403


async def test_whoever_is_not_admitted_is_told_no_and_asked_about_once(house):
    """`allow:` of the provider counts for scripts as for people."""
    house.admitted = False

    for _ in range(3):
        answer = await house.ask("forward-auth", "/api/x", headers=[RIGHT])
        assert answer.status == 403

    assert house.decision.reason == "not_allowed"
    assert len(house.directory.asked) == 1


@pytest.mark.parametrize("fault", [ProviderUnavailable("local", "down"), ProviderLied("local", "nonsense")])
async def test_a_directory_that_does_not_answer_is_an_outage(house, fault):
    """Neither yes nor no, and nothing is kept of it."""
    house.directory.answers = {"alice": fault}
    answer = await house.ask("forward-auth", "/api/x", headers=[RIGHT])
    house.directory.answers = {}

    assert answer.status == 503
    assert value_of(answer, b"retry-after")
    assert (await house.ask("forward-auth", "/api/x", headers=[RIGHT])).status == 200


async def test_without_a_store_nobody_signs_in(house):
    """Where nobody can count, no password is tried; what is known already serves."""
    await house.ask("forward-auth", "/api/x", headers=[RIGHT])
    house.store.down = True

    assert (await house.ask("forward-auth", "/api/x", headers=[basic("bob", "blue")])).status == 503
    assert (await house.ask("forward-auth", "/api/x", headers=[RIGHT])).status == 200
    assert len(house.directory.asked) == 1


async def test_a_strict_rule_asks_the_store_and_not_the_directory_again(house):
    """The password is known to be right; whether the person is kept out is asked at every check."""
    await house.ask("forward-auth", "/vault/x", headers=[RIGHT])
    reads = house.store.calls.count("get_many")

    assert (await house.ask("forward-auth", "/vault/x", headers=[RIGHT])).status == 200

    assert house.store.calls.count("get_many") == reads + 1
    assert len(house.directory.asked) == 1


async def test_with_the_bus_cut_the_store_is_asked_and_the_directory_is_not(house):
    """A bus that fails must not become a storm of binds."""
    await house.ask("forward-auth", "/api/x", headers=[RIGHT])
    house.bus.working = False

    for _ in range(5):
        assert (await house.ask("forward-auth", "/api/x", headers=[RIGHT])).status == 200

    assert len(house.directory.asked) == 1


@pytest.mark.parametrize(
    ("value", "name", "password"),
    [
        (b"YWxpY2U6cmlnaHQ=", "alice", "right"),
        (b"QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"),
        (b"dGVzdDoxMjPCow==", "test", "123£"),
        (b"YTpiOmM=", "a", "b:c"),
    ],
)
def test_the_form_of_rfc_7617(value, name, password):
    """Its examples, and a password with a colon."""
    assert read_basic(value) == (name, password)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"!!!!",
        b"YWxpY2U6cmlnaHQ",
        b"YWxpY2U6cmlnaHR=",
        b"YWxp Y2U6cmlnaHQ=",
        b"YWxpY2U6cmlnaHQ=, Bearer x",
        b"YWxpY2U=",
        b"OnJpZ2h0",
        b"YWxpY2U6",
        b"YWxpY2U6cmlnaHQA",
        b"YWxpY2UAOnJpZ2h0",
        b"/zpyaWdodA==",
    ],
    ids=[
        "empty",
        "no base64",
        "no padding",
        "bits at the end",
        "a blank",
        "two schemes",
        "no colon",
        "no name",
        "no password",
        "NUL in the password",
        "NUL in the name",
        "no UTF-8",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(value):
    """Strictly: one spelling of one credential."""
    with pytest.raises(BadCredential):
        read_basic(value)
