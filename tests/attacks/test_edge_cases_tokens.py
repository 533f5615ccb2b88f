"""What long-lived relying parties learned about answers of providers: mix-ups, clocks, keys, hashes and lost requests.

The ids are those of the catalogue (E14 to E25); cases that another family proves as well carry both ids there.
"""

import asyncio
import functools
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.kit.conformance import assert_refused, sessions, sign_in
from tests.kit.scripted_provider import Key, page, reply
from tests.kit.wired import APP, AUTH, COOKIE, wired

pytestmark = pytest.mark.anyio

HOUR, YEAR = 3600, 365 * 86_400
DOWN = reply(503, {})


@pytest.fixture
async def house(tmp_path):
    async with wired(tmp_path) as opened:
        opened.provider.expires_in = HOUR
        yield opened


async def cookie_of(house):
    """A session that has just begun; what was asked for it is forgotten."""
    cookie = await house.sign_in()
    house.provider.asked.clear()
    return cookie


@pytest.mark.parametrize(
    ("iss", "promised", "passes"),
    [
        pytest.param("own", True, True, id="its own"),
        pytest.param("own", False, True, id="its own, unasked"),
        pytest.param(None, False, True, id="none, and none was promised"),
        pytest.param(None, True, False, id="none, though it was promised"),
        pytest.param("https://another.example", True, False, id="another"),
        pytest.param("https://another.example", False, False, id="another, unasked"),
        pytest.param("", False, False, id="empty"),
    ],
)
async def test_case14_the_issuer_of_a_callback_is_judged_before_its_code_goes_anywhere(
    house, iss, promised, passes
):
    """RFC 9207 section 2.4: a code of another provider is shown to nobody."""
    house.provider.metadata = {"authorization_response_iss_parameter_supported": promised}
    browser = house.browser()
    departed = await browser.open(f"{AUTH}/auth/corp?rd={APP}/x", follow=False)
    callback = (await browser.open(departed.location, follow=False)).location
    base, _, query = callback.partition("?")
    changed = dict(parse_qsl(query)) | {"iss": house.provider.issuer if iss == "own" else iss}
    sent = urlencode({name: value for name, value in changed.items() if value is not None})

    last = await browser.open(f"{base}?{sent}", follow=False)

    assert (last.status, last.location) == ((303, f"{APP}/x") if passes else (400, ""))
    assert house.tokens_asked() == (1 if passes else 0)


async def test_case15_an_id_token_of_a_refresh_that_lies_gives_the_application_nothing_new(house):
    """Its claims are not applied, its tokens are kept, and the next honest one counts again."""
    cookie = await cookie_of(house)
    house.provider.person |= {"groups": ["admins"], "preferred_username": "root"}
    house.provider.sign = "bad"
    house.clock.advance(HOUR + 60)
    lied = await house.say("/x", cookie)
    house.provider.sign = "good"
    house.clock.advance(HOUR + 60)
    honest = await house.say("/x", cookie)

    assert (lied.headers["x-auth-user"], lied.headers["x-auth-groups"]) == ("alice", "staff")
    assert (honest.headers["x-auth-user"], honest.headers["x-auth-groups"]) == ("root", "admins")


@pytest.mark.parametrize(
    ("stated", "ends_after"),
    [
        pytest.param("3600", 3600, id="a string"),
        pytest.param(3600.9, 3600, id="a fraction"),
        pytest.param(10**15, None, id="thirty million years"),
        pytest.param(None, None, id="nothing"),
        pytest.param("soon", None, id="a word"),
        pytest.param(-1, None, id="a time in the past"),
    ],
)
async def test_case16_a_lifetime_of_any_shape_makes_a_session_that_is_refreshed_in_time(
    house, stated, ends_after
):
    """Where the provider does not say, the token is used for as long as it is good: nobody is refreshed in a loop."""
    house.provider.expires_in = stated
    cookie = await cookie_of(house)
    assert (await house.say("/x", cookie)).status_code == 200
    assert house.tokens_asked() == 0

    house.clock.advance(HOUR + 60)

    assert (await house.say("/x", cookie)).status_code == 200
    assert house.tokens_asked() == (1 if ends_after else 0)


