"""Discord: forms alone, compared scopes, a picture put together, and its limits."""

from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.errors import ProviderLied, ProviderRefused, ProviderUnavailable
from gateway.providers.discord import avatar
from tests.kit.clock import Clock
from tests.kit.config_file import faults_of
from tests.kit.scripted_provider import crank
from tests.kit.vendors.cranked import client_of, depart, log_in, refresh
from tests.kit.vendors.discord import ME, REVOKE, TOKEN, Discord

HASH = "8342729096ea3675442027381ff50dfe"


@pytest.fixture
def vendor():
    return Discord(Clock())


@pytest.fixture
def client():
    return client_of("discord", anyone=True)


def test_a_login_says_who_it_is(client, vendor):
    """By the snowflake, a text of digits."""
    ada = log_in(client, vendor).identity

    assert (ada.key, ada.user) == ("v:80351110224678912", "discord:80351110224678912")
    assert (ada.name, ada.verified_email) == ("Ada L.", "ada@example.com")
    assert ada.picture == f"https://cdn.discordapp.com/avatars/80351110224678912/{HASH}.png"


def test_who_has_no_name_address_or_picture_signs_in_without(client, vendor):
    """All three may be null."""
    bob = log_in(client, vendor, "bob").identity

    assert (bob.name, bob.email, bob.picture) == ("bob", "", "")


@pytest.mark.parametrize("flag", [False, None, "no", 1])
def test_an_address_that_discord_has_not_verified_does_not_count(client, vendor, flag):
    """The flag is called `verified`, and says this of the address."""
    vendor.people["ada"]["verified"] = flag

    ada = log_in(client, vendor).identity

    assert (ada.email, ada.verified_email) == ("ada@example.com", "")


@pytest.mark.parametrize(
    ("person", "picture", "kind"),
    [
        ("80351110224678912", HASH, "png"),
        ("80351110224678912", f"a_{HASH}", "gif"),
        ("80351110224678912", None, ""),
        ("80351110224678912", "../../../evil", ""),
        ("80351110224678912", f"{HASH}?x=", ""),
        ("1/../2", HASH, ""),
        (80351110224678912, HASH, ""),
    ],
)
def test_a_picture_is_put_together_from_a_number_and_a_hash(person, picture, kind):
    """Parts of any other form would lead somewhere else."""
    found = avatar({"id": person, "avatar": picture})

    assert found == (f"https://cdn.discordapp.com/avatars/{person}/{picture}.{kind}" if kind else "")


@pytest.mark.parametrize("identifier", [True, 1.5, None, "", "a\nb"])
def test_an_id_that_is_none_names_nobody(client, vendor, identifier):
    """A fraction has lost digits on its way."""
    vendor.people["ada"]["id"] = identifier

    with pytest.raises(ProviderLied, match="subject"):
        log_in(client, vendor)


def test_the_request_is_a_plain_one(client, vendor):
    """Words of OpenID Connect are dropped; `prompt` is sent where it is written."""
    plain = parse_qs(urlsplit(depart(client, vendor, prompt="login", login_hint="x", max_age="0")).query)
    quiet = parse_qs(urlsplit(depart(client_of("discord", anyone=True, prompt="none"), vendor)).query)

    assert not {"prompt", "login_hint", "max_age", "nonce"} & set(plain)
    assert plain["code_challenge_method"] == ["S256"]
    assert quiet["prompt"] == ["none"]


def test_a_verifier_is_long_enough(client, vendor):
    """Under 43 characters Discord refuses what others tolerate: the vendor of the tests does so, too."""
    log_in(client, vendor)

    asked = next(call for call in vendor.asked if call.url.endswith(TOKEN))
    assert asked.kind == "application/x-www-form-urlencoded"
    assert len(asked.body["code_verifier"]) >= 43


@pytest.mark.parametrize("scope", ["identify", "email"])
def test_less_than_was_asked_for_is_refused(client, vendor, scope):
    """What was granted is compared with what was asked for."""
    vendor.withholds = scope

    with pytest.raises(ProviderRefused) as caught:
        log_in(client, vendor)

    assert caught.value.reason == "scope_missing"


def test_fewer_scopes_require_fewer(vendor):
    """All that is asked for is required, whatever it is."""
    client = client_of("discord", anyone=True, scopes=["identify"])

    assert log_in(client, vendor).identity.email == ""


@pytest.mark.parametrize("path", [TOKEN, ME])
def test_a_limit_says_how_long_to_wait(client, vendor, path):
    """429 is honoured at the token endpoint and at the profile."""
    vendor.instead[path] = [vendor.too_many(7.5)]

    with pytest.raises(ProviderUnavailable) as caught:
        log_in(client, vendor)

    assert (caught.value.reason, caught.value.retry_after) == ("throttled", 7)


def test_a_limit_at_the_profile_keeps_the_new_tokens(client, vendor):
    """The old refresh token is dead by then."""
    before = log_in(client, vendor)
    vendor.instead[ME] = [vendor.too_many(1)]

    after = refresh(client, vendor, before)

    assert after.identity is None
    assert after.grant.refresh_token in vendor.refreshable


def test_a_refresh_token_that_was_used_is_final(client, vendor):
    """Whoever shows it a second time has lost it, or stolen it."""
    before = log_in(client, vendor)
    refresh(client, vendor, before)

    with pytest.raises(ProviderRefused) as caught:
        refresh(client, vendor, before)

    assert caught.value.terminal


def test_tokens_are_given_back_in_a_form(client, vendor):
    """RFC 7009."""
    grant = log_in(client, vendor).grant

    crank(client.revoke(grant), vendor.answer)

    assert (vendor.paths()[-1], vendor.asked[-1].body["token"]) == (REVOKE, grant.refresh_token)
    assert grant.refresh_token not in vendor.refreshable


def test_a_section_must_say_who_may_sign_in(tmp_path):
    """Everybody can have an account there."""
    section = {"type": "discord", "client_id": "g", "client_secret": "${SECRET}"}
    environ = {"SECRET": "s"}

    assert "anyone: true" in "".join(faults_of(tmp_path, environ, providers={"v": section}))
    for said in ({"anyone": True}, {"allow": {"users": ["discord:80351110224678912"]}}):
        assert faults_of(tmp_path, environ, providers={"v": section | said}) == []
