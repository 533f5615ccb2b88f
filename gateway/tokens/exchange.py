"""What a client gives for tokens: a refresh token, or the one-time code of a redirect login."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.errors import GatewayError, Malformed
from gateway.login.way import Client
from gateway.observe.events import Emit, TokensAsked
from gateway.sessions.session import log_name
from gateway.tokens.codes import Codes
from gateway.tokens.issuing import Issued, Issuing
from gateway.tokens.requests import text


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Gives tokens, and tells of each try. `codes` is `None` where no client is registered."""

    issuing: Issuing
    codes: Codes | None
    emit: Emit

    async def give(self, sent: Mapping[str, Any], client: Client, decision_id: str) -> Issued:
        """Tokens for a body with `refresh_token`, or with `code`, `code_verifier`, `client` and `rd`.

        Raises `Malformed`, `BadCredential`, `Limited` or `StoreFault`.
        """
        how = "code" if "code" in sent else "refresh"
        try:
            issued = await (self._of_code(sent) if how == "code" else self._of_refresh_token(sent))
        except GatewayError as error:
            self.emit(TokensAsked(how, error.code, "", "", "", client.address, decision_id, str(error)))
            raise
        outcome = "again" if issued.again else "ok"
        session, subject = log_name(issued.session.id), issued.session.latest.key
        self.emit(TokensAsked(how, outcome, session, subject, issued.client, client.address, decision_id))
        return issued

    async def _of_refresh_token(self, sent: Mapping[str, Any]) -> Issued:
        return await self.issuing.refresh(text(sent, "refresh_token"))

    async def _of_code(self, sent: Mapping[str, Any]) -> Issued:
        if "refresh_token" in sent or self.codes is None:
            raise Malformed("member_code")
        name = text(sent, "client")
        ticket = await self.codes.take(
            text(sent, "code"), name, text(sent, "rd"), text(sent, "code_verifier")
        )
        return await self.issuing.redeem(ticket, name)
