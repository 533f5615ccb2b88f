"""Okta, Auth0 and Keycloak, cranked by hand: OpenID Connect with roles, groups and issuers in their own places."""

import pytest

from gateway.errors import ProviderLied, ProviderRefused, ProviderUnavailable
from tests.kit.clock import Clock
from tests.kit.scripted_provider import ScriptedProvider
from tests.kit.vendors.auth0 import Auth0
from tests.kit.vendors.okta import CUSTOM, DAY, ORG, Okta
from tests.kit.vendors.openid import SECRET, client_of, refresh, sign_in

REALM = "https://id.example.com/realms/test"


@pytest.fixture
def clock():
    return Clock()


# Okta


def okta(**keys):
    return client_of({"type": "okta", "issuer": CUSTOM, **keys})


@pytest.mark.parametrize(
    ("server", "issuer"),
    [pytest.param("", ORG, id="the org's"), pytest.param("default", CUSTOM, id="a custom one")],
)
def test_either_kind_of_okta_issuer_signs_people_in(clock, server, issuer):
    """Their endpoints stand in different places; both are found by the document."""
    vendor = Okta(clock, server=server, client_secret=SECRET)

    identity = sign_in(okta(issuer=issuer), vendor).identity

    assert identity.issuer == issuer
    assert identity.user == "alice@example.com"
    assert identity.groups == ("Everyone", "ops")


def test_a_token_of_the_org_is_none_of_its_custom_server(clock):
    """Two issuers of one company are two issuers."""
    vendor = Okta(clock, mixed=True, client_secret=SECRET)

    with pytest.raises(ProviderLied, match="iss"):
        sign_in(okta(), vendor)


def test_without_a_rule_for_groups_there_are_none(clock):
    """Nothing is guessed."""
    vendor = Okta(clock, groups_rule=False, client_secret=SECRET)

    assert sign_in(okta(), vendor).identity.groups == ()


def test_a_rotated_token_shown_again_within_the_grace_period_brings_its_successor(clock):
    """After it, a second use ends everything."""
    vendor = Okta(clock, client_secret=SECRET)
    signed_in = sign_in(okta(), vendor)
    first = refresh(okta(), vendor, signed_in.grant, signed_in.identity)
    clock.now += 29

    again = refresh(okta(), vendor, signed_in.grant, signed_in.identity)
    assert again.grant.refresh_token == first.grant.refresh_token

    clock.now += 2
    for grant in (signed_in.grant, first.grant):
        with pytest.raises(ProviderRefused) as caught:
            refresh(okta(), vendor, grant, signed_in.identity)
        assert caught.value.terminal


def test_rotation_does_not_prolong_the_life_of_an_okta_grant(clock):
    """Ninety days after the login it is over, however often it was refreshed."""
    vendor = Okta(clock, client_secret=SECRET)
    signed_in = sign_in(okta(), vendor)
    clock.now += 89 * DAY
    refreshed = refresh(okta(), vendor, signed_in.grant, signed_in.identity)
    clock.now += DAY

    with pytest.raises(ProviderRefused) as caught:
        refresh(okta(), vendor, refreshed.grant, signed_in.identity)

    assert caught.value.terminal


def test_a_limit_on_requests_passes(clock):
    """Okta says when; the session goes on until then."""
    vendor = Okta(clock, client_secret=SECRET)
    signed_in = sign_in(okta(), vendor)
    vendor.throttled = True

    with pytest.raises(ProviderUnavailable) as caught:
        refresh(okta(), vendor, signed_in.grant, signed_in.identity)

    assert (caught.value.retry_after, caught.value.reason) == (20.0, "throttled")


# Auth0


def auth0(**keys):
    return client_of({"type": "auth0", "issuer": "https://example.eu.auth0.com/", **keys})


@pytest.fixture
def tenant(clock):
    return Auth0(clock, client_secret=SECRET)


def test_an_auth0_person_has_a_bar_in_the_name_and_no_number_for_a_date(tenant):
    """Neither gets in the way; the issuer keeps its slash."""
    identity = sign_in(auth0(), tenant).identity

    assert identity.key == "idp:auth0|5f7c8ec7c33c6c004bbafe82"
    assert identity.user == "alice@example.com"
    assert identity.issuer == "https://example.eu.auth0.com/"
    assert identity.groups == ()


def test_claims_whose_names_are_addresses_become_groups(tenant):
    """Dots in the name of a claim are no path where a claim has that very name."""
    places = ["https://example.com/groups", {"path": "https://example.com/roles", "prefix": "role:"}]

    assert sign_in(auth0(groups_claim=places), tenant).identity.groups == ("staff", "ops", "role:editor")


