"""First-party tokens: what a JSON login gives, and how it goes on, through the whole gateway."""

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.kit.token_house import AUTH, SPA, bearer, token_house
from tests.kit.wired import BROWSER_COOKIE, COOKIE

pytestmark = pytest.mark.anyio
SAME_ORIGIN = {"sec-fetch-site": "same-origin", "origin": AUTH}


async def test_a_json_login_gives_the_user_and_a_pair_and_sets_no_cookie(tmp_path):
    """A program gets all it needs in one answer that nobody keeps."""
    async with token_house(tmp_path) as house:
        answer = await house.sign_in_by_json()

    body = answer.json()
    assert answer.status_code == 200
    assert body["user"]["subject"] == "people:ann"
    assert body["user"]["groups"] == ["people:staff"]
    assert body["token_type"] == "Bearer"
    assert (body["expires_in"], body["refresh_expires_in"]) == (1800, 3 * 86_400)
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # by RFC 9864 the name, not the signature
@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_the_access_token_is_what_the_published_keys_say(tmp_path, algorithm):
    """An independent library verifies it by the address of the keys, and reads who it is."""
    async with token_house(tmp_path, algorithm) as house:
        pair = (await house.sign_in_by_json()).json()
        jwks = (await house.get("bind", "/.well-known/jwks.json")).json()
        now = house.clock()

    token = jwt.decode(pair["access_token"], KeySet.import_key_set(jwks), algorithms=[algorithm])
    used = next(key for key in jwks["keys"] if key["kid"] == token.header["kid"])
    assert token.header["typ"] == "at+jwt"
    assert (used["alg"], used["use"]) == (algorithm, "sig")
    assert not {"d", "p", "q"} & used.keys()
    assert (token.claims["iss"], token.claims["aud"]) == (AUTH, AUTH)
    assert (token.claims["iat"], token.claims["exp"]) == (now, now + 1800)
    assert token.claims["sub"] == "people:ann"
    assert token.claims["client_id"] == "gateway"


async def test_a_refresh_brings_a_new_pair_and_keeps_the_session_alive(tmp_path):
    """Two days apart, again and again: the idle limit of three days never comes."""
    async with token_house(tmp_path) as house:
        pair = (await house.sign_in_by_json()).json()
        for _ in range(5):
            house.clock.advance(2 * 86_400)
            answer = await house.refresh(pair["refresh_token"])
            assert answer.status_code == 200, answer.text
            assert answer.json()["refresh_token"] != pair["refresh_token"]
            pair = answer.json()
        said = await house.say("/api/x", headers=bearer(pair))

    assert said.status_code == 200


async def test_a_session_that_is_not_used_takes_its_refresh_token_along(tmp_path):
    """The idle limit is that of the session, whoever holds it."""
    async with token_house(tmp_path) as house:
        pair = (await house.sign_in_by_json()).json()
        house.clock.advance(3 * 86_400 + 1)
        answer = await house.refresh(pair["refresh_token"])

    assert answer.status_code == 401
    assert answer.json()["error"] == "bad_credential"
    assert answer.headers["www-authenticate"] == 'Bearer realm="gateway"'


async def test_a_refresh_token_dies_after_its_own_time_though_the_cookie_lives_on(tmp_path):
    """Eight days of clicks keep the session; a token that nobody used for seven is over."""
    async with token_house(tmp_path) as house:
        answer = await house.sign_in_by_json(SAME_ORIGIN, cookie=True)
        cookie = answer.headers["set-cookie"].partition(";")[0]
        for _ in range(4):
            house.clock.advance(2 * 86_400)
            assert (await house.say("/api/x", cookie)).status_code == 200
        refused = await house.refresh(answer.json()["refresh_token"])
        said = await house.say("/api/x", cookie)

    assert (refused.status_code, said.status_code) == (401, 200)


async def test_cookie_and_tokens_of_one_login_keep_each_other_alive(tmp_path):
    """Activity by either is activity of the one session; ending it by either ends both."""
    async with token_house(tmp_path) as house:
        answer = await house.sign_in_by_json(SAME_ORIGIN, cookie=True)
        names = [line.partition("=")[0] for line in answer.headers.get_list("set-cookie")]
        cookie, pair = answer.headers.get_list("set-cookie")[0].partition(";")[0], answer.json()
        house.clock.advance(2 * 86_400)
        assert (await house.say("/api/x", cookie)).status_code == 200
        house.clock.advance(2 * 86_400)
        pair = (await house.refresh(pair["refresh_token"])).json()
        house.clock.advance(2 * 86_400)
        assert (await house.say("/api/x", cookie)).status_code == 200
        out = await house.post("/auth/logout", {"refresh_token": pair["refresh_token"]})
        over = await house.say("/api/x", cookie)

    assert names == [COOKIE, BROWSER_COOKIE, "__Host-gw-device"]
    assert out.status_code == 200
    assert over.status_code == 401


