"""The contract of Traefik, Caddy, HAProxy and APISIX: X-Forwarded-Method, -Host and -Uri.

These proxies hand any answer other than 2xx to the client, with its headers and its body, so the reply is the one
that the browser or the program shall see.
"""

from dataclasses import dataclass

from gateway.forward_auth.contracts.contract import (
    ForbiddenPage,
    Outage,
    Outcome,
    Pass,
    Question,
    Refusal,
    Stop,
    Wait,
    bare,
    passed,
    problem,
    retry_after,
    single,
    stopped,
)
from gateway.identity.presented import Head, Reply

_METHOD, _HOST, _URI = _FIELDS = (b"x-forwarded-method", b"x-forwarded-host", b"x-forwarded-uri")


@dataclass(frozen=True, slots=True)
class ForwardAuth:
    """X-Forwarded-* in, the client's own answer out."""

    forbidden_page: ForbiddenPage
    name: str = "forward-auth"

    def read(self, head: Head, policy: str) -> Question:
        method, host, uri = head.each_once(_FIELDS) or (None, None, None)
        if method is None or host is None or uri is None:
            return Question(single(head, _METHOD), single(head, _HOST), single(head, _URI), policy)
        return Question(method, host, uri, policy)

    def reply(self, outcome: Outcome, decision_id: str) -> Reply:
        match outcome:
            case Pass():
                # Traefik can only remove our cookie by copying this line; so it is always there, and always one.
                return outcome.reply(self.name) or passed(outcome, self.name, cookie=True)
            case Stop():
                return stopped(outcome, self.forbidden_page, decision_id)
            case Refusal():
                status = 403 if outcome.untrusted else 400
                return problem(status, decision_id, {"error": "refused", "reason": outcome.reason})
            case Wait():
                return bare(429, decision_id, retry_after(outcome.retry_after))
            case Outage():
                return bare(503, decision_id, retry_after(outcome.retry_after))
