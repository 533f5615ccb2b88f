"""First-party tokens, looked at once more: what a changed configuration leaves over, and what can be read two ways."""

import asyncio
import contextlib
import sqlite3
from base64 import b64encode, urlsafe_b64encode

import pytest

from gateway.errors import TokenInvalid, Unsealable
from gateway.keys.jwks import sign_access
from gateway.keys.seal import Sealer
from gateway.tokens.access import TYP, AccessTokens
from gateway.tokens.refresh_token import read_refresh_token
from tests.kit.clock import Clock
from tests.kit.token_house import AUTH, EVIL, SPA, TOKENS, TokenHouse, bearer, token_house, token_ring
from tests.kit.wired import Wired

pytestmark = pytest.mark.anyio
NOW = Clock()()


@pytest.mark.parametrize("between", ["\t", "\t ", " \t", ",", ":", "=", '"', ";", "/", "\xa0"], ids=repr)
async def test_a_bearer_behind_another_separator_is_refused_and_never_the_cookie_instead(tmp_path, between):
    """Applications split at any white space: what one of them takes for a token is judged as one."""
    async with token_house(tmp_path) as house:
        cookie = await house.sign_in()
        pair = (await house.sign_in_by_json()).json()
        line = {"authorization": f"Bearer{between}{pair['access_token']}"}
        said = await house.say("/api/x", cookie, headers=line)

    assert said.status_code == 401
    assert 'error="invalid_token"' in said.headers["www-authenticate"]


@pytest.mark.parametrize("line", ["BearerX abc", "Bearer.v2 abc", "Token abc", "Bearer-abc"])
async def test_another_scheme_stays_the_applications_own(tmp_path, line):
    """Its name is all of the token that it stands in (RFC 9110 section 5.6.2), not the beginning of it."""
    async with token_house(tmp_path) as house:
        cookie = await house.sign_in()
        said = await house.say("/api/x", cookie, headers={"authorization": line})

    assert said.status_code == 200


def later(house, folder, **tokens):
    """The same gateway after a restart with other `tokens`, on the same store and keys."""
    section = {"type": "users-file", "file": str(folder / "people.yaml"), "user": "people:{username}"}
    return Wired(
        folder,
        house.provider,
        house.clock,
        house.ring,
        corp={"user": "corp:{preferred_username}"},
        more={"people": section},
        rules=[{"name": "api", "allow": "authenticated", "accept": ["session", "bearer"]}],
        tokens={**TOKENS, **tokens},
    )


async def test_a_client_that_has_left_the_configuration_has_no_tokens_any_more(tmp_path):
    """Neither of the two, from the restart on; whoever signed in by themselves keeps theirs."""
    async with token_house(tmp_path) as house:
        theirs = (await house.redeem(await house.code())).json()
        mine = (await house.sign_in_by_json()).json()
        house.house = without = later(house, tmp_path, clients={})
        await without.application.open()
        said = [(await house.say("/api/x", headers=bearer(pair))).status_code for pair in (theirs, mine)]
        given = [(await house.refresh(pair["refresh_token"])).status_code for pair in (theirs, mine)]
        await without.application.close()

    assert (said, given) == ([401, 200], [401, 200])


async def test_a_shorter_lifetime_counts_for_the_tokens_that_are_out(tmp_path):
    """That a session has ended is noted for one lifetime, the one of now: no token may outlive the note."""
    async with token_house(tmp_path, tokens={"lifetime": "12h"}) as house:
        pair = (await house.sign_in_by_json()).json()
        house.clock.advance(299)
        house.house = shorter = later(house, tmp_path, lifetime="5m")
        await shorter.application.open()
        within = await house.say("/api/x", headers=bearer(pair))
        house.clock.advance(1)
        after = await house.say("/api/x", headers=bearer(pair))
        await shorter.application.close()

    assert (within.status_code, after.status_code) == (200, 401)


def test_a_token_that_claims_more_than_a_lifetime_ends_with_it():
    """Whatever it says itself."""
    ring = token_ring()
    tokens = AccessTokens(ring, AUTH, AUTH, 300.0, 3600.0)
    claims = {
        "iss": AUTH,
        "aud": AUTH,
        "sub": "corp:1",
        "iat": int(NOW),
        "exp": int(NOW) + 86_400,
        "jti": "0" * 32,
        "client_id": "gateway",
        "sid": "0" * 12,
        "provider": "corp",
        "idp": "https://idp.example",
    }
    token = sign_access(ring, claims, TYP)

    assert tokens.reader().read(token, NOW).ends == int(NOW) + 300
    with pytest.raises(TokenInvalid, match="exp"):
        tokens.reader().read(token, NOW + 300)


async def test_a_used_code_and_all_of_the_store_and_the_keys_open_no_session(tmp_path):
    """A spent code stands in histories and logs of proxies. What is kept of it names a session, and holds no ticket."""
    async with token_house(tmp_path) as house:
        code = await house.code()
        pair = (await house.redeem(code)).json()
        secret = read_refresh_token(house.ring, pair["refresh_token"]).ticket.secret
        opened = opened_by(house, code)

    assert opened
    assert not [raw for raw in opened if spells(raw, secret)]


def opened_by(house, code):
    """Everything in the store that a code and the keys open together."""
    sealer, found = Sealer(house.ring, "token-code/v1", lambda size: b"\0" * size), []
    with sqlite3.connect(house.database) as database:
        tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        rows = [row for table in tables for row in database.execute(f'select * from "{table}"')]
    for value in [value for row in rows for value in row if isinstance(value, bytes)]:
        for kind in (b"code/v1", b"code-used/v1"):
            with contextlib.suppress(Unsealable):
                found.append(sealer.open(value, kind, binding=code.encode()))
    return found


