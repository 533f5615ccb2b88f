"""A login and a refresh at a scripted vendor, cranked by hand: what the doors do around the provider's flows."""

from collections.abc import Mapping
from typing import Any

from gateway.providers.kinds import made
from gateway.providers.provider import Arrival, Refreshed, SignedIn
from tests.kit.config_file import settings
from tests.kit.scripted_provider import crank
from tests.kit.vendors.vendor import SECRET, Vendor

BACK = "https://auth.example.com/auth/v/callback"
VERIFIER = "verifier-" * 5


def client_of(kind: str, *, several: bool = False, **section: Any) -> Any:
    """The provider of a section of this type, named `v`."""
    written = {"type": kind, "client_id": "gateway", "client_secret": SECRET, **section}
    made_of = settings(providers={"v": written}).providers["v"]
    return made(made_of, "v", several=several, keeps=frozenset(), callback=BACK)


def depart(client: Any, vendor: Vendor, **extra: str) -> str:
    """The address that the browser is sent to."""
    return crank(client.depart(BACK, "state-1", "nonce-1", VERIFIER, extra), vendor.answer).url


def arrive(client: Any, vendor: Vendor, back: Mapping[str, str]) -> SignedIn:
    """What comes of a callback."""
    code = next((back[name] for name in client.code_names if name in back), "")
    arrival = Arrival(code=code, nonce="nonce-1", verifier=VERIFIER, redirect_uri=BACK)
    return crank(client.arrive(arrival, int(vendor.clock())), vendor.answer)


def log_in(client: Any, vendor: Vendor, person: str = "") -> SignedIn:
    """The whole way there and back."""
    return arrive(client, vendor, vendor.sign_in(depart(client, vendor), person))


def refresh(client: Any, vendor: Vendor, signed_in: SignedIn) -> Refreshed:
    """One refresh of a login."""
    flow = client.refresh(signed_in.grant, signed_in.identity, int(vendor.clock()))
    return crank(flow, vendor.answer)
