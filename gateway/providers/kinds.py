"""Which class speaks for which type of section."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from gateway.providers.client_auth import Chance
from gateway.providers.dingtalk import DingTalk
from gateway.providers.discord import Discord
from gateway.providers.feishu import Feishu
from gateway.providers.github import GitHub
from gateway.providers.gitlab import GitLab
from gateway.providers.google import Google
from gateway.providers.microsoft import Microsoft
from gateway.providers.oauth2 import OAuth2
from gateway.providers.oidc import Oidc
from gateway.providers.provider import Provider
from gateway.settings.oauth2_presets import DiscordProvider, GitHubProvider
from gateway.settings.oidc_presets import (
    Auth0Provider,
    GitLabProvider,
    GoogleProvider,
    KeycloakProvider,
    MicrosoftProvider,
    OktaProvider,
)
from gateway.settings.provider_section import ProviderSection
from gateway.settings.providers import OAuth2Provider, OidcProvider, OidcSection
from gateway.settings.tenant_presets import DingTalkProvider, FeishuProvider

KINDS: Mapping[type[ProviderSection], Callable[..., Provider]] = MappingProxyType(
    {
        Auth0Provider: Oidc,
        DingTalkProvider: DingTalk,
        DiscordProvider: Discord,
        FeishuProvider: Feishu,
        GitHubProvider: GitHub,
        GitLabProvider: GitLab,
        GoogleProvider: Google,
        KeycloakProvider: Oidc,
        MicrosoftProvider: Microsoft,
        OAuth2Provider: OAuth2,
        OidcProvider: Oidc,
        OktaProvider: Oidc,
    }
)


def made(
    section: ProviderSection,
    name: str,
    *,
    several: bool,
    keeps: frozenset[str],
    callback: str,
    chance: Chance | None = None,
) -> Provider:
    """The provider of a section. The arguments are those of `Oidc`."""
    kind = KINDS[type(section)]
    if isinstance(section, OidcSection):
        return kind(section, name, several=several, keeps=keeps, callback=callback, chance=chance)
    return kind(section, name, several=several, keeps=keeps, callback=callback)
