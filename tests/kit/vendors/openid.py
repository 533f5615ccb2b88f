"""What the fakes of OpenID vendors share: a scripted provider whose endpoints stand where the vendor has them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

from pydantic import TypeAdapter

from gateway.identity.identity import Identity
from gateway.providers.kinds import made
from gateway.providers.oidc import Oidc
from gateway.providers.provider import Answer, Arrival, Ask, Refreshed, SignedIn
from gateway.sessions.session import Grant
from gateway.settings.model import ProviderSection
from gateway.settings.presets import ProviderSettings
from tests.kit.scripted_provider import ScriptedProvider, crank, reply

CALLBACK = "https://auth.example.com/auth/idp/callback"
NONCE, VERIFIER, STATE = "n" * 43, "v" * 43, "s" * 43
SECRET = "s3cr3t: +ü"

Route: TypeAlias = Callable[[Ask], Answer]


@dataclass
class OpenIdVendor(ScriptedProvider):
    """Strict: what is asked of an address that is not exactly one of its own is a 404.

    On a loopback port (`serve`) its hosts fall into one, and the paths stay.
    """

    def routes(self) -> Mapping[str, Route]:
        """What answers at which address, without the query."""
        raise NotImplementedError

    def at(self, origin: str, path: str) -> str:
        """An address at one of the vendor's hosts, or at the port that stands for all of them."""
        return (self.issuer if self.issuer.startswith("http://127.") else origin) + path

    def answer(self, ask: Ask) -> Answer:
        """Answer one request; raises what `instead` says."""
        self.asked.append(ask)
        path = urlsplit(ask.url).path
        if self.instead.get(path):
            scripted = self.instead[path].pop(0)
            if isinstance(scripted, Exception):
                raise scripted
            return scripted
        route = self.routes().get(ask.url.partition("?")[0])
        return route(ask) if route else reply(404, {})

    def keys(self, ask: Ask) -> Answer:
        return reply(200, {"keys": [key.jwk for key in self.published]})

    def granted(self, code: str) -> frozenset[str]:
        """The scopes that the request behind a code asked for."""
        return frozenset(self.codes.get(code, {}).get("scope", "").split())


def bearer(ask: Ask) -> str:
    """The access token of a request; "" where there is none."""
    scheme, _, token = ask.headers.get("authorization", "").partition(" ")
    return token if scheme == "Bearer" else ""


def client_of(written: Mapping[str, object], *, several: bool = False) -> Oidc:
    """The provider `idp` of a section as gateway.yaml writes it, with the credentials that the fakes know."""
    whole = {"client_id": "gateway", "client_secret": SECRET, "anyone": True, **written}
    section: ProviderSection = TypeAdapter(ProviderSettings).validate_python(whole)
    made_of_it = made(section, "idp", several=several, keeps=frozenset(), callback=CALLBACK)
    assert isinstance(made_of_it, Oidc)
    return made_of_it


def depart(client: Oidc, vendor: OpenIdVendor, **extra: str) -> str:
    """The address that the browser is sent to."""
    url: str = crank(client.depart(CALLBACK, STATE, NONCE, VERIFIER, extra), vendor.answer).url
    return url


def sign_in(client: Oidc, vendor: OpenIdVendor, **extra: str) -> SignedIn:
    """A whole login, cranked by hand."""
    back = vendor.sign_in(depart(client, vendor, **extra))
    arrival = Arrival(back["code"], back.get("iss"), NONCE, VERIFIER, CALLBACK)
    signed_in: SignedIn = crank(client.arrive(arrival, int(vendor.clock())), vendor.answer)
    return signed_in


def refresh(client: Oidc, vendor: OpenIdVendor, grant: Grant, identity: Identity) -> Refreshed:
    """A refresh, cranked by hand."""
    refreshed: Refreshed = crank(client.refresh(grant, identity, int(vendor.clock())), vendor.answer)
    return refreshed