async def test_logout_by_tokens_ends_both_tokens_at_once(tmp_path):
    """The access token is known to have ended, though it would be good for half an hour."""
    async with token_house(tmp_path) as house:
        pair = (await house.sign_in_by_json()).json()
        assert (await house.say("/api/x", headers=bearer(pair))).status_code == 200
        await house.post("/auth/logout", {"refresh_token": pair["refresh_token"]})
        said = await house.say("/api/x", headers=bearer(pair))
        refused = await house.refresh(pair["refresh_token"])

    assert said.status_code == 401
    assert said.headers["www-authenticate"] == 'Bearer realm="gateway", error="invalid_token"'
    assert refused.status_code == 401


async def test_logout_all_ends_every_session_of_the_person_and_of_nobody_else(tmp_path):
    """Other sessions of the same person too, whatever they hold."""
    async with token_house(tmp_path) as house:
        first, second = (await house.sign_in_by_json()).json(), (await house.sign_in_by_json()).json()
        other = (await house.sign_in_by_json(username="bob")).json()
        answer = await house.post("/auth/logout-all", {"refresh_token": first["refresh_token"]})
        said = [
            (await house.say("/api/x", headers=bearer(one))).status_code for one in (first, second, other)
        ]
        refreshed = [
            (await house.refresh(one["refresh_token"])).status_code for one in (first, second, other)
        ]

    assert answer.status_code == 200
    assert said == refreshed == [401, 401, 200]


async def test_a_logout_of_what_is_no_token_is_a_logout(tmp_path):
    """Nothing is left that could be ended, and nothing is said about what there was (RFC 7009)."""
    async with token_house(tmp_path) as house:
        answer = await house.post("/auth/logout", {"refresh_token": "grt1.nonsense"})

    assert answer.status_code == 200
    assert answer.json() == {"location": f"{AUTH}/auth/signed-out"}


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"username": "ann", "password": "wrong"}, 401, "wrong_password"),
        ({"username": "nobody", "password": "wrong"}, 401, "wrong_password"),
        ({"username": "ann"}, 400, "member_password"),
        ({"username": "ann", "password": ["correct horse"]}, 400, "member_password"),
        ({"username": "ann", "password": "correct horse", "provider": "corp"}, 400, "member_provider"),
        ({"username": "ann", "password": "correct horse", "cookie": "yes"}, 400, "member_cookie"),
        ("[]", 400, "json"),
        ('{"username": "ann", "username": "bob", "password": "correct horse"}', 400, "json"),
        ("{", 400, "json"),
    ],
)
async def test_what_does_not_sign_in_is_problem_details(tmp_path, body, status, reason):
    """A program reads the word, and gets JSON even where it says that it would take a page."""
    async with token_house(tmp_path) as house:
        answer = await house.post("/auth/login", body, {"accept": "text/html"})

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().get("reason") == reason
    assert answer.headers["cache-control"] == "no-store"


async def test_a_limit_is_not_put_on_the_network_alone(tmp_path):
    """The sentence is that of the form: it holds for the limit of the account too."""
    async with token_house(tmp_path) as house:
        answers = [await house.sign_in_by_json(password="wrong") for _ in range(8)]

    assert answers[-1].status_code == 429
    assert answers[-1].json()["error"] == "limited"
    assert "with this account, or from your network" in answers[-1].json()["detail"]


async def test_other_methods_and_forms_find_nothing_at_the_token_endpoints(tmp_path):
    """A form cannot be JSON, so no page of another site can send one without being asked first."""
    async with token_house(tmp_path) as house:
        got = await house.post("/auth/refresh", "", method="GET")
        form = await house.post(
            "/auth/refresh", "refresh_token=x", {"content-type": "application/x-www-form-urlencoded"}
        )

    assert (got.status_code, got.headers["allow"]) == (405, "POST, OPTIONS")
    # Whoever forgets the type of the body, as one does with curl, is told so.
    assert (form.status_code, form.json()["reason"]) == (400, "content_type")


async def test_without_the_section_nothing_of_it_is_there(tmp_path):
    """The default: no endpoint, no key, and a key file as it ever was."""
    from tests.kit.wired import wired

    async with wired(tmp_path) as house:
        got = await house.get("bind", "/auth/refresh")
        jwks = (await house.get("bind", "/.well-known/jwks.json")).json()

    assert got.status_code == 404
    assert {key["alg"] for key in jwks["keys"]} == {"ES256"}


async def test_a_listed_page_may_read_what_it_is_told_and_send_no_cookie(tmp_path):
    """CORS: the origin by name, never with credentials."""
    asked = {"origin": SPA, "access-control-request-method": "POST"}
    async with token_house(tmp_path) as house:
        before = await house.post("/auth/login", "", asked, method="OPTIONS")
        answer = await house.sign_in_by_json({"origin": SPA})
        refused = await house.sign_in_by_json({"origin": SPA}, password="wrong")

    assert before.status_code == 204
    assert before.headers["access-control-allow-methods"] == "POST"
    for one in (before, answer, refused):
        assert one.headers["access-control-allow-origin"] == SPA
        assert "Origin" in one.headers["vary"]
        assert "access-control-allow-credentials" not in one.headers
