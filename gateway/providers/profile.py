"""The security profile of a section: what is demanded of its provider beyond the protocol.

`standard` takes every certified provider. `strict` is what of FAPI 2.0 (Security Profile, section 5.3.3) a client can
demand of a provider that was not built for it:

    our proof       a key (`client_auth: private_key_jwt`); the checks of the settings see to that
    the request     pushed where the provider offers it (RFC 9126), S256 among the methods that it lists
    the callback    `iss` in each (RFC 9207), whether or not the metadata promises it
    the tokens      signed with one of `algorithms:`, else one of `STRICT`

Nonce, state, S256 and one redirect URI for each provider are not of the profile: they are demanded always. So is the
`at_hash` that is there; a missing one is legal in the code flow (OpenID Connect Core section 3.1.3.6), where the
tokens come from the provider itself, over TLS, and there is nobody who could exchange one of them.
"""

from dataclasses import dataclass
from typing import Final

from gateway.errors import ProviderLied
from gateway.providers.discovery import Metadata
from gateway.settings.providers import OidcSection

FAPI: Final = ("PS256", "ES256", "EdDSA")
"""FAPI 2.0 section 5.4.1."""
STRICT: Final = (*FAPI, "RS256")
"""What strict believes. RS256 is what Keycloak, Entra and Okta sign with until they are told otherwise, and no attack
on it is known; whoever wants FAPI's list exactly writes `algorithms:`."""


@dataclass(frozen=True, slots=True)
class SecurityProfile:
    """`pinned` are the algorithms of the section, empty where it names none."""

    provider: str
    strict: bool
    pinned: tuple[str, ...]

    @classmethod
    def of(cls, section: OidcSection, name: str) -> "SecurityProfile":
        return cls(name, section.security == "strict", section.algorithms)

    def algorithms(self, metadata: Metadata) -> tuple[str, ...]:
        """The signature algorithms to believe. Pinned ones are not looked up in the metadata: they are the word."""
        if self.pinned or not self.strict:
            return self.pinned or metadata.algorithms
        found = tuple([name for name in STRICT if name in metadata.algorithms])
        if not found:
            raise ProviderLied(
                self.provider,
                "discovery: id_token_signing_alg_values_supported",
                f"security: strict expects one of {', '.join(STRICT)}, seen {', '.join(metadata.algorithms)}",
                f"switch one of these on at the provider, or write algorithms: (providers.{self.provider})",
            )
        return found

    def demands_issuer(self, metadata: Metadata) -> bool:
        """Whether a callback without `iss` is refused (RFC 9207 section 2.4)."""
        return self.strict or metadata.states_issuer

    def check_challenge(self, metadata: Metadata) -> None:
        """A provider that lists its methods of PKCE without S256 would not hold us to the one that we use.

        Many list none and know S256 (Entra), so that silence is no answer.
        """
        methods = metadata.listed("code_challenge_methods_supported")
        if self.strict and methods is not None and "S256" not in methods:
            raise ProviderLied(
                self.provider,
                "discovery: code_challenge_methods_supported",
                f"security: strict expects S256, seen {', '.join(methods) or 'nothing'}"[:300],
                "switch PKCE with S256 on at the provider",
            )

    def pushing_endpoint(self, metadata: Metadata) -> str:
        """Where the authorization request is pushed to; "" where it may go by the browser.

        Raises `ProviderLied` where it has to be pushed and cannot: what was to be kept from the browser's address
        would stand in it.
        """
        offered = metadata.stated.get("pushed_authorization_request_endpoint") is not None
        required = metadata.says("require_pushed_authorization_requests")
        if not required and not (self.strict and offered):
            return ""
        if not metadata.pushing_endpoint:
            raise ProviderLied(
                self.provider,
                "discovery: pushed_authorization_request_endpoint",
                "expected an https address, seen none",
                "let the provider state where authorization requests are pushed to",
            )
        return metadata.pushing_endpoint
