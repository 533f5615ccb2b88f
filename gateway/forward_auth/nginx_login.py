"""What nginx shows the browser where auth_request said no: `/verify/auth-request/login`.

nginx throws the body of the check's answer away, so its snippet asks here a second time and passes the status, the
decision id and the hint of the check. Nothing is decided here and no session is opened: the person is sent to the
login page, or shown the page of a 403, or the program gets its JSON.
"""

import re
from collections.abc import Callable

from starlette.types import Receive, Scope, Send

from gateway.errors import Refused
from gateway.forward_auth.check import Check
from gateway.forward_auth.contracts.auth_request import AuthRequest
from gateway.forward_auth.contracts.contract import (
    CHALLENGES,
    DECISION_ID,
    LOGIN_PROVIDERS,
    OR_BASIC,
    ForbiddenPage,
    challenged,
    forbidden,
    problem,
    rejected,
)
from gateway.forward_auth.endpoint import check_size
from gateway.forward_auth.navigation import is_navigation
from gateway.forward_auth.shell import announces_body, head_of, send_reply
from gateway.guard.proxies import Proxies
from gateway.identity.presented import Head, Reply

STATUS = b"x-gateway-status"
_DECISION = re.compile(rb"[A-Za-z0-9_-]{1,40}")


class AuthRequestLogin:
    """Turns a status and a decision id back into an answer for people."""

    def __init__(
        self, check: Check, proxies: Proxies, page: ForbiddenPage, new_id: Callable[[], str]
    ) -> None:
        self._check = check
        self._proxies = proxies
        self._page = page
        self._new_id = new_id
        self._contract = AuthRequest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (ASGI's form)
        head = head_of(scope)
        await send_reply(send, self.answer(head), close=announces_body(head))

    def answer(self, head: Head) -> Reply:
        """303, 401 or 403; never 200, whatever is asked."""
        decision_id = self._decision_id(head)
        try:
            self._proxies.trusts(head)
            check_size(head)
            asked = self._check.ask(head, self._contract.read(head, ""), None)
        except Refused as error:
            return problem(403, decision_id, {"error": "refused", "reason": error.reason})
        navigation = is_navigation(head, asked.target.method)
        if head.all(STATUS) == (b"401",):
            if challenge := _challenge(head):
                return rejected(challenge, decision_id)
            url = self._check.login_url(asked, self._hint(head), navigation=navigation)
            return challenged(url, decision_id, navigation=navigation, offer=_offer(head))
        return forbidden(self._page, decision_id, head, navigation=navigation)

    def _decision_id(self, head: Head) -> str:
        given = head.all(DECISION_ID)
        if len(given) == 1 and _DECISION.fullmatch(given[0]):
            return given[0].decode("ascii")
        return self._new_id()

    def _hint(self, head: Head) -> str:
        """The hint of the check's 401, read as if a stranger had written it."""
        given = head.all(LOGIN_PROVIDERS)
        hint = given[0].decode("latin-1").removesuffix(OR_BASIC) if len(given) == 1 else ""
        return self._check.read_hint(hint) if hint else ""


def _challenge(head: Head) -> str:
    """The key of the challenge that the check wants; "" where it wants a login. Whoever writes it gets a 401."""
    given = head.only(LOGIN_PROVIDERS)
    key = given.decode("latin-1") if given else ""
    return key if key in CHALLENGES else ""


def _offer(head: Head) -> str:
    """Whether HTTP Basic serves too, as the check wrote it behind the hint."""
    given = head.only(LOGIN_PROVIDERS)
    return OR_BASIC if given and given.decode("latin-1").endswith(OR_BASIC) else ""
