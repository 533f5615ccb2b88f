"""Sections of vendors: the generic one, with the vendor's defaults and the keys of its own."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Tag

from gateway.settings.ad_api import AdApiProvider
from gateway.settings.ldap import LdapProvider
from gateway.settings.oauth2_presets import DiscordProvider, GitHubProvider
from gateway.settings.oidc_presets import (
    Auth0Provider,
    GitLabProvider,
    GoogleProvider,
    KeycloakProvider,
    MicrosoftProvider,
    OktaProvider,
)
from gateway.settings.password_sections import UsersFileProvider
from gateway.settings.providers import OAuth2Provider, OidcProvider
from gateway.settings.tenant_presets import DingTalkProvider, FeishuProvider

__all__ = ["ProviderSettings"]


def _type(value: Any) -> str:
    """The `type` that was written, `oidc` where none was; what is none of ours is refused by the union itself."""
    kind = value.get("type", "oidc") if isinstance(value, Mapping) else getattr(value, "type", "oidc")
    return kind if isinstance(kind, str) else "?"


ProviderSettings = Annotated[
    Annotated[OidcProvider, Tag("oidc")]
    | Annotated[OAuth2Provider, Tag("oauth2")]
    | Annotated[Auth0Provider, Tag("auth0")]
    | Annotated[DingTalkProvider, Tag("dingtalk")]
    | Annotated[DiscordProvider, Tag("discord")]
    | Annotated[FeishuProvider, Tag("feishu")]
    | Annotated[FeishuProvider, Tag("lark")]
    | Annotated[GitHubProvider, Tag("github")]
    | Annotated[GitLabProvider, Tag("gitlab")]
    | Annotated[GoogleProvider, Tag("google")]
    | Annotated[KeycloakProvider, Tag("keycloak")]
    | Annotated[MicrosoftProvider, Tag("microsoft")]
    | Annotated[OktaProvider, Tag("okta")]
    | Annotated[AdApiProvider, Tag("ad-api")]
    | Annotated[LdapProvider, Tag("ldap")]
    | Annotated[UsersFileProvider, Tag("users-file")],
    Discriminator(_type),
]
