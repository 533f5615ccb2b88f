"""Tokens that are none, or none for this: substitution, confusion of algorithms, another use of one of our keys."""

import asyncio
import base64
import json

import jwt as pyjwt
import pytest

from gateway.keys.jwks import sign, sign_access
from gateway.tokens.access import TYP
from tests.kit.token_house import AUTH, bearer, token_house

pytestmark = pytest.mark.anyio
INVALID = 'Bearer realm="gateway", error="invalid_token"'


def claims_of(pair):
    return pyjwt.decode(pair["access_token"], options={"verify_signature": False})


def segment(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def refused(house, *tokens):
    """Each is a 401 that says so, from the store and from whatever was remembered."""
    for token in tokens:
        for _ in range(2):
            said = await house.say("/api/x", headers=bearer(token))
            assert (said.status_code, said.headers["www-authenticate"]) == (401, INVALID), token
            assert "x-auth-user" not in said.headers


@pytest.mark.parametrize("typ", ["assertion+jwt", "logout+jwt", "JWT", "at+jwt+x", ""])
async def test_another_use_of_our_keys_is_no_access_token(tmp_path, typ):
    """Signed by the very key of access tokens, with all of its claims: the type alone tells it apart."""
    async with token_house(tmp_path) as house:
        claims = claims_of((await house.sign_in_by_json()).json())
        await refused(house, sign_access(house.ring, claims, typ))


async def test_an_assertion_is_no_bearer_though_an_application_holds_it(tmp_path):
    """An application must not become its visitor at another one."""
    async with token_house(tmp_path) as house:
        pair = (await house.sign_in_by_json()).json()
        assertion = (await house.say("/api/x", headers=bearer(pair))).headers["x-auth-assertion"]
        await refused(house, assertion, sign(house.ring, claims_of(pair), TYP))


async def test_t35_neither_none_nor_a_public_key_as_a_secret_signs_a_token(tmp_path):
    """The list of algorithms is ours, and no key is ever used with another than its own."""
    async with token_house(tmp_path, "RS256") as house:
        pair = (await house.sign_in_by_json()).json()
        claims, (head, body, tail) = claims_of(pair), pair["access_token"].split(".")
        jwk = house.ring.token_signer.public_jwk()
        secret = base64.urlsafe_b64decode(jwk["n"] + "==")
        none = f"{segment({'alg': 'none', 'typ': TYP})}.{body}."
        confused = pyjwt.encode(claims, secret, "HS256", {"typ": TYP, "kid": jwk["kid"]})
        swapped = f"{segment({'alg': 'PS256', 'typ': TYP, 'kid': jwk['kid']})}.{body}.{tail}"
        await refused(house, none, none[:-1], confused, swapped, f"{head}.{body}.", f"{head}.{body}")


async def test_t35_a_header_does_not_choose_the_key_that_proves_it(tmp_path):
    """An own key in the token, or its address, is not looked at."""
    from gateway.keys.token_key import TokenKey

    async with token_house(tmp_path) as house:
        claims = claims_of((await house.sign_in_by_json()).json())
        mine = TokenKey.generate("ES256", lambda size: b"m" * size, 0, "active")
        made = [
            pyjwt.encode(claims, mine.private, "ES256", {"typ": TYP, **more})
            for more in (
                {"kid": house.ring.token_signer.kid},
                {"kid": mine.kid, "jwk": mine.public_jwk()},
                {"jku": "https://evil.example/jwks.json"},
                {"kid": "../../dev/null"},
            )
        ]
        await refused(house, *made)


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.example"},
        {"aud": "https://another.example"},
        {"aud": []},
        {"exp": 1},
        {"exp": None},
        {"iat": 4_000_000_000},
        {"sub": "corp:ann"},
        {"provider": "corp"},
        {"idp": "https://another.example"},
        {"sid": None},
        {"jti": None},
        {"epoch": "0"},
        {"groups": "people:staff"},
        {"groups": [1]},
        {"exp": True},
    ],
    ids=str,
)
async def test_t36_a_claim_that_we_would_not_write_is_refused(tmp_path, change):
    """Even by our own key: what is not as it is written here was meant for somebody else."""
    async with token_house(tmp_path) as house:
        claims = claims_of((await house.sign_in_by_json()).json()) | change
        kept = {name: value for name, value in claims.items() if value is not None}
        await refused(house, sign_access(house.ring, kept, TYP))


