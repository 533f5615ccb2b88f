"""Redirect logins on behalf of a client: the usual login, which ends in a one-time code at the client's own address."""

from dataclasses import dataclass

from gateway.errors import AttemptUnknown, GatewayError, Limited
from gateway.identity.presented import Head
from gateway.login.attempt import Attempt
from gateway.login.departing import Departing
from gateway.login.errand import FOR_CLIENT, Errand
from gateway.login.way import Client, Way
from gateway.providers.provider import SignedIn
from gateway.sessions.device import device_of
from gateway.sessions.sessions import Sessions
from gateway.tokens.clients import Clients, ForClient, with_code, with_error
from gateway.tokens.codes import WAITS, Codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Returning:
    """`issuer` is the public address of the gateway."""

    clients: Clients
    codes: Codes
    departing: Departing
    sessions: Sessions
    issuer: str

    async def begin(self, head: Head, provider: str, wanted: ForClient, client: Client, language: str) -> Way:
        """Leave for a provider. Who is signed in here already leaves too: a session of a browser is not handed on."""
        errand = Errand(
            purpose=FOR_CLIENT,
            client=wanted.client,
            challenge=wanted.challenge,
            client_state=wanted.state,
            language=language,
        )
        return await self.departing.leave(head, provider, wanted.address, client, errand)

    async def conclude(self, head: Head, signed_in: SignedIn, attempt: Attempt, client: Client) -> Way:
        """Begin the client's session, which has no cookie and waits for its code, and go back to it with that."""
        wanted = _wanted(attempt)
        # Judged once more: an address that was registered ten minutes ago may be no more.
        if not self.clients.knows(wanted.client, wanted.address):
            raise AttemptUnknown("the client's return address has left the configuration")
        device = device_of(head, client.address)
        begun = await self.sessions.begin(signed_in.identity, signed_in.grant, device=device, waits=WAITS)
        code = await self.codes.make(begun.ticket, wanted)
        return Way(with_code(wanted, code, self.issuer))

    def refusal(self, attempt: Attempt, error: GatewayError, decision_id: str) -> str:
        """Where the client of an attempt is told why it ended; "" where nobody is registered there any more."""
        wanted = _wanted(attempt)
        known = self.clients.knows(wanted.client, wanted.address)
        return self.refused(wanted, error, decision_id) if known else ""

    def refused(self, wanted: ForClient, error: GatewayError, decision_id: str) -> str:
        """Where a client that is registered is told; "" for a limit, which a page says to the person.

        A client that begins anew by itself would go round in circles with it.
        """
        return "" if isinstance(error, Limited) else with_error(wanted, error, self.issuer, decision_id)


def _wanted(attempt: Attempt) -> ForClient:
    return ForClient(attempt.client, attempt.return_to, attempt.challenge, attempt.client_state)
