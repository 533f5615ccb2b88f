"""One deployment with one scripted vendor, for the suite that refreshes them all; and what a vendor tells it of itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pydantic import TypeAdapter

from gateway.providers.catalog import Catalog
from gateway.providers.provider import Answer, Arrival
from gateway.sessions.cookie import Ticket
from gateway.settings.presets import ProviderSettings
from tests.kit.refresh_house import RefreshHouse
from tests.kit.scripted_provider import crank

BACK = "https://auth.example.com/auth/idp/callback"
NONCE, VERIFIER = "n" * 43, "v" * 43


@dataclass(frozen=True, slots=True)
class Row:
    """A vendor, its section, and the answers of its token endpoint that end a grant, pass, or say nothing known.

    `still`: it never rotates, whatever is asked of it; `strict`: it always does.
    """

    name: str
    vendor: Callable[[Any], Any]
    section: Mapping[str, Any]
    token: str
    terminal: Callable[[Any], Answer]
    transient: Callable[[Any], Answer]
    unknown: Callable[[Any], Answer]
    more: Mapping[str, str] = field(default_factory=dict)
    still: bool = False
    strict: bool = False


class VendorHouse(RefreshHouse):
    """A `RefreshHouse` with the vendor of a row in place of the scripted provider."""

    def __init__(self, row: Row) -> None:
        super().__init__()
        self.row = row
        self.vendor = row.vendor(self.clock)
        written = {"client_id": "gateway", "client_secret": self.vendor.client_secret, **row.section}
        self.scripts = {"idp": self.vendor}
        self.sections = {"idp": TypeAdapter(ProviderSettings).validate_python(written)}
        self.wires.scripts = self.scripts
        self.sessions, self.refresher = self.replica("one")

    async def sign_in(self, name: str = "idp", joins: Any = None) -> tuple[Ticket, Any]:
        client: Any = Catalog(self.sections, self.wires).redirects[name]
        departure = crank(client.depart(BACK, "s" * 43, NONCE, VERIFIER, self.row.more), self.vendor.answer)
        back = self.vendor.sign_in(departure.url)
        code = next(back[one] for one in client.code_names if one in back)
        arrival = Arrival(code, back.get("iss"), NONCE, VERIFIER, BACK)
        signed_in = crank(client.arrive(arrival, int(self.clock())), self.vendor.answer)
        self.vendor.asked.clear()
        begun = await self.sessions.begin(signed_in.identity, signed_in.grant, joins)
        return begun.ticket, begun.session

    def token_requests(self, name: str = "idp") -> int:
        return sum(1 for ask in self.scripts[name].asked if urlsplit(ask.url).path == self.row.token)

    def answers_next(self, *answers: Answer) -> None:
        """What the token endpoint says next."""
        self.vendor.instead[self.row.token] = list(answers)

    async def grant(self, ticket: Ticket) -> Any:
        """The grant as it is stored."""
        session = await self.sessions.open(ticket)
        return (await self.sessions.grants(ticket, session))["idp"]

    def to_the_end_of(self, session: Any) -> None:
        """Let the token end."""
        self.clock.advance(session.token_end - self.clock())