def test_without_rotation_the_auth0_token_goes_on(tenant):
    """It is off unless somebody switched it on."""
    signed_in = sign_in(auth0(), tenant)

    refreshed = refresh(auth0(), tenant, signed_in.grant, signed_in.identity)

    assert refreshed.grant.refresh_token == signed_in.grant.refresh_token
    assert refreshed.identity == signed_in.identity


def test_in_the_overlap_only_the_token_before_the_newest_is_taken_again(tenant, clock):
    """An older one ends the family."""
    tenant.rotates, tenant.overlap = True, 10.0
    signed_in = sign_in(auth0(), tenant)
    first = refresh(auth0(), tenant, signed_in.grant, signed_in.identity)

    assert refresh(auth0(), tenant, signed_in.grant, signed_in.identity).grant.refresh_token
    newest = refresh(auth0(), tenant, first.grant, signed_in.identity)
    newest = refresh(auth0(), tenant, newest.grant, signed_in.identity)
    for grant in (signed_in.grant, newest.grant):
        with pytest.raises(ProviderRefused) as caught:
            refresh(auth0(), tenant, grant, signed_in.identity)
        assert caught.value.terminal


# Keycloak


def realm(clock, **claims):
    return ScriptedProvider(clock, issuer=REALM, client_secret=SECRET, claims=claims)


def keycloak(**keys):
    return client_of({"type": "keycloak", "issuer": REALM, **keys})


ROLES = {
    "groups": ["/admins", "/eu/berlin", "plain"],
    "realm_access": {"roles": ["editor"]},
    "resource_access": {"gateway": {"roles": ["operator"]}, "account": {"roles": ["manage-account"]}},
}


def test_roles_and_groups_of_keycloak_are_told_apart(clock):
    """A role named admins is no group of that name; roles of other clients are none of ours."""
    identity = sign_in(keycloak(), realm(clock, **ROLES)).identity

    assert identity.groups == (
        "admins",
        "eu/berlin",
        "plain",
        "role:editor",
        "client-role:operator",
    )


def test_the_slash_of_a_group_is_kept_where_it_is_wanted(clock):
    """By writing the claim alone."""
    identity = sign_in(keycloak(groups_claim="groups"), realm(clock, **ROLES)).identity

    assert identity.groups == ("/admins", "/eu/berlin", "plain")


def test_roles_that_are_in_userinfo_alone_are_read_there(clock):
    """Which of the two it is depends on a switch of the mapper."""
    vendor = realm(clock)
    vendor.userinfo = ROLES
    vendor.in_userinfo_only = frozenset({"groups"})

    assert "client-role:operator" in sign_in(keycloak(), vendor).identity.groups


def test_a_client_whose_id_is_an_address_has_its_roles(clock):
    """The dots in it are no path."""
    vendor = realm(clock, resource_access={"https://app.example.com": {"roles": ["operator"]}}, groups=[])
    vendor.client_id = "https://app.example.com"

    identity = sign_in(keycloak(client_id="https://app.example.com"), vendor).identity

    assert identity.groups == ("client-role:operator",)


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"client-role:operator": True}, id="a claim that looks like one"),
        pytest.param({"resource_access": ["gateway"]}, id="a list"),
        pytest.param({"resource_access": {"gateway": ["operator"]}}, id="roles without their name"),
        pytest.param({"resource_access": {"gateway": {"roles": {"operator": 1}}}}, id="a mapping"),
        pytest.param({"resource_access": {"gateway.x": {"roles": ["operator"]}}}, id="another client"),
    ],
)
def test_a_role_that_the_realm_did_not_give_us_is_none(clock, claims):
    """Nothing that looks like one counts."""
    vendor = realm(clock, groups=[], **claims)

    assert sign_in(keycloak(), vendor).identity.groups == ()


def test_noise_among_the_roles_is_dropped_by_globs(clock):
    """Every Keycloak account has a few that say nothing."""
    one = keycloak(keep_groups=["role:edit*", "admins"])

    assert sign_in(one, realm(clock, **ROLES)).identity.groups == ("admins", "role:editor")


def test_roles_are_read_again_at_each_refresh(clock):
    """Taken away at Keycloak is taken away here."""
    vendor = realm(clock, **ROLES)
    signed_in = sign_in(keycloak(), vendor)
    vendor.claims = {**ROLES, "realm_access": {"roles": []}}

    again = refresh(keycloak(), vendor, signed_in.grant, signed_in.identity).identity

    assert "role:editor" not in again.groups
