"""Groups and roles out of real providers: Keycloak's, and the certified `oidc-provider` dressed as Auth0 and as Okta."""

import asyncio
import json

import pytest

from tests.kit.fleet import fleet
from tests.kit.form_login import sign_in
from tests.kit.oidc_provider import oidc_provider
from tests.kit.servers import free_port
from tests.kit.waiting import until

pytestmark = [pytest.mark.live, pytest.mark.anyio]

SECRET = "loopback-only"
ENVIRONMENT = {"TEST_CLIENT_SECRET": SECRET}
LIFE = 8
"""Seconds of an access token."""

IN_USERINFO = {"userinfo.token.claim": "true", "id.token.claim": "false", "multivalued": "true"}
MAPPERS = [
    {
        "name": "groups",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-group-membership-mapper",
        "config": {"claim.name": "groups", "full.path": "true", "id.token.claim": "true"},
    },
    {
        "name": "realm roles",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-usermodel-realm-role-mapper",
        "config": {**IN_USERINFO, "claim.name": "realm_access.roles"},
    },
    {
        "name": "client roles",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-usermodel-client-role-mapper",
        "config": {**IN_USERINFO, "claim.name": "resource_access.${client_id}.roles"},
    },
]
ADA = {
    "username": "ada",
    "enabled": True,
    "email": "ada@example.com",
    "emailVerified": True,
    "firstName": "Ada",
    "lastName": "Example",
    "credentials": [{"type": "password", "value": "ada", "temporary": False}],
    "groups": ["/admins"],
    "realmRoles": ["editor"],
    "clientRoles": {"gateway": ["operator"]},
}
REALM = {
    "users": [ADA],
    "roles": {"realm": [{"name": "editor"}], "client": {"gateway": [{"name": "operator"}]}},
}


@pytest.fixture
def port():
    return free_port()


def callback(port):
    return f"http://app.gw.localhost:{port}/_gateway/auth/some/callback"


def section(type_, issuer, **keys):
    known = {"client_id": "gateway", "client_secret": "${TEST_CLIENT_SECRET}", "anyone": True}
    return {"some": {"type": type_, "issuer": issuer, **known, **keys}}


def refreshes(gateway):
    lines = [json.loads(line) for line in gateway.log.splitlines() if line[:1] == "{"]
    return [line["outcome"] for line in lines if line["event"] == "refresh.finished"]


async def seen_twice(tmp_path, port, written, answers):
    """The headers of Ada's checks after the login, and after a refresh of her tokens."""
    store = [f"sqlite:{tmp_path / 'shared.db'}"]
    async with fleet(tmp_path, store, written, port, ENVIRONMENT) as one:
        cookie = await sign_in(one.gateways[0], "some", answers)
        first = await one.check(0, cookie)
        await asyncio.sleep(LIFE)
        second = await one.check(0, cookie)
        assert (first.status_code, second.status_code) == (200, 200)
        await until(lambda: refreshes(one.gateways[0]) == ["ok"], what="a refresh")
        return first.headers, second.headers


async def test_keycloak_gives_groups_and_roles_of_two_kinds(tmp_path, port, keycloak):
    """Groups in the ID token and roles in userinfo, at the login and at the refresh."""
    client_as = {"protocolMappers": MAPPERS, "defaultClientScopes": ["basic", "profile", "email"]}
    with keycloak([callback(port)], [], LIFE, habits=REALM, client_as=client_as) as issuer:
        answers = [{"username": "ada", "password": "ada"}]

        for headers in await seen_twice(tmp_path, port, section("keycloak", issuer), answers):
            assert headers["x-auth-user"] == "ada"
            groups = set(headers["x-auth-groups"].split(","))
            assert {"admins", "role:editor", "client-role:operator"} <= groups
            assert not groups & {"/admins", "editor", "operator"}


async def test_claims_as_auth0_writes_them_become_groups(tmp_path, port):
    """An issuer with a slash, a subject with a bar, and names of claims that are addresses."""
    options = {"redirect_uris": [callback(port)], "client_secret": SECRET, "access_token_ttl": LIFE}
    with oidc_provider(shape="auth0", **options) as provider:
        places = ["https://example.com/groups", {"path": "https://example.com/roles", "prefix": "role:"}]
        keys = {"client_auth": "basic", "prompt": "consent", "groups_claim": places}
        written = section("auth0", provider.issuer, **keys)
        answers = [{"login": "auth0|ada", "password": "x"}, {}]

        for headers in await seen_twice(tmp_path, port, written, answers):
            assert provider.issuer.endswith("/")
            assert headers["x-auth-subject"] in {"some:auth0|ada", "some:auth0%7Cada"}
            assert headers["x-auth-user"] == "ada@example.com"
            assert headers["x-auth-groups"] == "admins,staff,role:editor"


async def test_claims_as_okta_writes_them_become_groups(tmp_path, port):
    """A custom authorization server, whose path is part of the issuer."""
    options = {"redirect_uris": [callback(port)], "client_secret": SECRET, "access_token_ttl": LIFE}
    with oidc_provider(shape="okta", **options) as provider:
        scopes = ["openid", "profile", "email", "groups", "offline_access"]
        written = section("okta", provider.issuer, prompt="consent", scopes=scopes)
        answers = [{"login": "00uada", "password": "x"}, {}]

        for headers in await seen_twice(tmp_path, port, written, answers):
            assert provider.issuer.endswith("/oauth2/default")
            assert headers["x-auth-subject"] == "some:00uada"
            assert headers["x-auth-user"] == "ada@example.com"
            assert headers["x-auth-groups"] == "Everyone,admins,staff"
