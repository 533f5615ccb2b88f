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


@dataclass(frozen=True, slots=True)
class ForwardAuth:
    """X-Forwarded-* in, the client's own answer out."""

    forbidden_page: ForbiddenPage
    name: str = "forward-auth"

    def read(self, head: Head, policy: str) -> Question:
        return Question(
            method=single(head, b"x-forwarded-method"),
            host=single(head, b"x-forwarded-host"),
            uri=single(head, b"x-forwarded-uri"),
            policy=policy,
        )

    def reply(self, outcome: Outcome) -> Reply:
        match outcome:
            case Pass():
                # Traefik can only remove our cookie by copying this line; so it is always there, and always one.
                return passed(outcome, ((b"cookie", outcome.cookie),))
            case Stop():
                return stopped(outcome, self.forbidden_page)
            case Refusal():
                status = 403 if outcome.untrusted else 400
                return problem(status, outcome.decision_id, {"error": "refused", "reason": outcome.reason})
            case Wait():
                return bare(429, outcome.decision_id, retry_after(outcome.retry_after))
            case Outage():
                return bare(503, outcome.decision_id, retry_after(outcome.retry_after))
