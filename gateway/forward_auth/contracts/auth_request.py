"""The contract of nginx's auth_request module: X-Original-URL and X-Original-Method.

The module knows 2xx, 401 and 403 and makes a 500 of everything else; it throws the body away. So a person's answer
is written by a second request, to `/verify/auth-request/login` (`AuthRequestLogin`), to which the snippet passes
the first answer's status, decision id and hint of providers.
"""

from dataclasses import dataclass

from gateway.errors import Malformed
from gateway.forward_auth.contracts.contract import (
    LOGIN_PROVIDERS,
    Outage,
    Outcome,
    Pass,
    Question,
    Refusal,
    Stop,
    Wait,
    bare,
    passed,
    retry_after,
    single,
)
from gateway.identity.presented import Head, Reply
from gateway.policy.decide import Forbid


@dataclass(frozen=True, slots=True)
class AuthRequest:
    """X-Original-* in; 200, 401, 403 or 503 out."""

    name: str = "auth-request"

    def read(self, head: Head, policy: str) -> Question:
        host, uri = split_url(single(head, b"x-original-url"))
        return Question(method=single(head, b"x-original-method"), host=host, uri=uri, policy=policy)

    def reply(self, outcome: Outcome, decision_id: str) -> Reply:
        match outcome:
            case Pass():
                return outcome.reply(self.name) or passed(outcome, self.name, cookie=False)
            case Stop(decision=Forbid()) | Refusal() | Wait():
                return bare(403, decision_id)
            case Stop():
                # No WWW-Authenticate: the module would copy it onto whatever answer follows, so that a redirect had
                # one and the 401 of the second request two. That 401, which is the client's, brings its own.
                told = outcome.challenge or outcome.hint + outcome.offer
                hint = ((LOGIN_PROVIDERS, told.encode("ascii")),) if told else ()
                return bare(401, decision_id, *hint)
            case Outage():
                return bare(503, decision_id, retry_after(outcome.retry_after))


def split_url(url: bytes) -> tuple[bytes, bytes]:
    """`https://app.example.com/a?b` → host and request target, as bytes.

    Cut by hand: URL libraries repair what they read (GHSA-68wm-pfjf-wqp6 answered 200 to a URL that would not parse).
    The scheme is looked at and forgotten; what the browser sees comes from the configured host.
    """
    scheme, found, rest = url.partition(b"://")
    if not found or scheme not in {b"http", b"https"}:
        raise Malformed("original_url", "not an absolute http or https URL")
    slash = rest.find(b"/")
    if slash < 1:
        raise Malformed("original_url", "no host or no path")
    return rest[:slash], rest[slash:]
