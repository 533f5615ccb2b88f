"""Access tokens at the verify endpoints: where a rule takes them, they alone say who somebody is."""

import jwt as pyjwt
import pytest

from tests.kit.browser import NAVIGATION
from tests.kit.token_house import AUTH, bearer, token_house

pytestmark = pytest.mark.anyio
CONTRACTS = ("forward-auth", "auth-request")
INVALID = 'Bearer realm="gateway", error="invalid_token"'


async def test_a_bearer_brings_the_identity_headers_and_an_assertion(tmp_path):
    """The application sees no difference, save when it ends."""
    async with token_house(tmp_path) as house:
        pair = (await house.sign_in_by_json()).json()
        said = await house.say("/api/x", headers=bearer(pair))
        now = house.clock()

    claims = pyjwt.decode(pair["access_token"], options={"verify_signature": False})
    assertion = pyjwt.decode(said.headers["x-auth-assertion"], options={"verify_signature": False})
    assert said.status_code == 200
    assert said.headers["x-auth-user"] == "people:ann"
    assert said.headers["x-auth-subject"] == "people:ann"
    assert said.headers["x-auth-groups"] == "people:staff"
    assert said.headers["x-auth-expires"] == str(int(now) + 1800)
    assert assertion["sid"] == claims["sid"]
    assert (assertion["aud"], assertion["sub"]) == ("app.example.com", "people:ann")


@pytest.mark.parametrize("contract", CONTRACTS)
async def test_a_bad_bearer_is_a_401_and_never_falls_through_to_the_cookie(tmp_path, contract):
    """The cookie beside it is good, and is not looked at."""
    async with token_house(tmp_path) as house:
        cookie = await house.sign_in()
        fine = await house.say("/api/x", cookie, contract=contract)
        said = await house.say("/api/x", cookie, contract=contract, headers=bearer("junk"), navigates=True)

    assert fine.status_code == 200
    assert said.status_code == 401
    assert "location" not in said.headers


async def test_behind_nginx_the_second_answer_has_the_challenge_of_the_first(tmp_path):
    """The module drops the answer to the check; what the client sees comes of the request behind it."""
    async with token_house(tmp_path) as house:
        first = await house.say("/api/x", contract="auth-request", headers=bearer("junk"))
        carried = {
            "x-gateway-status": "401",
            "x-gateway-login-providers": first.headers["x-gateway-login-providers"],
            "x-gateway-decision-id": first.headers["x-gateway-decision-id"],
        }
        second = await house.say(
            "/api/x", contract="auth-request", login=True, navigates=True, headers=carried
        )

    assert "www-authenticate" not in first.headers
    assert (second.status_code, second.headers["www-authenticate"]) == (401, INVALID)


async def test_a_bearer_decides_alone_beside_a_good_cookie(tmp_path):
    """Two people in one request: the one whom the token names."""
    async with token_house(tmp_path) as house:
        cookie = await house.sign_in()
        pair = (await house.sign_in_by_json()).json()
        said = await house.say("/api/x", cookie, headers=bearer(pair))

    assert said.headers["x-auth-user"] == "people:ann"


async def test_where_a_rule_takes_no_bearer_the_header_is_the_applications(tmp_path):
    """Not read: neither a good one lets anybody in, nor a bad one keeps anybody out."""
    async with token_house(tmp_path) as house:
        cookie = await house.sign_in()
        pair = (await house.sign_in_by_json()).json()
        good = await house.say("/elsewhere", headers=bearer(pair))
        bad = await house.say("/elsewhere", cookie, headers=bearer("junk"))
        public = await house.say("/public/x", headers=bearer("junk"))

    assert (good.status_code, bad.status_code, public.status_code) == (401, 200, 200)


async def test_another_scheme_is_none_where_only_bearer_is_read(tmp_path):
    """Basic belongs to the application there, so the cookie counts."""
    async with token_house(tmp_path) as house:
        cookie = await house.sign_in()
        said = await house.say("/api/x", cookie, headers={"authorization": "Basic YTpi"})

    assert said.status_code == 200


async def test_a_rule_for_bearers_alone_takes_no_cookie(tmp_path):
    """Nor does it send a browser to a login that would not help."""
    async with token_house(tmp_path) as house:
        cookie = await house.sign_in()
        pair = (await house.sign_in_by_json()).json()
        without = await house.say("/robots/x", cookie, headers=NAVIGATION)
        having = await house.say("/robots/x", headers=bearer(pair))

    assert (without.status_code, having.status_code) == (401, 200)
    # RFC 6750 section 3.1: no error where nothing was presented.
    assert without.headers["www-authenticate"] == 'Bearer realm="gateway"'
    assert without.json()["error"] == "unauthenticated"


