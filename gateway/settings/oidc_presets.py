"""Sections of vendors that speak OpenID Connect: their issuers and defaults, and the keys of their own."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints, model_validator

from gateway.settings.provider_section import ClaimPaths, GroupPlaces, GroupsFrom, PictureHost
from gateway.settings.providers import IssuerUrl, OidcSection
from gateway.settings.section import DIRECTORY_ID, DOMAIN, ENTRA_TENANT, ISSUER

Domain = Annotated[str, StringConstraints(pattern=DOMAIN, max_length=253)]
DirectoryId = Annotated[str, StringConstraints(pattern=DIRECTORY_ID)]

CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The Entra tenant of all personal Microsoft accounts."""
SHARED_TENANTS = frozenset({"common", "organizations"})

_BASIC = ("openid", "profile", "email")
_LASTING = (*_BASIC, "offline_access")
_LOGIN = "https://login.microsoftonline.com"
_NOWHERE: tuple[GroupsFrom, ...] = ()
_LONGEST_ID = 170  # so that the path to its roles is one


class GoogleProvider(OidcSection):
    """Google: consumer accounts, and those of Workspace domains."""

    membership: ClassVar[str] = "hosted_domains"

    type: Literal["google"] = Field(description="Google.")
    title: str = Field(default="Google", max_length=60, description="What the sign-in button says.")
    issuer: IssuerUrl = Field(default="https://accounts.google.com", description="Google has one.")
    hosted_domains: tuple[Domain, ...] = Field(
        default=(),
        description="Workspace domains; with any, nobody else signs in, and no consumer account whatever its address.",
    )
    offline: bool = Field(
        default=True,
        description="Ask for a refresh token, so that access withdrawn at Google ends the session. Google then shows "
        "its page of consent at each sign-in.",
    )
    client_auth: Literal["basic", "post", "private_key_jwt"] = Field(
        default="post", description="How the gateway proves who it is."
    )
    user: str = Field(default="{email}", description="Template of X-Auth-User over claims of the person.")
    groups_claim: GroupPlaces = Field(default=_NOWHERE, description="Google has no claim for groups.")
    avatar_hosts: tuple[PictureHost, ...] = Field(
        default=("*.googleusercontent.com",), description="Hosts from which a picture's address is believed."
    )

    @property
    def public(self) -> bool:
        return True

    @property
    def limited(self) -> bool:
        return bool(self.hosted_domains)


class GitLabProvider(OidcSection):
    """GitLab, at gitlab.com or on a host of its own."""

    type: Literal["gitlab"] = Field(description="GitLab.")
    title: str = Field(default="GitLab", max_length=60, description="What the sign-in button says.")
    issuer: IssuerUrl = Field(default="https://gitlab.com", description="The address of the GitLab.")
    user: str = Field(
        default="gitlab:{sub}",
        description='Template of X-Auth-User; "{preferred_username}" where nobody can take a name that was given up.',
    )
    avatar_hosts: tuple[PictureHost, ...] = Field(
        default=("gitlab.com", "secure.gravatar.com"),
        description="Hosts from which a picture's address is believed.",
    )