@pytest.mark.parametrize(
    ("claims", "passes"),
    [
        pytest.param({"exp": 2**40}, True, id="exp past 2038 and far beyond"),
        pytest.param({"exp": 1_800_000_120.7, "iat": 1_800_000_000.2}, True, id="fractions"),
        pytest.param({"auth_time": 2**62}, True, id="auth_time that is none"),
        pytest.param({"exp": "1800000120"}, False, id="exp as a string"),
        pytest.param({"exp": True}, False, id="exp as a boolean"),
        pytest.param({"iat": None}, False, id="no iat"),
    ],
)
async def test_case16_a_numeric_date_is_a_number_of_any_size(house, claims, passes):
    """An absurd one that is only shown counts as none; one that has to be checked is checked."""
    house.provider.claims = claims

    last = await sign_in(house.browser())

    assert (last.status, sessions(house)) == ((200, 1) if passes else (400, 0))


@pytest.mark.parametrize(
    ("claims", "passes"),
    [
        pytest.param({"iat": 60}, True, id="their clock a minute ahead"),
        pytest.param({"iat": 61}, False, id="more than a minute ahead"),
        pytest.param({"nbf": 60}, True, id="not before a minute ahead"),
        pytest.param({"nbf": 61}, False, id="not before more than that"),
        pytest.param({"iat": -180, "exp": -59}, True, id="their clock behind, ended within the minute"),
        pytest.param({"iat": -180, "exp": -60}, False, id="ended a minute ago"),
        pytest.param({"iat": -86_400}, True, id="made yesterday, and still good"),
    ],
)
async def test_case17_two_clocks_may_be_a_minute_apart(house, claims, passes):
    """Either way; further apart one of them is wrong, and a token of tomorrow is nobody's."""
    now = int(house.clock())
    house.provider.claims = {name: now + seconds for name, seconds in claims.items()}

    last = await sign_in(house.browser())

    assert (last.status, sessions(house)) == ((200, 1) if passes else (400, 0))


async def test_case18_keys_are_fetched_once_in_an_hour_and_anew_once_in_a_minute(house):
    """Twenty logins with ids that nobody knows cost one fetch; after a minute there is one more."""
    await sign_in(house.browser())
    house.provider.header = {"kid": "made up"}
    for _ in range(20):
        await sign_in(house.browser())
    within = house.provider.paths().count("/keys")
    house.clock.advance(61)
    for _ in range(5):
        await sign_in(house.browser())

    assert (within, house.provider.paths().count("/keys")) == (2, 3)


@pytest.mark.parametrize(
    "answer", [reply(500, {}), page(200), reply(200, {"keys": "k1"})], ids=["500", "HTML", "no set"]
)
async def test_case18_a_fetch_that_fails_uses_up_the_minute_too(house, answer):
    """The moment is written down before the fetch: a provider that fails is not asked the harder for it."""
    await sign_in(house.browser())
    house.provider.rotate_keys()
    house.provider.instead["/keys"] = [answer]

    statuses = [(await sign_in(house.browser())).status for _ in range(3)]

    assert 200 not in statuses
    assert house.provider.paths().count("/keys") == 2
    house.clock.advance(61)
    assert (await sign_in(house.browser())).status == 200


QUIRKS = [
    pytest.param({"x5c": []}, id="an empty certificate chain"),
    pytest.param({"x5c": ["AAAA", "AAAA"]}, id="a chain of the same twice"),
    pytest.param({"x5t": "AAAA", "x5u": "https://another.example/cert"}, id="a certificate elsewhere"),
    pytest.param({"alg": None}, id="no algorithm of its own"),
    pytest.param({"use": None}, id="no use of its own"),
    pytest.param({"key_ops": ["verify"]}, id="a list of operations"),
    pytest.param({"iss": "x", "nbf": 1, "exp": 2}, id="members of somebody's own"),
]


@pytest.mark.parametrize("quirk", QUIRKS)
async def test_case19_what_a_key_has_beside_its_numbers_neither_proves_nor_breaks_it(house, quirk):
    """A certificate in the set is not looked at: keys are believed for where they came from."""
    jwk = {
        name: value for name, value in {**house.provider.signing.jwk, **quirk}.items() if value is not None
    }
    house.provider.published = [SimpleNamespace(jwk=jwk)]

    assert (await sign_in(house.browser())).status == 200
    assert all(ask.url.startswith(house.provider.issuer) for ask in house.provider.asked)