async def test_behind_nginx_no_bearer_is_no_error_either(tmp_path):
    """The second answer says of nothing presented what the first did, and sends nobody to a login."""
    async with token_house(tmp_path) as house:
        first = await house.say("/robots/x", contract="auth-request", navigates=True)
        carried = {
            "x-gateway-status": "401",
            "x-gateway-login-providers": first.headers["x-gateway-login-providers"],
            "x-gateway-decision-id": first.headers["x-gateway-decision-id"],
        }
        second = await house.say(
            "/robots/x", contract="auth-request", login=True, navigates=True, headers=carried
        )

    assert (first.status_code, second.status_code) == (401, 401)
    assert second.headers["www-authenticate"] == 'Bearer realm="gateway"'
    assert second.json()["error"] == "unauthenticated"


async def test_rules_judge_a_bearer_as_they_judge_a_session(tmp_path):
    """Groups count; a 403 is a 403, and no reason to send another token."""
    async with token_house(tmp_path) as house:
        ann = (await house.sign_in_by_json()).json()
        bob = (await house.sign_in_by_json(username="bob")).json()
        said = [(await house.say("/staff/x", headers=bearer(one))).status_code for one in (ann, bob)]

    assert said == [200, 403]


async def test_an_optional_rule_refuses_a_bad_bearer_and_takes_none(tmp_path):
    """Who presents something is not taken for somebody who presents nothing."""
    async with token_house(tmp_path) as house:
        nobody = await house.say("/perhaps/x")
        bad = await house.say("/perhaps/x", headers=bearer("junk"))

    assert (nobody.status_code, nobody.headers["x-auth-user"]) == (200, "")
    assert bad.status_code == 401


async def test_an_access_token_ends_by_the_clock(tmp_path):
    """Remembered or not, to the second; and no assertion is given out that has ended."""
    async with token_house(tmp_path) as house:
        pair = (await house.sign_in_by_json()).json()
        for path in ("/api/x", "/vault/x"):
            assert (await house.say(path, headers=bearer(pair))).status_code == 200
        house.clock.advance(1799)
        for path in ("/api/x", "/vault/x"):
            said = await house.say(path, headers=bearer(pair))
            assertion = pyjwt.decode(said.headers["x-auth-assertion"], options={"verify_signature": False})
            assert assertion["exp"] > house.clock()
            assert int(said.headers["x-auth-expires"]) > house.clock()
        house.clock.advance(1)
        statuses = [
            (await house.say(path, headers=bearer(pair))).status_code for path in ("/api/x", "/vault/x")
        ]

    assert statuses == [401, 401]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_name_of_the_scheme_has_no_case(tmp_path, scheme):
    """RFC 9110 section 11.1."""
    async with token_house(tmp_path) as house:
        pair = (await house.sign_in_by_json()).json()
        said = await house.say("/api/x", headers=bearer(pair, scheme))

    assert said.status_code == 200


async def test_a_store_that_does_not_answer_is_no_verdict_on_a_token(tmp_path):
    """A 503, as for a session: nobody knows whether it was revoked."""
    async with token_house(tmp_path) as house:
        pair = (await house.sign_in_by_json()).json()
        await house.application._store.close()
        said = await house.say("/vault/x", headers=bearer(pair))

    assert said.status_code == 503
    assert "retry-after" in said.headers


async def test_a_token_is_verified_once_and_its_session_asked_for_once_in_five_seconds(tmp_path):
    """A hundred checks cost one signature and one look at the store."""
    async with token_house(tmp_path) as house:
        pair = (await house.sign_in_by_json()).json()
        scheme = house.application.listeners[1].app.verify._check.schemes["bearer"]
        looks, verified = [], []
        live, read = scheme._lives, scheme._tokens.read

        async def lives(access):
            looks.append(access.id)
            return await live(access)

        scheme._lives = lives
        scheme._tokens.read = lambda *given: verified.append(1) or read(*given)
        for _ in range(100):
            assert (await house.say("/api/x", headers=bearer(pair))).status_code == 200
        strict = await house.say("/vault/x", headers=bearer(pair))

    assert strict.status_code == 200
    assert len(verified) == 1
    assert len(looks) == 2


async def test_the_person_of_a_section_that_left_the_configuration_is_nobody(tmp_path):
    """A token outlives the file that it was issued under, and what it says is held against the file of today."""
    async with token_house(tmp_path) as house:
        pair = (await house.sign_in_by_json()).json()
        scheme = house.application.listeners[1].app.verify._check.schemes["bearer"]
        scheme._stands = lambda identity: False
        said = await house.say("/vault/x", headers=bearer(pair))

    assert said.status_code == 401


async def test_t44_the_audience_is_what_the_configuration_says(tmp_path):
    """A token for another audience is none, though the same key signed it."""
    async with token_house(tmp_path, tokens={"audience": "https://api.example.com"}) as house:
        pair = (await house.sign_in_by_json()).json()
        said = await house.say("/api/x", headers=bearer(pair))
        (tmp_path / "other").mkdir()
        async with token_house(tmp_path / "other") as second:
            refused = await second.say("/api/x", headers=bearer(pair))

    claims = pyjwt.decode(pair["access_token"], options={"verify_signature": False})
    assert claims["aud"] == "https://api.example.com"
    assert claims["iss"] == AUTH
    assert said.status_code == 200
    assert second.ring is house.ring
    assert refused.status_code == 401
