"""A good token in a place that it is not for: another rule, another host, another gateway, another time."""

import itertools
import secrets

import jwt as pyjwt
import pytest

from gateway.keys.jwks import sign_access
from gateway.keys.keyring import Keyring
from gateway.tokens.access import TYP
from tests.kit.clock import Clock
from tests.kit.token_house import RULES, TOKENS, TokenHouse, bearer, token_house
from tests.kit.users_file import person, write_people
from tests.kit.wired import Wired

pytestmark = pytest.mark.anyio
WIKI = "https://wiki.example.com"
DAY = 86_400

PLACES = {
    # The rule, and what it says to ann (of staff), and to bob.
    "/api/x": ("api", 200, 200),
    "/staff/x": ("staff", 200, 403),
    "/vault/x": ("vault", 200, 200),
    "/corp/x": ("corp alone", 401, 401),
    "/rest/x": ("no bearer is read", 401, 401),
}
ELSEWHERE = [
    {
        "name": "corp-alone",
        "paths": ["/corp/**"],
        "allow": "authenticated",
        "providers": ["corp"],
        "accept": ["session", "bearer"],
    },
    *RULES,
]


def claims_of(pair):
    return pyjwt.decode(pair["access_token"], options={"verify_signature": False})


@pytest.mark.parametrize("contract", ["forward-auth", "auth-request"])
async def test_t18_a_remembered_yes_of_one_rule_is_none_of_another(tmp_path, contract):
    """CVE-2021-32701: the key of what was remembered named the token alone. Every order of five rules, and two people."""
    async with token_house(tmp_path, rules=ELSEWHERE) as house:
        pairs = [(await house.sign_in_by_json(username=name)).json() for name in ("ann", "bob")]
        for order in itertools.permutations(PLACES):
            said = {
                (path, who): await house.say(path, contract=contract, headers=bearer(pair))
                for path in order
                for who, pair in enumerate(pairs)
            }
            wrong = [key for key, one in said.items() if one.status_code != PLACES[key[0]][1 + key[1]]]
            assert not wrong, order
            names = {
                who: {
                    one.headers["x-auth-user"]
                    for (_, w), one in said.items()
                    if one.status_code == 200 and w == who
                }
                for who in (0, 1)
            }
            assert names == {0: {"people:ann"}, 1: {"people:bob"}}


async def test_t18_what_is_remembered_of_a_token_at_one_host_is_no_assertion_for_another(tmp_path):
    """The same token, the same rule, two applications: each gets a statement that the other cannot use."""
    hosts = ["https://app.example.com", WIKI]
    async with token_house(tmp_path, hosts=hosts) as house:
        pair = (await house.sign_in_by_json()).json()
        audiences = []
        for host in ("app.example.com", "wiki.example.com") * 3:
            lines = {**bearer(pair), "x-forwarded-host": host}
            said = await asked(house, lines)
            assertion = pyjwt.decode(said.headers["x-auth-assertion"], options={"verify_signature": False})
            audiences.append(assertion["aud"])

    assert audiences == ["app.example.com", "wiki.example.com"] * 3


async def asked(house, lines):
    """The verify endpoint, asked about another host than the wired house's own."""
    import httpx

    from tests.kit.verify_house import PROXY

    head = {"x-forwarded-method": "GET", "x-forwarded-uri": "/api/x", **lines}
    transport = httpx.ASGITransport(house.apps["verify_bind"], client=(PROXY, 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://verify") as client:
        return await client.get("/verify/forward-auth", headers=head)


async def test_t18_a_refusal_at_one_rule_is_no_refusal_at_another(tmp_path):
    """Nor the other way: who may not enter here is not kept out there."""
    async with token_house(tmp_path) as house:
        bob = (await house.sign_in_by_json(username="bob")).json()
        said = [
            (await house.say(path, headers=bearer(bob))).status_code
            for path in ("/staff/x", "/api/x", "/staff/x", "/api/x")
        ]

    assert said == [403, 200, 403, 200]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"client_id": "another"}, id="another client"),
        pytest.param({"client_id": None}, id="no client"),
        pytest.param({"client_id": ["gateway"]}, id="clients"),
        pytest.param({"iss": None}, id="no issuer"),
        pytest.param({"iss": "https://auth.example.com/"}, id="the issuer with a slash"),
        pytest.param({"aud": None}, id="no audience"),
        pytest.param({"aud": "app.example.com"}, id="the audience of an assertion"),
        pytest.param({"aud": ["https://api.example.com"]}, id="other audiences"),
        pytest.param({"exp": None}, id="no end"),
        pytest.param({"exp": "tomorrow"}, id="an end in words"),
        pytest.param({"nbf": 4_000_000_000}, id="not yet"),
        pytest.param({"iat": None}, id="no begin"),
    ],
)
async def test_t36_a_signature_alone_lets_nobody_in(tmp_path, change):
    """Signed by the right key: for another client, of another issuer, for somebody else, without an end."""
    async with token_house(tmp_path) as house:
        good = claims_of((await house.sign_in_by_json()).json())
        kept = {name: value for name, value in (good | change).items() if value is not None}
        bad = await house.say("/api/x", headers=bearer(sign_access(house.ring, kept, TYP)))
        fine = await house.say("/api/x", headers=bearer(sign_access(house.ring, good, TYP)))

    assert (bad.status_code, fine.status_code) == (401, 200)


