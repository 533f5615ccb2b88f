"""Us, as one provider knows us: how a request to it proves that it is ours (OpenID Connect Core section 9).

    none              a public client, whose proof is PKCE alone
    basic, post       a secret, in a header or in the form (RFC 6749 section 2.3.1)
    private_key_jwt   an assertion that a key has signed (RFC 7523), which is worth nothing at another server

An assertion is good for a minute and for one request. So it is made with the request, from a time and an id that are
new each time; the transport never repeats a request that carries one, and whoever asks again makes another.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol
from urllib.parse import quote_plus

from gateway.keys.client_key import ClientKey
from gateway.keys.jwks import sign_by
from gateway.providers.discovery import Metadata
from gateway.providers.oauth import with_query
from gateway.providers.provider import Ask
from gateway.settings.providers import OidcSection

LIFETIME: Final = 60
"""Seconds from `iat` to `exp` of an assertion."""

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# The type of RFC 7523bis section 4 keeps an assertion from being taken for any other token of the same key. Keycloak 26
# and oidc-provider 9 read no `typ`; PingFederate 13.1 and OpenIddict 7 want this one.
_TYP = "client-authentication+jwt"


class Chance(Protocol):
    """Time (Unix seconds) and random bytes."""

    @property
    def clock(self) -> Callable[[], float]: ...

    @property
    def random(self) -> Callable[[int], bytes]: ...


@dataclass(frozen=True, slots=True)
class Signer:
    """A key, and what each assertion needs anew."""

    key: ClientKey
    chance: Chance = field(repr=False)

    def assertion(self, client_id: str, server: Metadata) -> str:
        """A new client assertion for this server.

        `aud` is its issuer and nothing else, as a text (RFC 7523bis section 3.1; FAPI 2.0 section 5.3.3.1): with the
        address of an endpoint, or with several audiences, a server that lies about its endpoints would be handed an
        assertion for another one. Keycloak 26 and oidc-provider 9 take it, and take nothing else in their FAPI profiles.
        """
        now = int(self.chance.clock())
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": server.issuer,
            "jti": base64.urlsafe_b64encode(self.chance.random(24)).decode("ascii"),
            "iat": now,
            "exp": now + LIFETIME,
        }
        offered = server.listed("token_endpoint_auth_signing_alg_values_supported")
        return sign_by(self.key, self.key.algorithm(offered), claims, _TYP)


@dataclass(frozen=True, slots=True)
class Client:
    """Us. With neither `secret` nor `signer` we are a public client."""

    provider: str
    id: str
    secret: str = field(default="", repr=False)
    auth: Literal["basic", "post", "private_key_jwt"] = "basic"
    signer: Signer | None = None

    @classmethod
    def of(cls, section: OidcSection, name: str, chance: Chance | None) -> "Client":
        """Raises `KeyFault` where the key is none, which the checks of the settings have found before."""
        secret = section.client_secret.get_secret_value() if section.client_secret else ""
        if section.client_auth != "private_key_jwt":
            return cls(name, section.client_id, secret, section.client_auth)
        if chance is None:
            raise TypeError(f"providers.{name}: assertions need a clock and randomness")
        pem = section.client_key.get_secret_value() if section.client_key else ""
        signer = Signer(ClientKey.parse(pem, section.client_key_id), chance)
        return cls(name, section.client_id, "", "private_key_jwt", signer)

    def parameters(self, fixed: Mapping[str, str], extra: Mapping[str, str]) -> Mapping[str, str]:
        """Those of an authorization request (RFC 6749 section 4.1.1). `extra` can add one, never replace one."""
        return {**extra, "response_type": "code", "client_id": self.id, **fixed}

    def authorization_url(self, endpoint: str, fixed: Mapping[str, str], extra: Mapping[str, str]) -> str:
        """Where the browser goes, with `parameters`."""
        return with_query(endpoint, self.parameters(fixed, extra))

    def token_ask(self, endpoint: str, form: Mapping[str, str], server: Metadata | None = None) -> Ask:
        """A request of an endpoint that wants to know us: our credentials by exactly one method.

        An assertion is for a `server`, by its metadata.
        """
        headers = {"accept": "application/json"}
        if self.signer is not None:
            return Ask(endpoint, form={**form, **self._assertion(self.signer, server)}, headers=headers)
        if not self.secret:
            return Ask(endpoint, form={**form, "client_id": self.id}, headers=headers)
        if self.auth == "post":
            return Ask(
                endpoint,
                form={**form, "client_id": self.id, "client_secret": self.secret},
                headers=headers,
            )
        # Both parts are form-urlencoded before they are joined (section 2.3.1): a colon in an id, or a plus in a
        # secret, would otherwise be read as something else.
        pair = f"{quote_plus(self.id)}:{quote_plus(self.secret)}"
        credentials = base64.b64encode(pair.encode("ascii")).decode("ascii")
        return Ask(endpoint, form=form, headers={**headers, "authorization": f"Basic {credentials}"})

    def _assertion(self, signer: Signer, server: Metadata | None) -> Mapping[str, str]:
        if server is None:
            raise TypeError("an assertion is for a server that has metadata")
        return {
            "client_id": self.id,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": signer.assertion(self.id, server),
        }