@pytest.mark.parametrize(
    "quirk",
    [
        pytest.param({"use": "enc"}, id="a key for encryption"),
        pytest.param({"key_ops": ["encrypt"]}, id="a key for other operations"),
        pytest.param({"alg": "RS512"}, id="a key for another algorithm"),
        pytest.param({"alg": "RSA-OAEP"}, id="a key for no signatures at all"),
        pytest.param({"kty": "oct", "k": "c2VjcmV0"}, id="a secret under its name"),
        pytest.param({"n": "AQAB"}, id="a key of a few bits"),
        pytest.param({"d": "AQAB"}, id="a private key"),
    ],
)
async def test_case19_a_key_that_is_not_for_this_proves_nothing(house, quirk):
    """Kind, use and size fit the algorithm, or there is no key."""
    house.provider.published = [SimpleNamespace(jwk={**house.provider.signing.jwk, **quirk})]
    browser = house.browser()

    await assert_refused(house, browser, await sign_in(browser))


class Unnamed(Key):
    """A key that is neither published nor named by its id."""

    @property
    def jwk(self):
        return {name: value for name, value in super().jwk.items() if name != "kid"}


class Odd(Key):
    """A key whose modulus does not fill its last byte."""

    @property
    def private(self):
        return odd_key()


@functools.cache
def odd_key():
    return rsa.generate_private_key(65537, 2049)


async def test_case19_a_key_of_an_odd_length_is_a_key(house):
    """Its modulus has a byte that is almost empty; only short keys are refused."""
    house.provider.signing = Odd("odd")
    house.provider.published = [house.provider.signing]

    assert (await sign_in(house.browser())).status == 200


async def test_case18_a_key_without_a_name_may_change_as_well(house):
    """Nothing says that the kept one is yesterday's but the signature that it does not fit."""
    house.provider.signing = Key(None)
    house.provider.published = [house.provider.signing]
    await sign_in(house.browser())
    house.provider.signing = Unnamed("another")
    house.provider.published = [house.provider.signing]
    house.provider.header = {"kid": None}

    assert (await sign_in(house.browser())).status == 200
    assert house.provider.paths().count("/keys") == 2


@pytest.mark.parametrize(
    ("claims", "passes"),
    [
        pytest.param({"aud": ["gateway"]}, True, id="a list of us alone"),
        pytest.param({"aud": ["another", "gateway"], "azp": "gateway"}, True, id="several, issued to us"),
        pytest.param({"aud": ["another", "gateway"]}, False, id="several, issued to nobody"),
        pytest.param(
            {"aud": ["another", "gateway"], "azp": "another"}, False, id="several, issued to another"
        ),
        pytest.param({"aud": "gateway", "azp": ["gateway"]}, False, id="azp in a list"),
        pytest.param({"aud": ["gateway", 7], "azp": "gateway"}, False, id="an audience that is no text"),
        pytest.param({"aud": "gateway another"}, False, id="two in one text"),
    ],
)
async def test_case20_a_token_for_several_is_good_when_it_was_issued_to_us(house, claims, passes):
    """Core section 3.1.3.7, rules 3 to 5."""
    house.provider.claims = claims

    last = await sign_in(house.browser())

    assert (last.status, sessions(house)) == ((200, 1) if passes else (400, 0))


USERINFO = [
    pytest.param(reply(401, {"error": "invalid_token"}), id="401"),
    pytest.param(reply(403, {"error": "insufficient_scope"}), id="403"),
    pytest.param(reply(503, {}), id="503"),
    pytest.param(reply(200, [{"sub": "u-1", "groups": ["admins"]}]), id="an array"),
    pytest.param(reply(200, {"sub": ["u-1"], "groups": ["admins"]}), id="sub in a list"),
    pytest.param(reply(200, {"groups": ["admins"]}), id="no sub"),
    pytest.param(page(200, "e30.e30.AA"), id="a signed answer that nobody asked for"),
]


@pytest.mark.parametrize("answer", USERINFO)
async def test_case21_userinfo_that_is_no_answer_ends_a_login_and_is_asked_once(house, answer):
    """The token is a second old: no refresh would make it better."""
    house.provider.in_userinfo_only = frozenset({"groups"})
    house.provider.instead["/userinfo"] = [answer]
    browser = house.browser()

    last = await sign_in(browser)

    assert (last.status in {400, 503}, browser.jar.get(COOKIE), sessions(house)) == (True, None, 0)
    assert (house.provider.paths().count("/userinfo"), house.tokens_asked()) == (1, 1)


