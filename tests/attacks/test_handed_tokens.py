"""Tokens of providers go to the application that is meant, of the person who was judged, and to nobody else."""

import itertools
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.identity.presented import Head
from gateway.storage.bus import About, Notice
from tests.kit.people import ISSUERS, person, tokens
from tests.kit.verify_house import (
    APP,
    CONTRACTS,
    IDENTITIES,
    PROXY,
    WRITTEN,
    family,
    open_house,
    value_of,
)

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("contract", CONTRACTS)]

ACCESS, ID = b"x-auth-access-token", b"x-auth-id-token"
SECRETS = (b"corp-access", b"corp-id", b"corp-refresh", b"partner-access", b"partner-id", b"partner-refresh")
RULES = [
    {"name": "public", "paths": ["/public/**"], "allow": "public"},
    {"name": "welcome", "paths": ["/welcome/**"], "allow": "optional"},
    {
        "name": "api",
        "paths": ["/api/**"],
        "allow": "authenticated",
        "pass_token": ["access_token", "id_token"],
    },
    {
        "name": "corp",
        "paths": ["/corp/**"],
        "providers": ["corp"],
        "allow": "authenticated",
        "pass_token": ["access_token", "id_token"],
    },
    {
        "name": "staff",
        "paths": ["/staff/**"],
        "allow": {"groups": ["nobody-at-all"]},
        "pass_token": "access_token",
    },
    {"name": "rest", "allow": "authenticated"},
]
PLACES = ("/public/x", "/welcome/x", "/api/x", "/staff/x", "/x")
PASSES = {"/api/x"}
TWO = {
    name: {"client_id": "gateway", "anyone": True, "namespace": "all", "issuer": ISSUERS[name]}
    for name in ("corp", "partner")
}
FORGED = [
    pytest.param([(ACCESS, b"evil"), (ID, b"evil")], id="a01 t16 as they are"),
    pytest.param([(ACCESS, b"evil"), (ACCESS, b"evil"), (b"X-Auth-Id-Token", b"evil")], id="a02 t15 twice"),
    pytest.param([(b"x_auth_access_token", b"evil"), (b"x-auth_id-token", b"evil")], id="a03 aliases"),
    pytest.param([(b"authorization", b"Bearer evil"), (b"cookie", b"access_token=evil")], id="elsewhere"),
]


async def house_with(rules=RULES, **more):
    """Alice's session holds tokens; the other person's holds none."""
    house = await open_house(rules=rules, **more)
    await house.sign_in("alice", grant=tokens(expires=int(house.clock()) + 3600))
    return house


def leaks(reply):
    """The secrets that stand anywhere in an answer."""
    whole = b"\n".join([reply.body, *[value for _, value in reply.headers]])
    return {secret for secret in SECRETS if secret in whole}


@pytest.mark.parametrize("lines", FORGED)
@pytest.mark.parametrize("who", ["nobody", "alice", "admin"])
async def test_what_a_client_writes_is_never_answered(contract, lines, who):
    """Ours stands there or nothing does, whoever asks and whatever the rule passes."""
    house = await house_with()
    for uri in PLACES:
        clean = await house.ask(contract, uri, who=who)
        answer = await house.ask(contract, uri, who=who, headers=lines)

        assert answer.status == clean.status
        assert not any(b"evil" in value for name, value in answer.headers if name != b"cookie")
        if answer.status == 200:
            expected = b"corp-access" if (who, uri) == ("alice", "/api/x") else b""
            assert value_of(answer, ACCESS) == expected


async def test_a_rule_that_passes_none_never_emits_what_is_remembered(contract):
    """In every order of questions, though the token lies in the memory beside the session."""
    house = await house_with()
    for order in itertools.permutations(PLACES):
        await house.bus.publish(Notice(About.ALL))
        for uri in (*order, *order):
            answer = await house.ask(contract, uri, who="alice")
            assert leaks(answer) == ({b"corp-access", b"corp-id"} if uri in PASSES else set()), (order, uri)


async def test_no_answer_that_is_not_a_yes_carries_a_token(contract):
    """Forbidden, another origin's WebSocket, a token that is over, a store that is down."""
    house = await house_with()
    socket = [(b"upgrade", b"websocket"), (b"sec-websocket-key", b"x"), (b"origin", b"https://evil.test")]
    answers = [
        await house.ask(contract, "/staff/x", who="alice"),
        await house.ask(contract, "/api/x", who="alice", headers=socket),
        await house.ask(contract, "/api/../x", who="alice"),
    ]
    house.clock.advance(3600)
    answers.append(await house.ask(contract, "/api/x", who="alice"))
    house.store.down = True
    answers.append(await house.ask(contract, "/api/x", who="alice"))

    assert 200 not in [answer.status for answer in answers]
    assert [leaks(answer) for answer in answers] == [set()] * len(answers)


