"""Which class speaks for which type of section."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from gateway.observe.events import Emit, Event
from gateway.providers.ad_api.client import AdApi, Run
from gateway.providers.client_auth import Chance
from gateway.providers.dingtalk import DingTalk
from gateway.providers.discord import Discord
from gateway.providers.feishu import Feishu
from gateway.providers.github import GitHub
from gateway.providers.gitlab import GitLab
from gateway.providers.google import Google
from gateway.providers.ldap.provider import Ldap
from gateway.providers.microsoft import Microsoft
from gateway.providers.oauth2 import OAuth2
from gateway.providers.oidc import Oidc
from gateway.providers.provider import Provider
from gateway.providers.users_file import UsersFile
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
from gateway.settings.provider_section import ProviderSection
from gateway.settings.providers import OAuth2Provider, OidcProvider, OidcSection
from gateway.settings.tenant_presets import DingTalkProvider, FeishuProvider

KINDS: Mapping[type[ProviderSection], Callable[..., Provider]] = MappingProxyType(
    {
        AdApiProvider: AdApi,
        Auth0Provider: Oidc,
        DingTalkProvider: DingTalk,
        DiscordProvider: Discord,
        FeishuProvider: Feishu,
        GitHubProvider: GitHub,
        GitLabProvider: GitLab,
        GoogleProvider: Google,
        KeycloakProvider: Oidc,
        LdapProvider: Ldap,
        MicrosoftProvider: Microsoft,
        OAuth2Provider: OAuth2,
        OidcProvider: Oidc,
        OktaProvider: Oidc,
        UsersFileProvider: UsersFile,
    }
)


def silent(event: Event) -> None:
    """Where nobody listens."""


def made(
    section: ProviderSection,
    name: str,
    *,
    several: bool,
    keeps: frozenset[str],
    callback: str,
    chance: Chance | None = None,
    run: Run | None = None,
    emit: Emit = silent,
) -> Provider:
    """The provider of a section. The arguments are those of `Oidc`.

    `run` drives the flows of who has to wait itself, `emit` takes what a provider finds out by itself.
    """
    kind = KINDS[type(section)]
    if isinstance(section, UsersFileProvider):
        return kind(section, name, several=several, emit=emit)
    if isinstance(section, AdApiProvider):
        return kind(section, name, several=several, run=run)
    if isinstance(section, OidcSection):
        return kind(section, name, several=several, keeps=keeps, callback=callback, chance=chance)
    return kind(section, name, several=several, keeps=keeps, callback=callback)
