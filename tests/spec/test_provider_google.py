"""Google, cranked by hand against a fake that refuses what Google refuses."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.errors import NotAllowed, ProviderLied, ProviderRefused
from tests.kit.clock import Clock
from tests.kit.vendors.google import Google
from tests.kit.vendors.openid import SECRET, client_of, depart, refresh, sign_in


@pytest.fixture
def google():
    return Google(Clock(), client_secret=SECRET)


def client(**keys):
    return client_of({"type": "google", **keys})


def asked(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_a_login_names_a_person_by_sub_and_shows_a_verified_address(google):
    """The key is the number; the address is what people are called."""
    signed_in = sign_in(client(), google)

    identity = signed_in.identity
    assert identity.key == "idp:110169484474386276334"
    assert identity.user == "alice@example.com"
    assert identity.picture == "https://lh3.googleusercontent.com/a/alice"
    assert identity.groups == ()


@pytest.mark.parametrize(
    ("domain", "address", "verified"),
    [
        pytest.param("example.com", "alice@example.com", True, id="workspace"),
        pytest.param("example.com", "alice@alias.example", True, id="workspace, another of its domains"),
        pytest.param("", "alice@gmail.com", True, id="gmail"),
        pytest.param("", "Alice@GoogleMail.com", True, id="gmail of old, as it was typed"),
        pytest.param("", "alice@example.com", False, id="consumer account with a company's address"),
        pytest.param("", "alice@gmail.com.evil.test", False, id="gmail in front"),
        pytest.param("", "alice@notgmail.com", False, id="gmail at the end"),
    ],
)
def test_google_vouches_for_addresses_that_it_gives_out_itself(google, domain, address, verified):
    """Of any other it knows who had it when the account was made, and that may be years ago."""
    google.hosted_domain, google.person["email"] = domain, address

    identity = sign_in(client(user="google:{sub}"), google).identity

    assert (identity.email, identity.email_verified) == (address, verified)


def test_nobody_is_called_by_an_address_for_which_google_does_not_vouch(google):
    """The person who left a company keeps the account that was made with its address."""
    google.hosted_domain = ""

    with pytest.raises(ProviderLied) as caught:
        sign_in(client(), google)

    assert caught.value.reason == "unverified_email"


def test_no_document_is_read_that_says_nothing_new(google):
    """The ID token has all there is: userinfo is not asked."""
    sign_in(client(), google)

    assert "/v1/userinfo" not in google.paths()


def test_a_refresh_token_is_asked_for_in_googles_own_words(google):
    """By access_type=offline and the page of consent, and never by the scope of OpenID Connect."""
    url = depart(client(scopes=("openid", "email", "offline_access")), google)

    assert asked(url)["access_type"] == "offline"
    assert asked(url)["prompt"] == "consent"
    assert asked(url)["scope"] == "openid email"


def test_somebody_who_has_agreed_before_brings_a_refresh_token_again(google):
    """Without the page of consent there would be none the second time."""
    google.consented = True

    assert sign_in(client(), google).grant.refresh_token


def test_without_offline_nobody_sees_the_page_of_consent_again(google):
    """And the session goes by its own limits."""
    google.consented = True
    url = depart(client(offline=False), google)

    assert "access_type" not in asked(url)
    assert "prompt" not in asked(url)
    assert sign_in(client(offline=False), google).grant.refresh_token == ""


@pytest.mark.parametrize(
    ("extra", "sent"),
    [
        pytest.param({"prompt": "login", "max_age": "60"}, "consent", id="what it does not know"),
        pytest.param({"prompt": "select_account"}, "select_account consent", id="what it knows"),
    ],
)
def test_a_parameter_that_google_refuses_is_dropped(google, extra, sent):
    """Else the person ends on an error page of Google's."""
    url = depart(client(), google, **extra)

    assert asked(url)["prompt"] == sent
    assert "max_age" not in asked(url)
    assert not client().reauthenticates


@pytest.mark.parametrize(
    ("domains", "hint"),
    [
        pytest.param(["example.com"], "example.com", id="one"),
        pytest.param(["a.test", "b.test"], "*", id="two"),
    ],
)
def test_the_domain_is_a_hint_for_the_account_page(google, domains, hint):
    """It chooses what is shown; what counts is checked on return."""
    assert asked(depart(client(hosted_domains=domains), google))["hd"] == hint


