"""OpenID Connect Discovery 1.0: what a provider says about itself, believed only where it fits what we were told."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from gateway.errors import ProviderLied, ProviderUnavailable
from gateway.keys.key_set import ALGORITHMS
from gateway.providers.provider import Answer, Ask, Flow

KEPT_SECONDS = 3600.0
WELL_KNOWN = "/.well-known/openid-configuration"

_VISIBLE = re.compile(r"[\x21-\x7e]{1,2000}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The part of a discovery document that we use. Optional endpoints are "" where there is none.

    `stated` is the whole document, for what is only compared with it.
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    revocation_endpoint: str = ""
    algorithms: tuple[str, ...]
    states_issuer: bool = False  # RFC 9207 section 3
    pushing_endpoint: str = ""  # RFC 9126 section 5
    stated: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def listed(self, name: str) -> tuple[str, ...] | None:
        """The texts of a list in the document, `None` where there is no such list."""
        value = self.stated.get(name)
        return tuple([one for one in value if isinstance(one, str)]) if isinstance(value, list) else None

    def says(self, name: str) -> bool:
        """Whether a member of the document is true."""
        return self.stated.get(name) is True


def discover(provider: str, issuer: str) -> Flow[Metadata]:
    """Fetch and verify the discovery document. Raises `ProviderUnavailable` or `ProviderLied`."""
    ask = Ask(document_url(issuer), retry=True, keep=KEPT_SECONDS)
    try:
        return read_metadata(provider, issuer, (yield ask))
    except ProviderLied:
        # A kept document that does not fit may be yesterday's: one that the operator has mended since must not
        # be held against the provider for an hour.
        again = Ask(ask.url, retry=True, keep=KEPT_SECONDS, renew=True)
        return read_metadata(provider, issuer, (yield again))


def document_url(issuer: str) -> str:
    """Where the document stands (Discovery section 4: a final slash goes before the path is appended)."""
    return issuer.removesuffix("/") + WELL_KNOWN


def read_metadata(provider: str, issuer: str, answer: Answer) -> Metadata:
    """A verified `Metadata`, or `ProviderLied`."""
    if answer.status != 200 or answer.json is None:
        raise _no_document(provider, issuer, answer)
    body = answer.json
    # Byte for byte (Discovery section 4.3): a slash more or less is another issuer, and an attacker's document
    # must not be able to speak for ours.
    if body.get("issuer") != issuer:
        raise _another_issuer(provider, issuer, body.get("issuer"))
    endpoint = _Endpoints(provider, body, plain_allowed=is_loopback_http(issuer))
    return Metadata(
        issuer=issuer,
        authorization_endpoint=endpoint.required("authorization_endpoint"),
        token_endpoint=endpoint.required("token_endpoint"),
        jwks_uri=endpoint.required("jwks_uri"),
        userinfo_endpoint=endpoint.optional("userinfo_endpoint"),
        end_session_endpoint=endpoint.optional("end_session_endpoint"),
        revocation_endpoint=endpoint.usable("revocation_endpoint"),
        algorithms=_algorithms(provider, body),
        states_issuer=body.get("authorization_response_iss_parameter_supported") is True,
        pushing_endpoint=endpoint.usable("pushed_authorization_request_endpoint"),
        stated=body,
    )


def _no_document(provider: str, issuer: str, answer: Answer) -> ProviderUnavailable:
    """An outage, or an address under which there is no provider: a missing realm, a missing tenant."""
    said = f"status {answer.status}" if answer.status != 200 else "not a JSON object"
    weather = answer.status >= 500 or answer.status == 429
    remedy = (
        f"write as issuer (providers.{provider}) the address that has /.well-known/openid-configuration beneath it;"
        " Keycloak's ends with /realms/NAME"
    )
    detail = f"discovery document: expected at {document_url(issuer)}, seen {said}"
    return ProviderUnavailable(provider, detail, remedy="" if weather else remedy)


def _another_issuer(provider: str, issuer: str, stated: Any) -> ProviderLied:
    seen = f"{document_url(issuer)} says {stated!r:.300}, gateway.yaml says {issuer!r}"
    if isinstance(stated, str) and stated.rstrip("/") == issuer.rstrip("/"):
        remedy = f"write issuer: {stated:.300} (providers.{provider}): the slash at the end counts"
    else:
        remedy = f"write as issuer (providers.{provider}) what the provider calls itself, if it is the one you mean"
    return ProviderLied(provider, "discovery: issuer", seen, remedy)


def standing_object(provider: str, what: str, answer: Answer) -> Mapping[str, Any]:
    """The JSON object of a document that we fetched, or `ProviderUnavailable`."""
    if answer.status != 200:
        raise ProviderUnavailable(provider, f"{what}: expected a JSON object, seen status {answer.status}")
    if answer.json is None:
        raise ProviderUnavailable(provider, f"{what}: expected a JSON object, seen something else")
    return answer.json


def is_loopback_http(url: str) -> bool:
    """Plain HTTP to this very machine: development and tests."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "http" and _is_loopback(parts.hostname or "")


def is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, slots=True)
class _Endpoints:
    """The addresses of a document. Each is one that we will send secrets to, or browsers."""

    provider: str
    body: Mapping[str, Any]
    plain_allowed: bool

    def required(self, name: str) -> str:
        url = self.body.get(name)
        if not isinstance(url, str) or not self._usable(url):
            raise ProviderLied(
                self.provider,
                f"discovery: {name}",
                f"expected an https address, seen {url!r:.300}",
                "let the provider know the https address by which it is reached",
            )
        return url

    def optional(self, name: str) -> str:
        return self.required(name) if self.body.get(name) is not None else ""

    def usable(self, name: str) -> str:
        """For what nothing rests on: one that we would not use is as good as none."""
        url = self.body.get(name)
        return url if isinstance(url, str) and self._usable(url) else ""

    def _usable(self, url: str) -> bool:
        if not _VISIBLE.fullmatch(url) or "#" in url or "\\" in url:  # RFC 6749 section 3.1: no fragment
            return False
        if not (is_https(url) or (self.plain_allowed and is_loopback_http(url))):
            return False
        return "@" not in urlsplit(url).netloc


def _algorithms(provider: str, body: Mapping[str, Any]) -> tuple[str, ...]:
    """The provider's signature algorithms that are also ours; RS256 where it names none (Core section 3.1.3.7).

    Ours are asymmetric. `none` proves nothing, and an HS256 key would be the client secret or, in a confused
    library, the provider's public key (CVE-2016-10555).
    """
    named = body.get("id_token_signing_alg_values_supported", ["RS256"])
    offered = named if isinstance(named, list) else []
    accepted = tuple([algorithm for algorithm in ALGORITHMS if algorithm in offered])
    if not accepted:
        raise ProviderLied(
            provider,
            "discovery: id_token_signing_alg_values_supported",
            f"expected one algorithm at least of {', '.join(ALGORITHMS)}, seen {named!r:.300}",
            "switch one of these on at the provider",
        )
    return accepted