def spells(raw, secret):
    return any(
        form in raw for form in (secret, secret.hex().encode(), b64encode(secret), urlsafe_b64encode(secret))
    )


@pytest.mark.parametrize("path", ["/auth/login", "/auth/refresh", "/auth/logout", "/auth/logout-all"])
@pytest.mark.parametrize(
    "body",
    [
        '{"username": "\\ud800", "password": "x"}',
        '{"username": "ann", "password": "\\udfff"}',
        '{"username": "ann", "password": "x", "domain": "\\ud800"}',
        '{"username": "ann", "password": "x", "provider": "\\ud800"}',
        '{"refresh_token": "\\ud800"}',
        '{"code": "\\ud800", "code_verifier": "\\ud800", "client": "\\ud800", "rd": "\\ud800"}',
        '{"refresh_token": "grt1.\\u0661.x.y"}',
        '{"refresh_token": ["x"]}',
        '{"refresh_token": "a", "refresh_token": "b"}',
        "\ufeff{}",
        "[]",
        "null",
        "1e999",
        "{" * 4000,
        '{"username": ' + "[" * 4000,
        '{"cookie": ' + "9" * 5000 + "}",
    ],
    ids=lambda body: body[:40],
)
async def test_no_body_is_a_fault_of_ours(tmp_path, path, body):
    """Half surrogates, numbers without end, members twice: each is the sender's, and none an alarm."""
    async with token_house(tmp_path) as house:
        answer = await house.post(path, body.encode("utf-8"), {"sec-fetch-site": "same-origin"})
        await asyncio.sleep(0)
        written = house.written.getvalue()

    assert 200 <= answer.status_code < 500, answer.text
    assert "internal_error" not in written


async def test_an_answer_that_refuses_an_origin_varies_with_it_too(tmp_path):
    """A cache between must not hand one page the answer of another, whichever of them it was."""
    async with token_house(tmp_path) as house:
        answers = [await house.sign_in_by_json({"origin": origin}) for origin in (EVIL, SPA)]

    assert [one.status_code for one in answers] == [403, 200]
    assert all("Origin" in one.headers["vary"] for one in answers)


async def test_a_listed_page_may_read_how_long_it_has_to_wait(tmp_path):
    """Without that line a script of another origin sees no Retry-After, and comes back at once."""
    async with token_house(tmp_path, login={"per_prefix": 1}) as house:
        answers = [
            await house.post("/auth/refresh", {"refresh_token": "junk"}, {"origin": SPA}) for _ in range(2)
        ]

    assert answers[-1].status_code == 429
    assert answers[-1].headers["access-control-expose-headers"].lower() == "retry-after"


async def test_the_end_of_a_login_at_its_provider_takes_the_tokens_along(tmp_path):
    """By the provider's own name of it: whoever ends it holds no ticket and knows no session of ours."""
    async with token_house(tmp_path) as house:
        house.provider.person["sid"] = "p-1"
        pair = (await house.redeem(await house.code())).json()
        before = await house.say("/api/x", headers=bearer(pair))
        people = house.application._people
        ended = await people.inventory.end_login(house.provider.issuer, "p-1", "backchannel_logout")
        said = await house.say("/api/x", headers=bearer(pair))
        refreshed = await house.refresh(pair["refresh_token"])

    assert (before.status_code, ended) == (200, 1)
    assert (said.status_code, refreshed.status_code) == (401, 401)


async def test_no_part_of_a_private_key_is_published(tmp_path):
    """RFC 7518 section 6: d, and of RSA the primes and what follows from them; k is a secret as a whole."""
    async with token_house(tmp_path, "RS256") as house:
        jwks = (await house.get("bind", "/.well-known/jwks.json")).json()

    assert {key["alg"] for key in jwks["keys"]} == {"ES256", "RS256"}
    for key in jwks["keys"]:
        assert not {"d", "p", "q", "dp", "dq", "qi", "oth", "k"} & key.keys()


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "text/plain; application/json",
        "text/plain, application/json",
        "multipart/form-data",
        "application/x-www-form-urlencoded",
        "application/json+x",
        "application/jsonp",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/auth/login", "/auth/refresh", "/auth/logout", "/auth/logout-all"])
async def test_json_under_another_type_is_read_by_nobody(tmp_path, path, kind):
    """A form of another site can send these without asking first; what it wrote must do nothing, and bring no cookie."""
    async with token_house(tmp_path) as house:
        cookie = await house.sign_in()
        refresh_token = (await house.sign_in_by_json()).json()["refresh_token"]
        body = {"username": "ann", "password": "correct horse", "refresh_token": refresh_token}
        headers = {"content-type": kind, "cookie": cookie, "sec-fetch-site": "cross-site"}
        answer = await house.post(path, body, headers)
        said = await house.say("/api/x", cookie)
        good = await house.refresh(refresh_token)

    assert 400 <= answer.status_code < 500
    assert "set-cookie" not in answer.headers
    assert "access_token" not in answer.text
    assert (said.status_code, good.status_code) == (200, 200)


async def test_refreshes_of_one_token_at_two_replicas_end_in_one_pair(tmp_path):
    """Twenty at once, ten at each: one goes on, and all others get what it got."""
    async with token_house(tmp_path) as house:
        token = (await house.sign_in_by_json()).json()["refresh_token"]
        other = TokenHouse(later(house, tmp_path))
        await other.application.open()
        answers = await asyncio.gather(*[one.refresh(token) for one in (house, other) for _ in range(10)])
        await other.application.close()
        newest = {one.json()["refresh_token"] for one in answers}
        after = await house.refresh(newest.pop())

    assert {one.status_code for one in answers} == {200}
    assert not newest
    assert after.status_code == 200
