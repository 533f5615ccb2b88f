"""Whose people may sign in at a vendor: what a section says of it must reach the vendor, and come back."""

from collections.abc import Iterator

from gateway.settings.fault import Fault
from gateway.settings.model import ClientSection, Settings
from gateway.settings.oauth2_presets import GitHubProvider
from gateway.settings.tenant_presets import DingTalkProvider, FeishuProvider


def corps_are_asked_for(settings: Settings) -> Iterator[Fault]:
    for name, provider in settings.providers.items():
        if isinstance(provider, DingTalkProvider) and provider.corps and "corpid" not in provider.scopes:
            yield Fault(
                ("providers", name, "scopes"),
                "lacks corpid, without which DingTalk names no corp, and nobody could sign in",
                "write [openid, corpid]",
            )


def organizations_are_asked_for(settings: Settings) -> Iterator[Fault]:
    for name, provider in settings.providers.items():
        if not isinstance(provider, GitHubProvider) or provider.app or not provider.reads_organizations:
            continue
        if not {"read:org", "write:org", "admin:org"} & set(provider.scopes):
            yield Fault(
                ("providers", name, "scopes"),
                "lacks read:org, without which GitHub lists no private organizations, and no teams",
                "add read:org",
            )


def feishu_names_tell_tenants_apart(settings: Settings) -> Iterator[Fault]:
    """The administrators of a tenant choose the names in it: `user_id`, `name`, `employee_no`."""
    for name, provider in settings.providers.items():
        if not isinstance(provider, FeishuProvider) or not provider.several_tenants:
            continue
        unique = ("{union_id}", "{open_id}", f"{{{provider.tenant_claim}}}")
        if not any(claim in provider.user for claim in unique):
            yield Fault(
                ("providers", name, "user"),
                "could give a person of one tenant the name of another person of another tenant",
                f'write "{name}:{{union_id}}", or {unique[2]} in front',
            )


def secrets_are_there(settings: Settings) -> Iterator[Fault]:
    """These vendors know no public clients: their token endpoints would refuse every login."""
    for name, provider in settings.providers.items():
        strict = isinstance(provider, (DingTalkProvider, FeishuProvider, GitHubProvider))
        if strict and isinstance(provider, ClientSection) and provider.client_secret is None:
            yield Fault(
                ("providers", name),
                "has no client_secret, and the vendor answers nobody without one",
                "add client_secret: ${NAME}",
            )
