"""The demo's identity provider keeps to the specifications, so that what works with it works elsewhere."""

import secrets
from base64 import b64encode
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from gateway.demo.authorization import Client
from gateway.demo.grants import s256
from gateway.demo.identity_provider import IdentityProvider
from gateway.keys.jwks import KeySet, Profile, verify
from gateway.keys.keyring import Keyring
from tests.kit.clock import Clock
from tests.kit.randomness import Randomness

ISSUER = "http://idp.localhost:9000"
BACK = "http://app.localhost:8080/_gateway/auth/demo/callback"
SIGNED_OUT = "http://app.localhost:8080/_gateway/auth/signed-out"
CLIENT = Client("gateway-demo", "s3cret", (BACK,), (SIGNED_OUT,))
OTHER = Client("other", "0ther", ("http://other.localhost/cb",))
VERIFIER = "v" * 43
BASIC = {"authorization": "Basic " + b64encode(b"gateway-demo:s3cret").decode()}
REQUEST = {
    "response_type": "code",
    "client_id": "gateway-demo",
    "redirect_uri": BACK,
    "scope": "openid profile",
    "state": "st",
    "nonce": "no",
    "code_challenge": s256(VERIFIER),
    "code_challenge_method": "S256",
}
PROFILE = Profile(
    typ=frozenset({"jwt"}), algorithms=("ES256",), issuer=ISSUER, audience="gateway-demo", required=("sub",)
)


class World:
    """The provider, a clock, and a browser with cookies."""

    def __init__(self):
        self.clock = Clock()
        ring = Keyring.generate(secrets.token_bytes, self.clock())
        self.provider = IdentityProvider(ISSUER, (CLIENT, OTHER), ring, self.clock, Randomness())
        transport = httpx.ASGITransport(app=self.provider.app)
        self.browser = httpx.AsyncClient(transport=transport, base_url=ISSUER)
        self.program = httpx.AsyncClient(transport=transport, base_url=ISSUER)

    async def authorize(self, **changed):
        return await self.browser.get("/authorize", params=REQUEST | changed)

    async def choose(self, person="1001", **changed):
        return await self.browser.post("/authorize", data=REQUEST | changed | {"person": person})

    async def code(self, **changed):
        return told(await self.choose(**changed))["code"]

    async def token(self, headers=BASIC, **form):
        return await self.program.post("/token", data=form, headers=headers)

    async def redeem(self, code, **changed):
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
        return await self.token(**(form | {"code_verifier": VERIFIER} | changed))

    async def renew(self, refresh_token):
        return await self.token(grant_type="refresh_token", refresh_token=refresh_token)

    async def claims(self, id_token):
        keys = KeySet.parse((await self.program.get("/jwks")).json())
        return verify(id_token, keys, PROFILE, self.clock())


def told(response):
    """The parameters of a redirect back to the client."""
    address = response.headers["location"]
    assert address.startswith(BACK + "?")
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


@pytest.fixture
async def world():
    world = World()
    yield world
    await world.browser.aclose()
    await world.program.aclose()


pytestmark = pytest.mark.anyio


async def test_the_metadata_names_the_issuer_and_every_endpoint(world):
    """OpenID Connect Discovery section 3; RFC 9207 and PKCE S256 are announced."""
    document = (await world.program.get("/.well-known/openid-configuration")).json()

    assert document["issuer"] == ISSUER
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["code_challenge_methods_supported"] == ["S256"]
    for name in ("authorization", "token", "userinfo", "end_session"):
        assert document[f"{name}_endpoint"].startswith(ISSUER + "/")


async def test_a_person_is_asked_with_two_to_choose_from(world):
    """The page shows both, may not be framed, and may lead to the client alone."""
    page = await world.authorize()

    assert page.status_code == 200
    assert "Ada Admin" in page.text
    assert "Ben User" in page.text
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' http://app.localhost:8080;" in policy


async def test_a_choice_leads_back_with_code_state_and_iss(world):
    """RFC 6749 section 4.1.2 and RFC 9207."""
    back = await world.choose()

    assert back.status_code == 303
    assert told(back).keys() == {"code", "state", "iss"}
    assert told(back)["state"] == "st"
    assert told(back)["iss"] == ISSUER