def test_an_account_of_the_domain_signs_in(google):
    """The claim of the verified ID token says so."""
    assert sign_in(client(hosted_domains=["example.com"]), google).identity.subject


@pytest.mark.parametrize(
    ("domain", "userinfo"),
    [
        pytest.param("", {}, id="a consumer account with a company's address"),
        pytest.param("", {"hd": "example.com"}, id="a claim of userinfo alone"),
        pytest.param("evil.test", {}, id="another domain"),
        pytest.param("EXAMPLE.COM", {}, id="the domain in another case"),
        pytest.param("sub.example.com", {}, id="a domain beneath it"),
        pytest.param(["example.com"], {}, id="a list"),
    ],
)
def test_anybody_else_is_refused_whatever_the_address(google, domain, userinfo):
    """Absent is a consumer account: an address of the domain proves no account of the domain."""
    google.hosted_domain, google.userinfo = domain, userinfo

    with pytest.raises(NotAllowed) as caught:
        sign_in(client(hosted_domains=["example.com"]), google)

    assert caught.value.reason == "wrong_tenant"


@pytest.mark.parametrize("bare", [False, True])
def test_either_spelling_of_the_issuer_is_googles(google, bare):
    """Both are documented, and one person has one name under both."""
    google.bare_issuer = bare

    assert sign_in(client(), google).identity.issuer == "https://accounts.google.com"


@pytest.mark.parametrize(
    "issuer",
    [
        "http://accounts.google.com",
        "accounts.google.com/",
        "https://accounts.google.com/",
        "Accounts.google.com",
        "https://accounts.google.com.evil.test",
        "",
    ],
)
def test_a_third_spelling_is_nobodys(google, issuer):
    """Two are accepted, byte for byte."""
    google.claims = {"iss": issuer}

    with pytest.raises(ProviderLied, match="iss"):
        sign_in(client(), google)


def test_an_address_that_google_has_not_verified_names_nobody(google):
    """The template of X-Auth-User is the address, so it must be proven."""
    google.person["email_verified"] = False

    with pytest.raises(ProviderLied) as caught:
        sign_in(client(), google)

    assert caught.value.reason == "unverified_email"


def test_a_scope_that_was_not_ticked_is_missed(google):
    """Granular consent: what is needed is compared with what was granted."""
    google.declined = frozenset({"email"})

    with pytest.raises(ProviderRefused) as caught:
        sign_in(client(required_scopes=["email"]), google)

    assert caught.value.reason == "scope_missing"


def test_a_refresh_keeps_the_old_token(google):
    """Google rotates nothing."""
    signed_in = sign_in(client(), google)

    refreshed = refresh(client(), google, signed_in.grant, signed_in.identity)

    assert refreshed.grant.refresh_token == signed_in.grant.refresh_token
    assert refreshed.grant.access_token != signed_in.grant.access_token
    assert refreshed.identity == signed_in.identity


def test_who_has_left_the_domain_is_barred_at_the_next_refresh(google):
    """The ID token of the refresh proves it, and no claim of the login speaks against it."""
    one = client(hosted_domains=["example.com"])
    signed_in = sign_in(one, google)
    google.hosted_domain = ""

    assert refresh(one, google, signed_in.grant, signed_in.identity).barred


def test_access_that_was_withdrawn_is_final(google):
    """In the account's settings, or by an administrator."""
    signed_in = sign_in(client(), google)
    google.refreshable.clear()

    with pytest.raises(ProviderRefused) as caught:
        refresh(client(), google, signed_in.grant, signed_in.identity)

    assert caught.value.terminal


def test_the_token_of_another_person_changes_nothing(google):
    """As everywhere: who comes back must be who went."""
    signed_in = sign_in(client(), google)
    google.claims = {"sub": "7"}

    refreshed = refresh(client(), google, signed_in.grant, signed_in.identity)

    assert refreshed.identity is None
    assert refreshed.alarm


def test_the_fake_refuses_what_google_refuses(google):
    """Scopes and prompts that are not its own, and a request at the wrong one of its hosts."""
    url = depart(client(), google)

    with pytest.raises(AssertionError, match="invalid_scope"):
        google.sign_in(url.replace("scope=openid", "scope=openid+offline_access"))
    with pytest.raises(AssertionError, match="invalid_request"):
        google.sign_in(url.replace("prompt=consent", "prompt=login"))
    assert google.answer(replace(google.asked[0], url="https://accounts.google.com/token")).status == 404