@pytest.mark.parametrize("grant", [None, tokens(access_token="", id_token="")], ids=["none", "empty"])
async def test_another_logins_token_is_never_handed_out_in_place_of_a_missing_one(contract, grant):
    """The rule judges the corp login; the token of the partner's stays where it is."""
    house = await open_house(rules=RULES, providers=TWO)
    first = await house.sessions.begin(IDENTITIES["alice"], grant, browser="b")
    house.begun["both"] = await house.sessions.begin(
        person("p-1", "partner", user="mallory"), tokens("partner", expires=0), first.ticket, browser="b"
    )

    for _ in range(3):
        judged_corp = await house.ask(contract, "/corp/x", who="both")
        judged_latest = await house.ask(contract, "/api/x", who="both")

        assert value_of(judged_corp, b"x-auth-user") == b"alice"
        assert leaks(judged_corp) == set()
        assert value_of(judged_latest, b"x-auth-user") == b"mallory"
        assert leaks(judged_latest) == {b"partner-access", b"partner-id"}


async def test_a_login_that_does_not_count_any_more_gives_no_token(contract):
    """The section stands for another issuer since: its old tokens are nobody's."""
    house = await open_house(rules=RULES, providers=TWO)
    first = await house.sessions.begin(IDENTITIES["alice"], tokens(expires=0), browser="b")
    house.begun["both"] = await house.sessions.begin(
        person("p-1", "partner", user="mallory"), tokens("partner", expires=0), first.ticket, browser="b"
    )
    house.sessions._openings._issuers = {"corp": ISSUERS["corp"], "partner": "https://elsewhere.example.com"}

    answer = await house.ask(contract, "/api/x", who="both")

    assert value_of(answer, b"x-auth-user") == b"alice"
    assert leaks(answer) == {b"corp-access", b"corp-id"}


async def test_tokens_that_are_moved_into_another_session_open_nothing(contract):
    """Who can write to the store moves a sealed field; it belongs to one session, and its key is in one cookie."""
    house = await house_with()
    source, target = (f"s:{{{house.begun[who].session.id}}}" for who in ("alice", "admin"))
    house.store.records[target].fields["grant"] = house.store.records[source].fields["grant"]

    answer = await house.ask(contract, "/api/x", who="admin")

    assert (answer.status, leaks(answer)) == (200, set())


async def test_after_a_logout_no_process_hands_the_token_on(contract):
    """It is forgotten with the session, at once."""
    house = await house_with()
    for _ in range(3):
        assert leaks(await house.ask(contract, "/api/x", who="alice"))

    await house.sessions.end(house.begun["alice"].ticket, "logout")

    answer = await house.ask(contract, "/api/x", who="alice")
    assert (answer.status, leaks(answer)) == (401, set())
    assert not any(memory.handed for memory in house.check.reader._cache._memories.values())


async def test_a_head_that_comes_again_keeps_no_token(contract):
    """Heads live as long as the process; what is told of a person dies with the session."""
    house = await house_with()
    lines = [*family(contract, b"GET", APP.encode(), b"/api/x"), (b"cookie", house.cookie("alice").encode())]
    head = Head("GET", f"/verify/{contract}".encode(), tuple(lines), PROXY)

    for _ in range(3):
        assert leaks(await house.answer(contract, head))

    assert head.kept is not None
    assert head.kept.made is None


@pytest.mark.parametrize(
    "hint", ["again:nobody", "again:", "again:again:corp", "again:corp&rd=https://evil.test/", "again"]
)
async def test_a_forged_wish_for_a_new_login_names_configured_providers_or_nothing(contract, hint):
    """It comes back by way of the proxy, and is read as if a stranger had written it."""
    house = await house_with()
    lines = [*family(contract, b"GET", APP.encode(), b"/api/x"), (b"accept", b"text/html")]
    lines += [(b"x-gateway-status", b"401"), (b"x-gateway-login-providers", hint.encode())]
    path = "/verify/auth-request/login" if contract == "auth-request" else "/verify/forward-auth"

    answer = await house.send(path, lines)

    asked = parse_qs(urlsplit(value_of(answer, b"location").decode()).query)
    assert set(asked) == {"rd"}
    assert asked["rd"] == [f"https://{APP}/api/x"]


async def test_without_any_such_rule_no_header_of_a_token_leaves_us(contract):
    """Off by default: whatever a session holds."""
    house = await house_with(rules=WRITTEN["rules"])
    for uri in ("/public/x", "/welcome/x", "/x"):
        answer = await house.ask(contract, uri, who="alice")
        assert answer.status == 200
        assert not any(b"token" in name for name, _ in answer.headers)
        assert leaks(answer) == set()
