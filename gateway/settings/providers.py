"""The two protocols that providers speak, as sections: OpenID Connect, and OAuth 2.0 without it.

What vendors make of them stands in `settings.presets`.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from gateway.settings.provider_section import ClaimPath, ClaimPaths, ClientSection
from gateway.settings.section import ISSUER
from gateway.settings.units import PrivateKey

IssuerUrl = Annotated[str, StringConstraints(pattern=ISSUER)]
KeyId = Annotated[str, StringConstraints(max_length=200)]
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]


class OidcSection(ClientSection):
    """Any provider that has a discovery document."""

    issuer: IssuerUrl = Field(description="The issuer, byte for byte as the provider states it.")
    client_auth: Literal["basic", "post", "private_key_jwt"] = Field(
        default="basic",
        description="client_secret_basic or client_secret_post; private_key_jwt proves who we are by client_key.",
    )
    client_key: PrivateKey | None = Field(
        default=None,
        description="A private key in PEM, in place of a secret: RSA of 2048 bits or more, EC P-256 or Ed25519.",
    )
    client_key_id: KeyId = Field(
        default="", description="Its `kid` at the provider; the RFC 7638 thumbprint by default."
    )
    security: Literal["standard", "strict"] = Field(
        default="standard", description="strict is the hardened profile, for providers that can keep it."
    )
    algorithms: tuple[Algorithm, ...] = Field(
        default=(),
        description="Signature algorithms of the provider's tokens, and no others; those that its metadata names "
        "by default.",
    )
    scopes: tuple[str, ...] = Field(
        default=("openid", "profile", "email"), description="What is asked for; `openid` is a must."
    )
    user: str = Field(
        default="{preferred_username}",
        description="Template of X-Auth-User over claims of the ID token and userinfo.",
    )
    claims: ClaimPaths = Field(default=ClaimPaths(), description="Where the claims of a person stand.")
    frontchannel_logout: bool = Field(
        default=False,
        description="Whether a page of the provider may end sessions by a frame; unsigned, so only where it has no "
        "back-channel logout.",
    )

    @property
    def vouches(self) -> bool:
        return bool(self.claims.email_verified)

    @property
    def home(self) -> str:
        return self.issuer

    @property
    def endpoints(self) -> dict[str, str]:
        return {"issuer": self.issuer}


class OidcProvider(OidcSection):
    """Any OpenID Connect provider, by its discovery document."""

    type: Literal["oidc"] = Field(
        default="oidc", description="Any OpenID Connect provider, by its discovery document."
    )


class OAuth2Claims(ClaimPaths):
    """As for OpenID Connect, and who it is: nothing else says so."""

    subject: ClaimPath = Field(description="What names a person for ever: never a name, never an address.")


class OAuth2Section(ClientSection):
    """A provider of OAuth 2.0 alone: no ID token says who signed in, so the userinfo endpoint is asked."""

    authorization_endpoint: IssuerUrl = Field(description="Where browsers are sent.")
    token_endpoint: IssuerUrl = Field(description="Where codes become tokens.")
    userinfo_endpoint: IssuerUrl = Field(description="Where the person's claims are read with the token.")
    revocation_endpoint: IssuerUrl | None = Field(
        default=None, description="Where tokens are given back at logout (RFC 7009)."
    )
    issuer: IssuerUrl | None = Field(
        default=None,
        description="What the callback's `iss` must be, where the provider sends one (RFC 9207).",
    )
    client_auth: Literal["basic", "post"] = Field(
        default="post", description="How the secret is sent: in a header, or in the form."
    )
    pkce: bool = Field(
        default=True,
        description="PKCE (RFC 7636, S256); off only for a provider that refuses what it does not know.",
    )
    claims: OAuth2Claims = Field(description="Where the claims of a person stand.")

    @property
    def vouches(self) -> bool:
        return bool(self.claims.email_verified)

    @property
    def home(self) -> str:
        return self.issuer or self.authorization_endpoint

    @property
    def endpoints(self) -> dict[str, str]:
        names = (
            "authorization_endpoint",
            "token_endpoint",
            "userinfo_endpoint",
            "revocation_endpoint",
            "issuer",
        )
        return {name: value for name in names if (value := getattr(self, name))}


class OAuth2Provider(OAuth2Section):
    """Any OAuth 2.0 provider, by its endpoints."""

    type: Literal["oauth2"] = Field(description="Any OAuth 2.0 provider, by its endpoints.")
