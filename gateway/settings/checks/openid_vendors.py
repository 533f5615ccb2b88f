"""What a vendor's own keys must say together, for the vendors that speak OpenID Connect."""

from collections.abc import Iterator

from gateway.settings.fault import Fault
from gateway.settings.model import Settings
from gateway.settings.oidc_presets import SHARED_TENANTS, Auth0Provider, MicrosoftProvider


def auth0_issuers_end_with_a_slash(settings: Settings) -> Iterator[Fault]:
    for name, provider in settings.providers.items():
        if isinstance(provider, Auth0Provider) and not provider.issuer.endswith("/"):
            path = ("providers", name, "issuer")
            yield Fault(path, "is not how Auth0 names itself", f"write {provider.issuer}/ with the slash")


def entra_sections_are_whole(settings: Settings) -> Iterator[Fault]:
    for name, provider in settings.providers.items():
        if isinstance(provider, MicrosoftProvider):
            yield from _of_entra(name, provider)


def _of_entra(name: str, provider: MicrosoftProvider) -> Iterator[Fault]:
    here = ("providers", name)
    if provider.issuer != f"{provider.login_url.rstrip('/')}/{provider.tenant}/v2.0":
        yield Fault((*here, "issuer"), "is another than that of tenant:", "leave it out")
    if provider.tenants and provider.tenant not in SHARED_TENANTS:
        instead = "leave it out, or write tenant: organizations"
        yield Fault((*here, "tenants"), "narrows nothing: tenant: is one alone", instead)
    if provider.client_auth == "private_key_jwt":
        # Entra knows a key by the thumbprint of a certificate, and nothing else in an assertion.
        yield Fault((*here, "client_auth"), "is not what Entra ID understands", "write basic, with a secret")
    if "profile" not in provider.scopes:
        yield Fault((*here, "scopes"), "lacks profile, without which no token says oid", "add profile")
    # The administrators of each tenant choose the names in it, and nothing keeps two of them apart.
    if provider.several_tenants and not any(claim in provider.user for claim in ("{oid}", "{tid}")):
        yield Fault(
            (*here, "user"),
            "could give a person of one tenant the name of another person of another tenant",
            'write "{oid}", or "{tid}:{preferred_username}"',
        )
