"""Sections of vendors that speak OAuth 2.0: their endpoints, and the keys of their own."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from gateway.settings.provider_section import PictureHost
from gateway.settings.providers import IssuerUrl, OAuth2Claims
from gateway.settings.section import ISSUER
from gateway.settings.vendor_section import Tenant, VendorSection

_DISCORD = "https://discord.com"
_GITHUB = "https://github.com"
_GITHUB_API = "https://api.github.com"


class DiscordProvider(VendorSection):
    """Discord. Everybody can make an account there."""

    type: Literal["discord"] = Field(description="Discord.")
    title: str = Field(default="Discord", max_length=60, description="What the sign-in button says.")
    authorization_endpoint: IssuerUrl = Field(
        default=f"{_DISCORD}/oauth2/authorize", description="Where browsers are sent."
    )
    token_endpoint: IssuerUrl = Field(
        default=f"{_DISCORD}/api/oauth2/token", description="Where codes become tokens."
    )
    userinfo_endpoint: IssuerUrl = Field(
        default=f"{_DISCORD}/api/users/@me", description="Where the person's claims are read with the token."
    )
    revocation_endpoint: IssuerUrl | None = Field(
        default=f"{_DISCORD}/api/oauth2/token/revoke", description="Where tokens are given back at logout."
    )
    scopes: tuple[str, ...] = Field(default=("identify", "email"), description="What is asked for.")
    required_scopes: tuple[str, ...] = Field(
        default=("identify", "email"), description="What must have been granted; all of `scopes` by default."
    )
    user: str = Field(
        default="discord:{id}", description="Template of X-Auth-User over claims of the person."
    )
    claims: OAuth2Claims = Field(
        default=OAuth2Claims(subject="id", email_verified="verified"),
        description="Where the claims of a person stand.",
    )
    avatar_hosts: tuple[PictureHost, ...] = Field(
        default=("cdn.discordapp.com",), description="Hosts from which a picture's address is believed."
    )

    @classmethod
    def following(cls, written: Mapping[str, Any]) -> Mapping[str, Any]:
        asked = written.get("scopes")
        return {"required_scopes": asked} if isinstance(asked, (list, tuple)) else {}

    @property
    def public(self) -> bool:
        return True


class GitHubProvider(VendorSection):
    """GitHub, or a GitHub Enterprise Server: an OAuth app, or a GitHub App."""

    membership: ClassVar[str] = "organizations"

    type: Literal["github"] = Field(description="GitHub, or a GitHub Enterprise Server.")
    title: str = Field(default="GitHub", max_length=60, description="What the sign-in button says.")
    url: IssuerUrl = Field(
        default=_GITHUB, description="Where people meet it; the address of an Enterprise Server."
    )
    api_url: IssuerUrl = Field(
        default=_GITHUB_API, description="Its REST API; URL/api/v3 for an Enterprise Server."
    )
    app: bool = Field(
        default=False,
        description="Whether it is registered as a GitHub App: permissions in place of scopes, and tokens that end.",
    )
    organizations: tuple[Tenant, ...] = Field(
        default=(), description="Who is in one of these organizations may sign in, and nobody else."
    )
    groups: Literal["none", "organizations", "teams"] = Field(
        default="none",
        description="What becomes a group: nothing, organizations as ORG, or these and teams as ORG/TEAM.",
    )
    authorization_endpoint: IssuerUrl = Field(
        default=f"{_GITHUB}/login/oauth/authorize", description="Where browsers are sent."
    )
    token_endpoint: IssuerUrl = Field(
        default=f"{_GITHUB}/login/oauth/access_token", description="Where codes become tokens."
    )
    userinfo_endpoint: IssuerUrl = Field(
        default=f"{_GITHUB_API}/user", description="Where the person's claims are read with the token."
    )
    revocation_endpoint: None = Field(default=None, description="Tokens are deleted by the API.")
    client_auth: Literal["post"] = Field(default="post", description="The secret goes into the body.")
    scopes: tuple[str, ...] = Field(
        default=("read:user", "user:email"),
        description="What is asked for; read:org too, where organizations are read.",
    )
    required_scopes: tuple[str, ...] = Field(
        default=("user:email",), description="What must have been granted; all of `scopes` that matters."
    )
    user: str = Field(default="github:{id}", description="Template of X-Auth-User over claims of the person.")
    claims: OAuth2Claims = Field(
        default=OAuth2Claims(subject="id", picture="avatar_url"),
        description="Where the claims of a person stand.",
    )
    avatar_hosts: tuple[PictureHost, ...] = Field(
        default=("avatars.githubusercontent.com",),
        description="Hosts from which a picture's address is believed.",
    )

    @classmethod
    def following(cls, written: Mapping[str, Any]) -> Mapping[str, Any]:
        url = written.get("url", _GITHUB)
        home = (url if isinstance(url, str) and re.fullmatch(ISSUER, url) else _GITHUB).rstrip("/")
        api = written.get("api_url", _GITHUB_API if home == _GITHUB else f"{home}/api/v3")
        places = {
            "api_url": api,
            "authorization_endpoint": f"{home}/login/oauth/authorize",
            "token_endpoint": f"{home}/login/oauth/access_token",
            "userinfo_endpoint": f"{str(api).rstrip('/')}/user",
        }
        return {**places, **_scopes(written)}

    @property
    def reads_organizations(self) -> bool:
        """Whether it matters of which organizations somebody is a member."""
        return self.groups != "none" or bool(self.organizations)

    @property
    def home(self) -> str:
        return self.url.rstrip("/")

    @property
    def limited(self) -> bool:
        return bool(self.organizations)

    @property
    def endpoints(self) -> dict[str, str]:
        return {"url": self.url, "api_url": self.api_url, **super().endpoints}


def _scopes(values: Mapping[str, Any]) -> dict[str, Any]:
    """An app has permissions in place of scopes; organizations are listed for `read:org` alone."""
    if values.get("app") is True:
        return {"scopes": (), "required_scopes": ()}
    if values.get("organizations") or values.get("groups", "none") != "none":
        return {
            "scopes": ("read:user", "user:email", "read:org"),
            "required_scopes": ("user:email", "read:org"),
        }
    return {}