async def test_t36_a_client_that_is_registered_nowhere_gets_no_further_with_a_token_of_one_that_is(tmp_path):
    """`client_id` is held against the configuration of now, remembered or not."""
    async with token_house(tmp_path) as house:
        pair = (await house.redeem(await house.code())).json()
        claims = claims_of(pair)
        said = [
            (
                await house.say("/api/x", headers=bearer(sign_access(house.ring, claims | change, TYP)))
            ).status_code
            for change in ({}, {"client_id": "app"}, {"client_id": "spa2"}, {"client_id": "SPA"})
        ]

    assert claims["client_id"] == "spa"
    assert said == [200, 200, 401, 401]


def neighbour(house, folder, **changes):
    """Another gateway over the same store: a tenant with an address, or keys, of its own."""
    write_people(folder / "people.yaml", ann=person(groups=["staff"]))
    section = {"type": "users-file", "file": str(folder / "people.yaml"), "user": "people:{username}"}
    given = {
        "corp": {"user": "corp:{preferred_username}"},
        "more": {"people": section},
        "rules": RULES,
        "tokens": TOKENS,
        **changes,
    }
    ring = given.pop("ring", house.ring)
    return TokenHouse(Wired(folder, house.provider, house.clock, ring, **given))


OTHER_TENANTS = [
    pytest.param({"keys": True}, id="other keys"),
    pytest.param({"tokens": {**TOKENS, "audience": "https://b.example.com"}}, id="another audience"),
    pytest.param(
        {"public_url": "https://auth.b.example.com", "sessions": {"cookie_domain": "example.com"}},
        id="another address",
    ),
]


@pytest.mark.parametrize("changes", OTHER_TENANTS)
async def test_t44_a_bearer_that_one_tenant_remembers_is_nobody_at_another(tmp_path, changes):
    """Both share the store, and each has met the tokens of its own: in either order, and from memory."""
    if "keys" in changes:
        ring = Keyring.generate(secrets.token_bytes, Clock()()).for_tokens(
            "ES256", secrets.token_bytes, Clock()()
        )
        changes = {"ring": ring}
    async with token_house(tmp_path) as first:
        second = neighbour(first, tmp_path, **changes)
        await second.application.open()
        try:
            ours, theirs = [(await one.sign_in_by_json()).json() for one in (first, second)]
            said = []
            for _ in range(3):
                for house, pair in itertools.product((first, second), (ours, theirs)):
                    said.append((await house.say("/api/x", headers=bearer(pair))).status_code)
                    said.append((await house.say("/vault/x", headers=bearer(pair))).status_code)
        finally:
            await second.application.close()

    assert said == [200, 200, 401, 401, 401, 401, 200, 200] * 3


async def test_t44_a_refresh_token_and_a_code_of_another_tenant_are_nobodys(tmp_path):
    """Other keys over the same store: what they did not seal they do not open, and what they did not sign is junk."""
    ring = Keyring.generate(secrets.token_bytes, Clock()()).for_tokens(
        "ES256", secrets.token_bytes, Clock()()
    )
    async with token_house(tmp_path) as first:
        second = neighbour(first, tmp_path, ring=ring)
        await second.application.open()
        try:
            pair, code = (await first.sign_in_by_json()).json(), await first.code()
            there = await second.refresh(pair["refresh_token"])
            here = await first.refresh(pair["refresh_token"])
            foreign = await second.redeem(code)
        finally:
            await second.application.close()

    assert (there.status_code, here.status_code, foreign.status_code) == (401, 200, 401)
    assert "access_token" not in foreign.text


@pytest.mark.parametrize("path", ["/api/x", "/vault/x"])
async def test_w19_a_bearer_of_a_month_ago_opens_nothing_from_memory_or_without(tmp_path, path):
    """The clock of the gateway goes on by thirty days between two requests; so does that of its memory, or not."""
    async with token_house(tmp_path) as house:
        pair = (await house.sign_in_by_json()).json()
        before = [(await house.say(path, headers=bearer(pair))).status_code for _ in range(2)]
        house.clock.advance(30 * DAY)
        after = [(await house.say(path, headers=bearer(pair))).status_code for _ in range(2)]
        refreshed = await house.refresh(pair["refresh_token"])

    assert (before, after) == ([200, 200], [401, 401])
    assert refreshed.status_code == 401


async def test_w19_a_bearer_of_tomorrow_opens_nothing(tmp_path):
    """Issued under a clock that was a month ahead: it would be good for a month and half an hour."""
    async with token_house(tmp_path) as house:
        house.clock.advance(30 * DAY)
        pair = (await house.sign_in_by_json()).json()
        house.clock.advance(-30 * DAY)
        said = await house.say("/api/x", headers=bearer(pair))

    assert said.status_code == 401


async def test_w19_a_copied_pair_is_dead_with_the_logout(tmp_path):
    """Revocation, which a signature knows nothing of: at once, at every rule that takes a bearer."""
    async with token_house(tmp_path) as house:
        pair = (await house.sign_in_by_json()).json()
        paths = ("/api/x", "/robots/x", "/vault/x", "/staff/x")
        before = [(await house.say(path, headers=bearer(pair))).status_code for path in paths]
        await house.post("/auth/logout", {"refresh_token": pair["refresh_token"]})
        after = [(await house.say(path, headers=bearer(pair))).status_code for path in paths]
        refreshed = await house.refresh(pair["refresh_token"])

    assert (before, after) == ([200] * 4, [401] * 4)
    assert refreshed.status_code == 401