async def test_a_login_yields_a_verifiable_id_token_and_userinfo(world):
    """Signed with a published key, for this client, with the nonce of the request."""
    tokens = (await world.redeem(await world.code())).json()

    claims = await world.claims(tokens["id_token"])
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    userinfo = (await world.program.get("/userinfo", headers=bearer)).json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 300
    assert claims["nonce"] == "no"
    assert claims["aud"] == "gateway-demo"
    assert claims["auth_time"] == int(world.clock())
    assert claims["sub"] == userinfo["sub"] == "1001"
    assert userinfo["groups"] == ["admins", "staff"]
    assert userinfo["email_verified"] is True


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"client_id": "nobody"}, id="unknown-client"),
        pytest.param({"redirect_uri": BACK + "/"}, id="other-address"),
        pytest.param({"redirect_uri": "http://evil.example/"}, id="evil-address"),
        pytest.param({"client_id": "other"}, id="address-of-another-client"),
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_registered(changed, world):
    """RFC 6749 section 4.1.2.1: the person is told, and stays."""
    page, chosen = await world.authorize(**changed), await world.choose(**changed)

    assert page.status_code == chosen.status_code == 400
    assert "location" not in page.headers
    assert "location" not in chosen.headers


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        pytest.param({"response_type": "token"}, "unsupported_response_type", id="implicit"),
        pytest.param({"scope": "profile"}, "invalid_scope", id="without-openid"),
        pytest.param({"code_challenge_method": "plain"}, "invalid_request", id="plain-pkce"),
        pytest.param({"code_challenge": "short"}, "invalid_request", id="bad-challenge"),
        pytest.param({"code_challenge": ""}, "invalid_request", id="no-challenge"),
        pytest.param({"max_age": "soon"}, "invalid_request", id="bad-max-age"),
        pytest.param({"prompt": "none"}, "login_required", id="nobody-is-here"),
    ],
)
async def test_a_bad_request_is_answered_to_the_client(changed, error, world):
    """As an OAuth error, with state and iss."""
    assert told(await world.authorize(**changed)) == {"error": error, "state": "st", "iss": ISSUER}


async def test_a_repeated_parameter_is_refused(world):
    """RFC 6749 section 3.1."""
    pairs = [*REQUEST.items(), ("nonce", "another")]

    answer = await world.browser.get("/authorize", params=pairs)

    assert told(answer)["error"] == "invalid_request"


async def test_a_form_for_nobody_is_refused(world):
    """There are two people, and no third."""
    assert (await world.choose(person="9999")).status_code == 400


async def test_whoever_was_here_is_offered_first(world):
    """Single sign-on, to be seen."""
    await world.choose(person="1002")

    page = await world.authorize()

    assert "Continue as Ben User" in page.text
    assert page.text.index("Ben User") < page.text.index("Ada Admin")


async def test_prompt_none_signs_in_whoever_is_here_at_the_first_moment(world):
    """auth_time is that of the click, not that of the request."""
    await world.choose(person="1002")
    clicked = int(world.clock())
    world.clock.advance(100)

    code = told(await world.authorize(prompt="none"))["code"]

    claims = await world.claims((await world.redeem(code)).json()["id_token"])
    assert claims["preferred_username"] == "ben"
    assert claims["auth_time"] == clicked


@pytest.mark.parametrize(
    "wish",
    [pytest.param({"prompt": "login"}, id="prompt-login"), pytest.param({"max_age": "60"}, id="max-age")],
)
async def test_a_fresh_sign_in_is_a_fresh_sign_in(wish, world):
    """OpenID Connect Core section 3.1.2.1."""
    await world.choose()
    world.clock.advance(100)

    page = await world.authorize(**wish)
    code = await world.code(**wish)

    assert "Continue as" not in page.text
    claims = await world.claims((await world.redeem(code)).json()["id_token"])
    assert claims["auth_time"] == int(world.clock())


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"code_verifier": "w" * 43}, id="other-verifier"),
        pytest.param({"code_verifier": ""}, id="no-verifier"),
        pytest.param({"code_verifier": "ü" * 43}, id="non-ascii-verifier"),
        pytest.param({"redirect_uri": SIGNED_OUT}, id="other-address"),
        pytest.param(
            {"headers": {"authorization": "Basic " + b64encode(b"other:0ther").decode()}}, id="other-client"
        ),
    ],
)
async def test_a_code_is_redeemed_only_as_it_was_made(changed, world):
    """RFC 6749 section 4.1.3 and RFC 7636 section 4.6."""
    answer = await world.redeem(await world.code(), **changed)

    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_grant"}


async def test_a_guessed_code_is_worth_nothing(world):
    """Nor is it told apart from an expired one."""
    assert (await world.redeem("guessed")).json() == {"error": "invalid_grant"}