@pytest.mark.parametrize(
    "value", ["", " ", "a b", "a,b", "=", "ä", "x" * 9_000, "eyJ.eyJ.x", "grt1.x.y.z", "a.b.c.d.e"], ids=len
)
async def test_w17_a_malformed_bearer_is_a_401_and_nothing_else(tmp_path, value):
    """The process answers the next one."""
    async with token_house(tmp_path) as house:
        pair = (await house.sign_in_by_json()).json()
        said = await house.say("/api/x", headers={"authorization": f"Bearer {value}"})
        after = await house.say("/api/x", headers=bearer(pair))

    assert said.status_code == 401
    assert after.status_code == 200


async def test_t02_a_token_anywhere_else_is_not_looked_at(tmp_path):
    """RFC 6750 sections 2.2 and 2.3 are not for us: addresses stand in logs."""
    async with token_house(tmp_path) as house:
        token = (await house.sign_in_by_json()).json()["access_token"]
        said = [
            await house.say(f"/api/x?access_token={token}"),
            await house.say("/api/x", f"access_token={token}"),
            await house.say("/api/x", headers={"x-access-token": token}),
        ]

    assert [one.status_code for one in said] == [401, 401, 401]


async def test_a_refresh_token_is_no_bearer_and_an_access_token_no_refresh_token(tmp_path):
    """Each opens what it is for."""
    async with token_house(tmp_path) as house:
        pair = (await house.sign_in_by_json()).json()
        await refused(house, pair["refresh_token"])
        answer = await house.refresh(pair["access_token"])

    assert answer.status_code == 401


async def test_a_refresh_token_makes_no_cookie_and_a_cookie_no_refresh_token(tmp_path):
    """Both carry the ticket of one session, under tags of different keys."""
    async with token_house(tmp_path) as house:
        same = {"sec-fetch-site": "same-origin", "origin": AUTH}
        answer = await house.sign_in_by_json(same, cookie=True)
        name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
        token = answer.json()["refresh_token"]
        _, kid, body, tag = token.split(".")
        raw = base64.urlsafe_b64decode(body + "==")
        cookie_like = base64.urlsafe_b64encode(raw[:36]).decode()
        said = await house.say("/elsewhere", f"{name}=v1.{kid}.{cookie_like}.{tag}")
        _, _, ticket, cookie_tag = value.split(".")
        made = base64.urlsafe_b64encode(base64.urlsafe_b64decode(ticket) + raw[36:]).rstrip(b"=").decode()
        refreshed = await house.refresh(f"grt1.{kid}.{made}.{cookie_tag}")
        good = await house.refresh(token)

    assert (said.status_code, refreshed.status_code, good.status_code) == (401, 401, 200)


async def test_every_bit_of_a_refresh_token_counts_and_junk_ends_nobodys_session(tmp_path):
    """Whoever guesses signs nobody out."""
    async with token_house(tmp_path) as house:
        token = (await house.sign_in_by_json()).json()["refresh_token"]
        for place in range(0, len(token), 7):
            other = "A" if token[place] != "A" else "B"
            forged = token[:place] + other + token[place + 1 :]
            answer = await house.post("/auth/refresh", {"refresh_token": forged}, peer=f"198.51.{place}.7")
            assert answer.status_code == 401, place
        good = await house.refresh(token)

    assert good.status_code == 200


async def test_an_address_that_keeps_on_presenting_junk_is_told_to_wait(tmp_path):
    """And nobody else is."""
    async with token_house(tmp_path, login={"per_prefix": 5}) as house:
        token = (await house.sign_in_by_json()).json()["refresh_token"]
        statuses = [(await house.refresh("junk")).status_code for _ in range(7)]
        elsewhere = await house.post("/auth/refresh", {"refresh_token": token}, peer="203.0.113.9")

    assert statuses == [401] * 5 + [429] * 2
    assert elsewhere.status_code == 200


async def test_no_token_stands_in_a_log_line(tmp_path):
    """At debug, for good ones and for bad ones."""
    async with token_house(tmp_path) as house:
        pair = (await house.sign_in_by_json()).json()
        code = await house.code()
        await house.redeem(code)
        newer = (await house.refresh(pair["refresh_token"])).json()
        await house.say("/api/x", headers=bearer(pair))
        await house.say("/api/x", headers=bearer(pair["access_token"][:-4] + "AAAA"))
        await house.refresh(pair["refresh_token"][:-4] + "AAAA")
        await house.lines("tokens.asked", 3)
        await asyncio.sleep(0)
        written = house.written.getvalue()

    secrets = [code, *[one[kind] for one in (pair, newer) for kind in ("access_token", "refresh_token")]]
    assert not [one for one in secrets if one[:-4] in written or one.split(".")[-1] in written]
    assert "correct horse" not in written