class MicrosoftProvider(OidcSection):
    """Microsoft Entra ID, version 2 endpoints."""

    membership: ClassVar[str] = "tenants"

    type: Literal["microsoft"] = Field(description="Microsoft Entra ID.")
    title: str = Field(default="Microsoft", max_length=60, description="What the sign-in button says.")
    tenant: Annotated[str, StringConstraints(pattern=ENTRA_TENANT)] = Field(
        description="The directory (tenant) ID of your organization, or organizations, common or consumers."
    )
    tenants: tuple[DirectoryId, ...] = Field(
        default=(), description="With organizations or common: the only tenants whose people sign in."
    )
    login_url: IssuerUrl = Field(
        default=_LOGIN, description="The login host; another one in a national cloud."
    )
    graph_url: IssuerUrl = Field(
        default="https://graph.microsoft.com", description="Microsoft Graph; another one in a national cloud."
    )
    graph: bool = Field(
        default=True,
        description="Ask Graph for the groups of people who have too many for a token; without it they do not sign in.",
    )
    issuer: IssuerUrl = Field(
        default=f"{_LOGIN}/common/v2.0", description="Follows from login_url and tenant; left out."
    )
    client_auth: Literal["basic", "post", "private_key_jwt"] = Field(
        default="post", description="How the gateway proves who it is."
    )
    scopes: tuple[str, ...] = Field(
        default=(*_LASTING, "User.Read"),
        description="What is asked for: offline_access for a refresh token, User.Read for the groups out of Graph.",
    )
    claims: ClaimPaths = Field(
        default=ClaimPaths(email_verified="xms_edov", picture=""),
        description="Where the claims of a person stand; only the optional claim xms_edov vouches for an address.",
    )
    groups_claim: GroupPlaces = Field(
        default=["groups", {"path": "roles", "prefix": "role:"}],  # type: ignore[arg-type]  # as people write it
        description="Groups by their object IDs, and app roles as role:NAME.",
    )

    @model_validator(mode="before")
    @classmethod
    def _by_its_tenant(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        login, tenant = values.get("login_url", _LOGIN), values.get("tenant")
        # What is wrong with either is said of that key, and not of one that nobody wrote.
        sound = _fits(ISSUER, login) and _fits(ENTRA_TENANT, tenant)
        issuer = f"{login.rstrip('/')}/{tenant}/v2.0" if sound else f"{_LOGIN}/common/v2.0"
        return {"issuer": issuer, **values}

    @property
    def several_tenants(self) -> bool:
        """Whether people of more than one tenant may sign in."""
        return self.tenant in SHARED_TENANTS and len(self.tenants) != 1

    @property
    def public(self) -> bool:
        return self.tenant in {*SHARED_TENANTS, "consumers", CONSUMERS}

    @property
    def limited(self) -> bool:
        return bool(self.tenants) and CONSUMERS not in self.tenants

    @property
    def endpoints(self) -> dict[str, str]:
        return {"login_url": self.login_url, "graph_url": self.graph_url}


class OktaProvider(OidcSection):
    """Okta: the org authorization server, or a custom one."""

    type: Literal["okta"] = Field(description="Okta.")
    title: str = Field(default="Okta", max_length=60, description="What the sign-in button says.")
    scopes: tuple[str, ...] = Field(
        default=_LASTING, description="What is asked for; with the org's own issuer, groups too."
    )


class Auth0Provider(OidcSection):
    """Auth0."""

    type: Literal["auth0"] = Field(description="Auth0.")
    title: str = Field(default="Auth0", max_length=60, description="What the sign-in button says.")
    client_auth: Literal["basic", "post", "private_key_jwt"] = Field(
        default="post", description="How the gateway proves who it is."
    )
    scopes: tuple[str, ...] = Field(default=_LASTING, description="What is asked for.")
    user: str = Field(default="{email}", description="Template of X-Auth-User over claims of the person.")
    groups_claim: GroupPlaces = Field(
        default=_NOWHERE,
        description="Custom claims have addresses as names, as in https://example.com/groups; there is none by default.",
    )
    avatar_hosts: tuple[PictureHost, ...] = Field(
        default=("cdn.auth0.com", "s.gravatar.com"),
        description="Hosts from which a picture's address is believed.",
    )

    @property
    def public(self) -> bool:
        # A new tenant lets everybody sign up, and nothing in its documents says whether it still does.
        return True


class KeycloakProvider(OidcSection):
    """Keycloak: a realm."""

    type: Literal["keycloak"] = Field(description="Keycloak.")
    groups_claim: GroupPlaces = Field(
        default=[{"path": "groups", "strip": "/"}, {"path": "realm_access.roles", "prefix": "role:"}],  # type: ignore[arg-type]
        description="Groups without the slash in front, and roles of the realm as role:NAME. By default also the roles "
        "of this client (resource_access) as client-role:NAME.",
    )

    @model_validator(mode="before")
    @classmethod
    def _with_its_roles(cls, values: Any) -> Any:
        client = values.get("client_id") if isinstance(values, Mapping) else None
        if not isinstance(client, str) or len(client) > _LONGEST_ID:
            return values
        ours = {"path": f"resource_access.{client}.roles", "prefix": "client-role:"}
        return {"groups_claim": [*cls.model_fields["groups_claim"].default, ours], **values}


def _fits(pattern: str, value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None