async def test_a_code_lives_for_a_minute(world):
    """And not a second longer."""
    code = await world.code()
    world.clock.advance(60)

    assert (await world.redeem(code)).json() == {"error": "invalid_grant"}


async def test_a_code_that_is_used_twice_ends_what_came_from_it(world):
    """RFC 6749 section 4.1.2."""
    code = await world.code()
    tokens = (await world.redeem(code)).json()

    again = await world.redeem(code)

    assert again.json() == {"error": "invalid_grant"}
    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    assert (await world.program.get("/userinfo", headers=bearer)).status_code == 401
    assert (await world.renew(tokens["refresh_token"])).json() == {"error": "invalid_grant"}


async def test_a_refresh_rotates_and_its_id_token_has_no_nonce(world):
    """OpenID Connect Core section 12.2; the same person, the same auth_time."""
    first = (await world.redeem(await world.code())).json()
    before = await world.claims(first["id_token"])
    world.clock.advance(250)

    second = (await world.renew(first["refresh_token"])).json()

    claims = await world.claims(second["id_token"])
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert "nonce" not in claims
    assert (claims["sub"], claims["auth_time"]) == (before["sub"], before["auth_time"])


async def test_a_refresh_token_that_is_used_twice_ends_its_family(world):
    """RFC 9700 section 4.14.2."""
    first = (await world.redeem(await world.code())).json()
    second = (await world.renew(first["refresh_token"])).json()

    again = await world.renew(first["refresh_token"])

    assert again.json() == {"error": "invalid_grant"}
    assert (await world.renew(second["refresh_token"])).json() == {"error": "invalid_grant"}


async def test_an_access_token_expires(world):
    """So that a refresh has a reason."""
    tokens = (await world.redeem(await world.code())).json()
    world.clock.advance(300)

    bearer = {"authorization": f"Bearer {tokens['access_token']}"}
    assert (await world.program.get("/userinfo", headers=bearer)).status_code == 401


@pytest.mark.parametrize(
    ("headers", "form"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({}, {"client_id": "gateway-demo", "client_secret": "wrong"}, id="wrong-secret"),
        pytest.param({}, {"client_id": "gateway-demo"}, id="no-secret"),
        pytest.param({"authorization": "Basic !!!"}, {}, id="junk"),
        pytest.param({"authorization": "Basic /////w=="}, {}, id="not-ascii"),
        pytest.param(BASIC, {"client_secret": "s3cret"}, id="both-ways"),
    ],
)
async def test_a_client_that_does_not_prove_itself_gets_nothing(headers, form, world):
    """RFC 6749 section 5.2: invalid_client, 401."""
    answer = await world.redeem(await world.code(), headers=headers, **form)

    assert answer.status_code == 401
    assert answer.json() == {"error": "invalid_client"}


async def test_a_client_may_prove_itself_in_the_form(world):
    """client_secret_post."""
    form = {"client_id": "gateway-demo", "client_secret": "s3cret"}

    assert (await world.redeem(await world.code(), headers={}, **form)).status_code == 200


async def test_other_grants_and_repeated_parameters_are_refused(world):
    """The password grant is not spoken here."""
    other = await world.token(grant_type="password", username="ada", password="x")
    twice = await world.program.post("/token", content="grant_type=refresh_token&grant_type=x", headers=BASIC)

    assert other.json() == {"error": "unsupported_grant_type"}
    assert twice.json() == {"error": "invalid_request"}


async def test_the_end_of_the_session_leads_back_to_a_registered_address(world):
    """RP-Initiated Logout: the person is forgotten, and the state comes back."""
    await world.choose()
    query = {"client_id": "gateway-demo", "post_logout_redirect_uri": SIGNED_OUT, "state": "st"}

    answer = await world.browser.get("/end_session", params=query)

    assert answer.headers["location"] == f"{SIGNED_OUT}?state=st"
    assert "Continue as" not in (await world.authorize()).text


async def test_the_end_of_the_session_leads_nowhere_else(world):
    """An address that is not registered gets a page and no redirect."""
    query = {"client_id": "gateway-demo", "post_logout_redirect_uri": "http://evil.example/"}

    answer = await world.browser.get("/end_session", params=query)

    assert answer.status_code == 200
    assert "location" not in answer.headers


async def test_what_a_request_says_is_written_as_text(world):
    """No parameter becomes markup."""
    page = await world.authorize(state='"><script>alert(1)</script>')

    assert "<script" not in page.text
    assert "&lt;script" in page.text
