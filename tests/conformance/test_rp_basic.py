"""The basic plan for relying parties of the OpenID conformance suite, through the gateway as it is wired.

Where the suite leaves a client the choice, the row says which of the two ways is ours: unsigned ID tokens are refused
(the suite lets a client register for them), and so is a token without `kid` where several keys fit.
"""

from types import SimpleNamespace

import pytest

from tests.kit.conformance import assert_refused, sign_in
from tests.kit.scripted_provider import Key
from tests.kit.wired import wired

pytestmark = pytest.mark.anyio

USERINFO_NEEDED = frozenset({"groups"})
"""With a claim of ours in userinfo alone, a login asks for it: so a row shows that it was not asked too early."""


class Nameless(Key):
    """A key that is published without its id."""

    @property
    def jwk(self):
        return {name: value for name, value in super().jwk.items() if name != "kid"}


def nameless(provider, *others):
    """Sign without `kid`; the published keys have none either."""
    provider.signing = Key(None)
    provider.published = [provider.signing, *others]


def beside_keys_of_tomorrow(provider):
    """The real key stands between two that nobody can read yet."""
    unread = [
        {"kty": "AKP", "kid": "pq", "alg": "ML-DSA-99", "pub": "AAAA"},
        {"kty": "TEAPOT", "kid": "tea", "x": "AAAA"},
    ]
    first, last = [SimpleNamespace(jwk=jwk) for jwk in unread]
    provider.published = [first, provider.signing, last]


def switched(**values):
    """Set switches of the scripted provider."""

    def switch(provider):
        for name, value in values.items():
            setattr(provider, name, value)

    return switch


def with_es256(provider):
    """ES256 keys, and a signature of somebody else's."""
    provider.algorithm, provider.sign = "ES256", "bad"
    provider.signing = Key("e1", "ES256")
    provider.published = [provider.signing]


@pytest.mark.parametrize(
    "switch",
    [
        pytest.param(switched(), id="oidcc-client-test"),
        pytest.param(switched(client_auth="basic"), id="oidcc-client-test-client-secret-basic"),
        pytest.param(switched(algorithm="RS256"), id="oidcc-client-test-idtoken-sig-rs256"),
        pytest.param(nameless, id="oidcc-client-test-kid-absent-single-jwks"),
        pytest.param(beside_keys_of_tomorrow, id="oidcc-client-test-ignores-unparseable-key-in-jwks"),
    ],
)
async def test_the_login_goes_through(tmp_path, switch):
    """The person ends at the page, as the one whom the provider named."""
    async with wired(tmp_path) as house:
        switch(house.provider)

        last = await sign_in(house.browser())

        assert last.status == 200, last.response.text
        assert last.response.json()["x-auth-subject"] == "corp:u-1"
        assert house.tokens_asked() == 1


@pytest.mark.parametrize(
    "switch",
    [
        pytest.param(switched(sign="none"), id="oidcc-client-test-idtoken-sig-none"),
        pytest.param(switched(sign="bad"), id="oidcc-client-test-invalid-sig-rs256"),
        pytest.param(with_es256, id="oidcc-client-test-invalid-sig-es256"),
        pytest.param(switched(lie="wrong_iss"), id="oidcc-client-test-invalid-iss"),
        pytest.param(switched(lie="wrong_aud"), id="oidcc-client-test-invalid-aud"),
        pytest.param(switched(lie="no_aud"), id="oidcc-client-test-missing-aud"),
        pytest.param(switched(lie="no_iat"), id="oidcc-client-test-missing-iat"),
        pytest.param(switched(lie="no_sub"), id="oidcc-client-test-missing-sub"),
        pytest.param(switched(lie="wrong_nonce"), id="oidcc-client-test-nonce-invalid"),
        pytest.param(
            lambda provider: nameless(provider, Nameless("k2")),
            id="oidcc-client-test-kid-absent-multiple-jwks",
        ),
    ],
)
async def test_an_id_token_that_fails_ends_the_login_and_nothing_more_is_asked(tmp_path, switch):
    """The token was redeemed once; the userinfo endpoint never sees the access token of a login that failed."""
    async with wired(tmp_path) as house:
        house.provider.in_userinfo_only = USERINFO_NEEDED
        switch(house.provider)
        browser = house.browser()

        last = await sign_in(browser)

        await assert_refused(house, browser, last)
        assert house.tokens_asked() == 1
        assert "/userinfo" not in house.provider.paths()


@pytest.mark.parametrize(
    ("userinfo", "passes"),
    [
        pytest.param({"groups": ["staff", "ops"]}, True, id="oidcc-client-test-scope-userinfo-claims"),
        pytest.param({"sub": "u-2"}, False, id="oidcc-client-test-userinfo-invalid-sub"),
    ],
)
async def test_userinfo_adds_claims_about_the_person_of_the_id_token_alone(tmp_path, userinfo, passes):
    """What the scopes promised comes from there; what is about somebody else ends the login."""
    async with wired(tmp_path) as house:
        house.provider.in_userinfo_only = USERINFO_NEEDED
        house.provider.userinfo = userinfo
        browser = house.browser()

        last = await sign_in(browser)

        if passes:
            assert last.response.json()["x-auth-groups"] == "staff,ops"
        else:
            await assert_refused(house, browser, last)


@pytest.mark.parametrize(
    "elsewhere",
    [
        pytest.param("url", id="oidcc-client-test-userinfo-bearer-header"),
        pytest.param("form", id="oidcc-client-test-userinfo-bearer-body"),
    ],
)
async def test_the_access_token_stands_in_the_header_alone(tmp_path, elsewhere):
    """The suite takes header or body: ours is the header (RFC 6750 section 2.1), and no other place has the token."""
    async with wired(tmp_path) as house:
        house.provider.in_userinfo_only = USERINFO_NEEDED

        last = await sign_in(house.browser())

        assert last.status == 200
        (asked,) = [ask for ask in house.provider.asked if ask.url.endswith("/userinfo")]
        assert asked.headers["authorization"].startswith("Bearer access-")
        assert "access-" not in str(getattr(asked, elsewhere))
