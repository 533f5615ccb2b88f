"""What the configuration says of sections of vendors that speak OpenID Connect."""

import os

import pytest

from gateway.keys.client_key import new_client_key
from gateway.settings import checks
from tests.kit.config_file import faults_of, settings

TENANT = "11111111-2222-4333-8444-555555555555"
OTHER = "99999999-8888-4777-8666-555555555555"
BOTH = {"tenant": "organizations", "tenants": [TENANT, OTHER]}


def providers(type_, **keys):
    return {"providers": {"some": {"type": type_, "client_id": "gateway", **keys}}}


FINE = [
    pytest.param(providers("google", hosted_domains=["example.com"]), id="google with a domain"),
    pytest.param(providers("google", allow={"email_domains": ["example.com"]}), id="google with a list"),
    pytest.param(providers("google", anyone=True), id="google for everybody"),
    pytest.param(providers("gitlab", issuer="https://code.example.com"), id="gitlab of ones own"),
    pytest.param(providers("microsoft", tenant=TENANT), id="entra with one tenant"),
    pytest.param(
        providers("microsoft", tenant="organizations", tenants=[TENANT]), id="entra with a list of one"
    ),
    pytest.param(providers("microsoft", **BOTH, user="{oid}"), id="entra with two"),
    pytest.param(
        providers("microsoft", **BOTH, user="{tid}:{preferred_username}"),
        id="entra with two, named by tenant",
    ),
    pytest.param(providers("okta", issuer="https://example.okta.com/oauth2/default"), id="okta"),
    pytest.param(providers("auth0", issuer="https://example.eu.auth0.com/", anyone=True), id="auth0"),
    pytest.param(providers("keycloak", issuer="https://id.example.com/realms/main"), id="keycloak"),
]

FAULTS = [
    pytest.param(providers("google"), "providers.some", "lets everybody in", "hosted_domains:", id="google-for-all"),
    pytest.param(providers("google", hosted_domains=["Example.com"]), "hosted_domains[0]", "does not fit", "lower case", id="domain-in-capitals"),
    pytest.param(providers("gitlab"), "providers.some", "lets everybody in", "allow:", id="gitlab-com-for-all"),
    pytest.param(providers("microsoft"), "providers.some.tenant", "missing", "", id="no-tenant"),
    pytest.param(providers("microsoft", tenant="contoso.com"), "providers.some.tenant", "does not fit", "directory (tenant) ID", id="tenant-by-domain"),
    pytest.param(providers("microsoft", tenant=TENANT.upper().replace("1", "A")), "providers.some.tenant", "does not fit", "lower case", id="tenant-in-capitals"),
    pytest.param(providers("microsoft", tenant="common", user="{oid}"), "providers.some", "lets everybody in", "tenants:", id="entra-for-all"),
    pytest.param(providers("microsoft", tenant="consumers"), "providers.some", "lets everybody in", "tenants:", id="personal-accounts"),
    pytest.param(providers("microsoft", tenant="9188040d-6c67-4c5b-b112-36a304b66dad"), "providers.some", "lets everybody in", "", id="personal-accounts-by-id"),
    pytest.param(providers("microsoft", tenant="common", user="{oid}", tenants=[TENANT, "9188040d-6c67-4c5b-b112-36a304b66dad"]), "providers.some", "lets everybody in", "", id="personal-accounts-in-the-list"),
    pytest.param(providers("microsoft", tenant="organizations", user="{oid}", login_url="https://login.microsoftonline.us"), "providers.some", "lets everybody in", "", id="all-of-a-national-cloud"),
    pytest.param(providers("microsoft", **BOTH), "providers.some.user", "one tenant the name of another", "{oid}", id="names-of-two-tenants"),
    pytest.param(providers("microsoft", tenant=TENANT, tenants=[OTHER]), "providers.some.tenants", "narrows nothing", "organizations", id="tenants-of-one-tenant"),
    pytest.param(providers("microsoft", tenant=TENANT, issuer=f"https://login.microsoftonline.com/{OTHER}/v2.0"), "providers.some.issuer", "another than that of tenant:", "leave it out", id="issuer-of-another-tenant"),
    pytest.param(providers("microsoft", tenant=TENANT, scopes=["openid"]), "providers.some.scopes", "lacks profile", "add profile", id="entra-without-profile"),
    pytest.param(providers("microsoft", tenant=TENANT, graph_url="http://graph.example.com"), "providers.some.graph_url", "in the clear", "https://", id="plain-graph"),
    pytest.param(providers("microsoft", tenant=TENANT, login_url="http://login.example.com"), "providers.some.login_url", "in the clear", "https://", id="plain-login"),
    pytest.param(providers("auth0", issuer="https://example.eu.auth0.com/"), "providers.some", "lets everybody in", "allow:", id="auth0-where-everybody-may-sign-up"),
    pytest.param(providers("auth0", issuer="https://example.eu.auth0.com", anyone=True), "providers.some.issuer", "names itself", "https://example.eu.auth0.com/ with the slash", id="auth0-without-a-slash"),
    pytest.param(providers("okta"), "providers.some.issuer", "missing", "", id="okta-without-an-issuer"),
]  # fmt: skip


@pytest.mark.parametrize("written", FINE)
def test_a_section_that_says_what_it_must_is_fine(tmp_path, written):
    """Defaults do the rest."""
    assert faults_of(tmp_path, **written) == []


@pytest.mark.parametrize(("written", "path", "what", "instead"), FAULTS)
def test_a_section_that_does_not_is_refused_in_one_sentence(tmp_path, written, path, what, instead):
    """At its key, with what to write."""
    [fault] = faults_of(tmp_path, **written)

    assert path in fault
    assert what in fault
    assert instead in fault


def test_the_issuer_of_entra_follows_from_the_tenant():
    """Nobody writes it, and a national cloud has its own."""
    section = {"tenant": TENANT, "login_url": "https://login.microsoftonline.us/"}

    one = settings(**providers("microsoft", **section)).providers["some"]

    assert one.issuer == f"https://login.microsoftonline.us/{TENANT}/v2.0"


def test_the_roles_of_a_keycloak_client_are_read_where_its_id_says():
    """And only by default: a list that is written is the whole list."""
    keys = {"issuer": "https://id.example.com/realms/main"}
    by_default = settings(**providers("keycloak", **keys)).providers["some"]
    written = settings(**providers("keycloak", **keys, groups_claim="groups")).providers["some"]

    assert by_default.groups_claim[-1].path == "resource_access.gateway.roles"
    assert [place.path for place in written.groups_claim] == ["groups"]


def test_entra_is_given_a_secret_and_no_key():
    """It knows a key by the thumbprint of its certificate, which no assertion of ours names."""
    keys = {"client_auth": "private_key_jwt", "client_key": new_client_key(os.urandom)}
    found = checks.faults(settings(**providers("microsoft", tenant=TENANT, **keys)))

    assert [(one.path, one.instead) for one in found] == [
        (("providers", "some", "client_auth"), "write basic, with a secret")
    ]