@pytest.mark.parametrize("answer", USERINFO)
async def test_case21_userinfo_that_is_no_answer_leaves_a_refreshed_session_as_it_was(house, answer):
    """It is read at a login and at a refresh, never between them; a failure there takes nothing and gives nothing."""
    house.provider.in_userinfo_only = frozenset({"groups"})
    cookie = await cookie_of(house)
    for _ in range(5):
        await house.say("/x", cookie)
    assert house.provider.asked == []
    house.provider.instead["/userinfo"] = [answer]
    house.clock.advance(HOUR + 60)

    passed = await house.say("/x", cookie)

    assert (passed.status_code, passed.headers["x-auth-groups"]) == (200, "staff")
    assert (house.provider.paths().count("/userinfo"), house.tokens_asked()) == (1, 1)


async def test_case21_claims_that_stand_elsewhere_are_not_fetched_from_there(house):
    """Aggregated and distributed claims (Core section 5.6.2) name an address that the token's writer has chosen."""
    house.provider.in_userinfo_only = frozenset({"groups"})
    house.provider.userinfo = {
        "groups": None,
        "_claim_names": {"groups": "src1"},
        "_claim_sources": {"src1": {"endpoint": "http://127.0.0.1:1/groups", "access_token": "x"}},
    }

    last = await sign_in(house.browser())

    assert last.response.json()["x-auth-groups"] == ""
    assert all(ask.url.startswith(house.provider.issuer) for ask in house.provider.asked)


@pytest.mark.parametrize(
    "answer",
    [DOWN, page(200), reply(401, {"error": "invalid_client"}), reply(400, {"error": "invalid_scope"})],
    ids=["503", "HTML", "invalid_client", "invalid_scope"],
)
async def test_case22_a_refresh_that_fails_gives_nothing_back_and_signs_nobody_out(house, answer):
    """What failed may pass; a token that is revoked does not come back."""
    cookie = await cookie_of(house)
    house.provider.instead["/token"] = [answer] * 3
    house.clock.advance(HOUR + 60)

    assert (await house.say("/x", cookie)).status_code == 200

    await house.lines("refresh.finished")
    assert "/revoke" not in house.provider.paths()
    house.clock.advance(HOUR)
    house.provider.instead["/token"] = []
    assert (await house.say("/x", cookie)).status_code == 200
    assert [line["outcome"] for line in await house.lines("refresh.finished", 2)][-1] == "ok"


async def test_case23_a_token_that_failed_is_left_alone_for_a_while(house):
    """Fifty requests after a failure do not queue up to fail as well."""
    cookie = await cookie_of(house)
    house.provider.instead["/token"] = [DOWN] * 100
    house.clock.advance(HOUR + 60)
    await house.say("/x", cookie)
    asked = house.tokens_asked()

    answers = await asyncio.gather(*[house.say("/x", cookie) for _ in range(50)])

    assert {answer.status_code for answer in answers} == {200}
    assert house.tokens_asked() == asked


async def test_case23_whoever_comes_late_with_a_rotated_token_takes_over_what_it_became(tmp_path):
    """Two replicas: the second has remembered the old tokens, and presents them to nobody."""
    async with wired(tmp_path) as house:
        house.provider.expires_in = HOUR
        cookie = await cookie_of(house)
        other = type(house)(tmp_path, house.provider, house.clock, house.ring)
        await other.application.open()
        try:
            await other.say("/x", cookie)
            house.clock.advance(HOUR + 60)
            first = await house.say("/x", cookie)
            second = await other.say("/x", cookie)
        finally:
            await other.application.close()

        spent = [ask.form["refresh_token"] for ask in house.provider.asked if ask.url.endswith("/token")]
        assert (first.status_code, second.status_code, len(spent)) == (200, 200, 1)


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param({"token_type": "DPoP"}, id="a token that is bound to a key"),
        pytest.param({"token_type": "N_A"}, id="a token of no type"),
        pytest.param({"token_type": None}, id="a token without a type"),
        pytest.param({"id_token": "e30.AA.AA.AA.AA"}, id="an ID token that is encrypted"),
    ],
)
async def test_case25_what_is_bound_or_encrypted_is_refused_and_never_used_as_if_it_were_not(house, extra):
    """RFC 9449 section 5: a bound token that is sent as a bearer token has lost what protected it."""
    house.provider.in_userinfo_only = frozenset({"groups"})
    house.provider.token_extra = extra
    browser = house.browser()

    last = await sign_in(browser)

    assert urlsplit(last.url).path == "/auth/corp/callback"
    assert (last.status, sessions(house)) == (400, 0)
    assert "/userinfo" not in house.provider.paths()
