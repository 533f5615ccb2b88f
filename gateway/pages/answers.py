"""A page for a person, JSON for a program: the same answer in the form that was asked for."""

import json
from collections.abc import Mapping
from typing import Any

from gateway.errors import (
    GatewayError,
    Limited,
    NotAllowed,
    PasswordRefused,
    ProviderFault,
    ProviderUnavailable,
    Refused,
    StoreFault,
)
from gateway.guard.headers import page_headers
from gateway.identity.presented import Head, Reply
from gateway.pages.catalogue import Catalogue
from gateway.pages.editions import Editions
from gateway.pages.faults import REASONS, UNAUTHENTICATED, FaultPage, page_of
from gateway.pages.render import HeaderLines, Pages, reply
from gateway.pages.switch import Asked
from gateway.sessions.session import Session


def wants_page(head: Head) -> bool:
    """Whether a person with a browser asks; whoever accepts anything at all gets JSON."""
    return any(b"text/html" in value or b"application/xhtml+xml" in value for value in head.all(b"accept"))


class Answers:
    """Errors, and who is signed in, as a page or as JSON. `https`: browsers meet the gateway over TLS."""

    def __init__(self, editions: Editions, *, https: bool) -> None:
        self._editions = editions
        # Programs read English, whatever is asked for: what they branch on, and what is logged of it, has one form.
        self._english = Catalogue.load("en")
        self._security = page_headers(https=https)

    @property
    def files(self) -> Mapping[str, Reply]:
        """The files that pages refer to, by name."""
        return self._editions.files

    def pages(self, head: Head) -> Pages:
        """The pages in the language of a request."""
        return self._editions.of(head)

    def language(self, head: Head) -> str:
        """The language of a request's pages: a word of ours (BCP 47)."""
        return self._editions.language(head)

    def switch(self, head: Head, asked: Asked) -> tuple[str, tuple[str, ...]]:
        """Where a link of the switch of languages leads, and the cookies that it sets."""
        return self._editions.switch(head, asked)

    def error(self, head: Head, error: GatewayError, decision_id: str) -> Reply:
        """What a person or a program should know about an exception; never what the exception says."""
        fault = page_of(error)
        if wants_page(head):
            shown = self.pages(head)
            return shown.error(fault, decision_id, *retry_after(error), way_back=error.way_back)
        return self.fault(head, fault, error.code, decision_id, *retry_after(error))

    def fault(
        self, head: Head, fault: FaultPage, code: str, decision_id: str, *lines: tuple[bytes, bytes]
    ) -> Reply:
        """A fault as a page, or as problem details (RFC 9457) with `error`, the stable word to branch on."""
        if wants_page(head):
            return self.pages(head).error(fault, decision_id, *lines)
        return self._problem(fault, {"error": code, "decision_id": decision_id}, lines)

    def problem(self, error: GatewayError, decision_id: str) -> Reply:
        """An exception as problem details, whatever the request accepts: for whoever has asked in JSON.

        `reason` is a word of `gateway.reasons`, or of `Refused`, where there is one.
        """
        named = {"error": error.code, "decision_id": decision_id}
        if isinstance(error, (PasswordRefused, NotAllowed, ProviderFault, Refused)) and error.reason:
            named["reason"] = error.reason
        # Programs meet limits of accounts and of addresses: one sentence for both, as on the form.
        fault = REASONS["account_locked"] if isinstance(error, Limited) else page_of(error)
        return self._problem(fault, named, retry_after(error))

    def document(self, status: int, members: Mapping[str, Any], *lines: tuple[bytes, bytes]) -> Reply:
        """A JSON answer that is no fault, not to be kept."""
        return self._json(status, members, b"application/json", lines)

    def _problem(self, fault: FaultPage, named: Mapping[str, str], lines: HeaderLines) -> Reply:
        members = {
            "type": "about:blank",
            "title": self._english.say(f"error.{fault.key}.title"),
            "status": fault.status,
            "detail": self._english.say(f"error.{fault.key}.lead"),
            **named,
        }
        return self._json(fault.status, members, b"application/problem+json", lines)

    def me(self, head: Head, session: Session | None, decision_id: str) -> Reply:
        """Who is signed in; 401 where nobody is."""
        if session is None:
            # RFC 9110 section 15.5.2 demands a challenge with every 401; no browser asks for a password at this one.
            challenge = (b"www-authenticate", b'Bearer realm="gateway"')
            return self.fault(head, UNAUTHENTICATED, "unauthenticated", decision_id, challenge)
        if wants_page(head):
            return self.pages(head).me(session)
        return self._json(200, me_document(session), b"application/json")

    def _json(
        self, status: int, members: Mapping[str, Any], content_type: bytes, lines: HeaderLines = ()
    ) -> Reply:
        body = json.dumps(members).encode("ascii")
        return reply(status, content_type, body, (*self._security, *lines))


def me_document(session: Session) -> dict[str, Any]:
    """Who is signed in; times in Unix seconds. Tokens are in the grants, which this function never sees."""
    identity = session.latest
    return {
        "subject": identity.key,
        "user": identity.user,
        "email": identity.email,
        "email_verified": identity.email_verified,
        "name": identity.name,
        "groups": list(identity.groups),
        "provider": identity.provider,
        "authenticated_at": identity.authenticated_at,
        "expires": session.absolute_end,
    }


def retry_after(error: GatewayError) -> HeaderLines:
    """The `Retry-After` of an exception, in whole seconds; nothing where no wait is known to help."""
    seconds: float | None = None
    if isinstance(error, (Limited, PasswordRefused, StoreFault, ProviderUnavailable)):
        seconds = error.retry_after
    return () if seconds is None else ((b"retry-after", str(max(1, round(seconds))).encode("ascii")),)
