"""A login by OpenID Connect, cranked by hand: departure, callback, identity."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from gateway.errors import ProviderLied, ProviderRefused, ProviderUnavailable, SettingsFault
from gateway.providers.oidc import Oidc
from gateway.providers.provider import Arrival, EndsSession, Redirects, Refreshes
from gateway.sessions.session import Grant
from gateway.settings.model import OidcProvider
from tests.kit.clock import Clock
from tests.kit.scripted_provider import Key, ScriptedProvider, crank, page, reply

CALLBACK = "https://auth.example.com/auth/idp/callback"
NONCE, VERIFIER, STATE = "n" * 43, "v" * 43, "s" * 43


def section(**changes):
    values = {
        "issuer": "https://idp.example.test",
        "client_id": "gateway",
        "client_secret": SecretStr("s3cr3t: +ü"),
        "anyone": True,
    }
    return OidcProvider.model_validate(values | changes)


def oidc(*, several=False, **changes):
    return Oidc(section(**changes), "idp", several=several)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def provider(clock):
    return ScriptedProvider(clock)


def depart(client, provider, **extra):
    return crank(client.depart(CALLBACK, STATE, NONCE, VERIFIER, extra), provider.answer)


def come_back(client, provider, **extra):
    """Everything up to the callback."""
    back = provider.sign_in(depart(client, provider, **extra).url)
    return Arrival(back["code"], back["iss"], NONCE, VERIFIER, CALLBACK)


def sign_in(client, provider, **changes):
    arrival = replace(come_back(client, provider), **changes)
    return crank(client.arrive(arrival, int(provider.clock())), provider.answer)


def test_an_oidc_provider_is_what_it_implements():
    """It redirects, refreshes, and ends its own session."""
    client = oidc(title="Company")

    assert isinstance(client, Redirects)
    assert isinstance(client, Refreshes)
    assert isinstance(client, EndsSession)
    assert (client.name, client.title, client.issuer) == ("idp", "Company", "https://idp.example.test")


@pytest.mark.parametrize(
    ("own", "wanted", "sent"),
    [
        pytest.param(None, "", None, id="none"),
        pytest.param("consent", "", "consent", id="of the section"),
        pytest.param(None, "login", "login", id="of the moment"),
        pytest.param("consent", "login", "login consent", id="both"),
        pytest.param("login", "login", "login", id="the same"),
    ],
)
def test_a_login_anew_does_not_cost_the_refresh_token_that_consent_brings(provider, own, wanted, sent):
    """`prompt` is a list (OpenID Connect Core 3.1.2.1)."""
    extra = {"prompt": wanted} if wanted else {}
    departure = depart(oidc(prompt=own), provider, **extra)

    assert parse_qs(urlsplit(departure.url).query).get("prompt") == ([sent] if sent else None)


def test_the_departure_carries_state_nonce_and_challenge(provider):
    """Everything that binds the callback to this browser and this code."""
    departure = depart(oidc(scopes=("profile",), prompt="consent"), provider, max_age="60")

    asked = {name: values[0] for name, values in parse_qs(urlsplit(departure.url).query).items()}
    assert asked == {
        "response_type": "code",
        "client_id": "gateway",
        "redirect_uri": CALLBACK,
        "scope": "openid profile",
        "state": STATE,
        "nonce": NONCE,
        "code_challenge": asked["code_challenge"],
        "code_challenge_method": "S256",
        "prompt": "consent",
        "max_age": "60",
    }
    assert (departure.nonce, departure.verifier) == (NONCE, VERIFIER)
    assert VERIFIER not in departure.url


@pytest.mark.parametrize("auth", ["basic", "post"])
@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_login_yields_an_identity_and_a_grant(clock, auth, algorithm):
    """The whole way, at a provider that checks everything."""
    provider = ScriptedProvider(clock, client_auth=auth, algorithm=algorithm)

    signed_in = sign_in(oidc(client_auth=auth), provider)

    identity = signed_in.identity
    assert identity.key == "idp:u-1"
    assert identity.issuer == provider.issuer
    assert identity.user == "alice"
    assert identity.verified_email == "alice@example.com"
    assert identity.groups == ("staff",)
    assert identity.authenticated_at == int(clock())
    assert signed_in.grant.refresh_token
    assert (signed_in.grant.begun, signed_in.grant.expires) == (int(clock()), int(clock()) + 300)


def test_a_public_client_signs_in_with_pkce_alone(clock):
    """No secret is needed, and none is sent."""
    provider = ScriptedProvider(clock, client_secret="")

    assert sign_in(oidc(client_secret=None), provider).identity.user == "alice"


def test_a_login_asks_for_each_thing_once_where_documents_are_kept(provider):
    """With everything needed in the ID token, the token request is the only one that is not a standing document."""
    sign_in(oidc(), provider)

    passing = [urlsplit(ask.url).path for ask in provider.asked if not ask.keep]
    assert passing == ["/token"]


def test_a_wrong_verifier_is_the_providers_to_refuse(provider):
    """The code alone, stolen out of an address bar, redeems nothing."""
    with pytest.raises(ProviderRefused, match="invalid_grant"):
        sign_in(oidc(), provider, verifier="w" * 43)


def test_tokens_that_serve_nothing_are_not_kept(clock):
    """Without a refresh token there is no use for an access token, without a logout endpoint none for the ID token."""
    provider = ScriptedProvider(clock, offers_refresh=False, metadata={"end_session_endpoint": None})

    grant = sign_in(oidc(), provider).grant

    assert grant == Grant(provider="idp", begun=int(clock()))


def test_the_issuer_of_the_callback_is_checked_before_anything_is_asked(provider):
    """RFC 9207: a code of another issuer is carried nowhere."""
    arrival = Arrival("code", "https://evil.example", NONCE, VERIFIER, CALLBACK)

    with pytest.raises(ProviderLied, match="iss"):
        crank(oidc().check_arrival(arrival), provider.answer)

    assert provider.asked == []


@pytest.mark.parametrize("issuer", [None, ""], ids=["missing", "empty"])
def test_a_promised_issuer_that_is_missing_is_refused(provider, issuer):
    """Who advertises `iss` sends it: its absence is how a mix-up looks."""
    arrival = replace(come_back(oidc(), provider), issuer=issuer)

    with pytest.raises(ProviderLied, match="iss"):
        crank(oidc().arrive(arrival, int(provider.clock())), provider.answer)

    assert "/token" not in provider.paths()


def test_a_provider_that_promises_no_issuer_may_leave_it_out(provider):
    """Most providers predate RFC 9207."""
    provider.metadata = {"authorization_response_iss_parameter_supported": None}

    assert sign_in(oidc(), provider, issuer=None).identity.subject == "u-1"


def test_missing_claims_come_from_userinfo(provider):
    """Some providers keep the ID token small."""
    provider.in_userinfo_only = frozenset({"email", "email_verified", "groups", "preferred_username"})

    identity = sign_in(oidc(), provider).identity

    assert identity.user == "alice"
    assert identity.verified_email == "alice@example.com"
    assert identity.groups == ("staff",)
    assert provider.paths()[-1] == "/userinfo"


def test_the_signed_document_speaks_before_userinfo(provider):
    """Userinfo adds what is missing and overrides nothing."""
    provider.in_userinfo_only = frozenset({"groups"})
    provider.userinfo = {"preferred_username": "root", "email": "root@example.com"}

    identity = sign_in(oidc(), provider).identity

    assert (identity.user, identity.email, identity.groups) == ("alice", "alice@example.com", ("staff",))


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        pytest.param(reply(200, {"sub": "u-2", "groups": ["admins"]}), ProviderLied, id="somebody else"),
        pytest.param(reply(200, {"groups": ["admins"]}), ProviderLied, id="nobody"),
        pytest.param(reply(200, [{"sub": "u-1"}]), ProviderUnavailable, id="an array"),
        pytest.param(page(200), ProviderUnavailable, id="HTML"),
        pytest.param(reply(403, {}), ProviderUnavailable, id="403"),
    ],
)
def test_userinfo_that_does_not_belong_to_the_person_ends_the_login(provider, answer, fault):
    """Core section 5.3.2; the answer without the check would be the groups of another."""
    provider.in_userinfo_only = frozenset({"groups"})
    provider.instead["/userinfo"] = [answer]

    with pytest.raises(fault, match="userinfo"):
        sign_in(oidc(), provider)


def test_userinfo_is_asked_for_a_proven_person_only(provider):
    """A `sub` that is none ends the login before its token is used anywhere."""
    provider.in_userinfo_only = frozenset({"groups"})
    provider.lie = "broken_sub"

    with pytest.raises(ProviderLied, match="sub"):
        sign_in(oidc(), provider)

    assert "/userinfo" not in provider.paths()


def test_a_new_key_is_fetched_when_its_id_is_unknown(provider):
    """Keys rotate; also just before a token is signed."""
    arrival = come_back(oidc(), provider)
    old = reply(200, {"keys": [key.jwk for key in provider.published]})
    provider.rotate_keys()
    provider.instead["/keys"] = [old]

    signed_in = crank(oidc().arrive(arrival, int(provider.clock())), provider.answer)

    assert signed_in.identity.subject == "u-1"
    assert [ask.renew for ask in provider.asked if ask.url.endswith("/keys")] == [False, True]


def test_an_id_that_stays_unknown_ends_the_login(provider):
    """One more look, and no more."""
    provider.header = {"kid": "never-published"}

    with pytest.raises(ProviderLied, match="key"):
        sign_in(oidc(), provider)

    assert provider.paths().count("/keys") == 2


@pytest.mark.parametrize(
    ("change", "seen", "remedy"),
    [
        pytest.param(
            {"algorithm": "ES256", "signing": Key("k1", "ES256"), "published": [Key("k1", "ES256")]},
            "id_token: alg: 'ES256', expected one of RS256",
            "choose one of these",
            id="algorithm",
        ),
        pytest.param(
            {"lie": "wrong_iss"},
            "id_token: iss: 'https://evil.example', expected 'https://idp.example.test'",
            "as in its discovery document",
            id="issuer",
        ),
        pytest.param(
            {"lie": "wrong_aud"},
            "id_token: aud: 'another-client', expected 'gateway'",
            "write the client_id",
            id="client",
        ),
        pytest.param(
            {"header": {"kid": "never-published"}},
            "id_token: key (none fits): signed with 'never-published' (RS256), the key set has 'k1' (RS256)",
            "",
            id="key: a rotation may be under way",
        ),
        pytest.param({"lie": "wrong_nonce"}, "id_token: nonce", "", id="nonce: nothing to mend"),
    ],
)
def test_a_token_that_does_not_fit_is_told_with_what_was_expected(provider, change, seen, remedy):
    """Expected and seen in one sentence; what a setting can mend says which."""
    metadata = {"id_token_signing_alg_values_supported": ["RS256"]}
    for name, value in {"metadata": metadata, **change}.items():
        setattr(provider, name, value)

    with pytest.raises(ProviderLied) as fault:
        sign_in(oidc(), provider)

    assert f"provider idp: verification failed: {seen}" in str(fault.value)
    assert (remedy in fault.value.remedy, bool(fault.value.remedy)) == (True, bool(remedy))


def test_a_token_without_kid_is_verified_by_an_only_key(provider):
    """`kid` is optional where there is one key."""
    provider.header = {"kid": None}

    assert sign_in(oidc(), provider).identity.subject == "u-1"


def test_a_code_answer_without_id_token_is_no_login(provider):
    """OAuth alone does not say who somebody is."""
    provider.token_extra = {"id_token": None}

    with pytest.raises(ProviderLied, match="id_token"):
        sign_in(oidc(), provider)


@pytest.mark.parametrize(
    ("auth_time", "accepted"),
    [
        pytest.param(-30, True, id="fresh"),
        pytest.param(-110, True, id="within the skew"),
        pytest.param(-600, False, id="stale"),
        pytest.param(None, False, id="missing"),
    ],
)
def test_an_asked_for_freshness_is_verified(provider, auth_time, accepted):
    """`max_age` is a demand only if `auth_time` is checked (Core section 3.1.3.7, rule 12)."""
    provider.claims = {"auth_time": None if auth_time is None else int(provider.clock()) + auth_time}

    if accepted:
        assert sign_in(oidc(), provider, max_age=60).identity.authenticated_at
    else:
        with pytest.raises(ProviderLied, match="auth_time"):
            sign_in(oidc(), provider, max_age=60)


def test_groups_are_qualified_where_there_are_several_providers(provider):
    """`admins` of one provider are not the `admins` of another."""
    assert sign_in(oidc(several=True), provider).identity.groups == ("idp:staff",)


def test_logout_leads_to_the_providers_page_with_the_hint(provider):
    """RP-Initiated Logout: who signs out, of which client, and where to go after."""
    client = oidc()
    grant = sign_in(client, provider).grant

    url = crank(client.end_session(grant, "https://auth.example.com/auth/signed-out", "st"), provider.answer)

    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert url.startswith("https://idp.example.test/logout?")
    assert asked == {
        "id_token_hint": grant.id_token,
        "client_id": "gateway",
        "post_logout_redirect_uri": "https://auth.example.com/auth/signed-out",
        "state": "st",
    }


def test_a_provider_without_logout_offers_no_address(provider):
    """Then only our own session ends."""
    provider.metadata = {"end_session_endpoint": None}

    assert crank(oidc().end_session(Grant(provider="idp"), "https://a.example", ""), provider.answer) is None


@pytest.mark.parametrize(
    "issuer", ["http://idp.example.test", "http://10.0.0.1", "http://localhost.evil.test"]
)
def test_an_issuer_over_plain_http_is_a_fault_of_the_configuration(issuer):
    """Whoever sits in between would be the provider."""
    with pytest.raises(SettingsFault, match="https"):
        oidc(issuer=issuer)
