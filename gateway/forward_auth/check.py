"""The check: one question in, one outcome out.

    peer trusted? → question → target → rule → public? answer now
                                             → ticket? → remembered? decide → outcome
                                                       → session → fresh tokens → decide → outcome

`Check.begin` is a plain function. It answers whatever needs no waiting (refused, public, denied, anonymous, a session
that is remembered) and hands back a coroutine for the rest, so that the endpoint never makes a task for what is known at once.
"""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Protocol, TypeAlias
from urllib.parse import quote

from gateway.errors import Malformed
from gateway.forward_auth.contracts.contract import Outcome, Pass, Question, Stop
from gateway.forward_auth.navigation import foreign_origin, is_navigation, is_websocket
from gateway.identity.headers import IdentityHeaders
from gateway.identity.identity import Identity
from gateway.identity.presented import Head
from gateway.keys.keyring import Keyring
from gateway.login.hint import read_hint, write_hint
from gateway.login.return_to import MAX_LENGTH
from gateway.policy.decide import Allow, Challenge, Decision, Forbid, StepUp, decide, judged, unmet
from gateway.policy.hosts import Hosts
from gateway.policy.rules import Access, Rule, Rules
from gateway.policy.target import Target, parse_target
from gateway.sessions.cache import Miss, Remembered
from gateway.sessions.cookie import CookieSpec, Ticket, read_ticket, without_cookies
from gateway.sessions.session import Session

Client: TypeAlias = IPv4Address | IPv6Address | None


class SessionReader(Protocol):
    """Opens a session and keeps its tokens fresh; `None` where there is none, `StoreFault` where nobody knows.

    `strict`: the store itself is to be asked. `harmless`: the request only reads, so that an old answer may do.
    """

    def now(self, ticket: Ticket, *, strict: bool) -> Remembered:
        """What can be known without waiting."""
        ...

    async def read(self, ticket: Ticket, *, strict: bool, harmless: bool) -> Session | None: ...


class Asserts(Protocol):
    """Signs who somebody is, for one audience."""

    def get(self, session: Session, identity: Identity, audience: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that passed the gate: what it asks for, who asks, and how the answer is called in the logs."""

    head: Head
    question: Question
    target: Target
    client: Client
    decision_id: str


@dataclass(frozen=True, slots=True)
class Judged:
    """The outcome, and what the log and the metrics want to know about it.

    `subject` is the key of the identity that was judged; `detail` says more of `reason`, where there is more to say.
    """

    outcome: Outcome
    word: str
    reason: str
    rule: str = ""
    subject: str = ""
    detail: str = ""


Answer: TypeAlias = Judged | Coroutine[Any, Any, Judged]


@dataclass(frozen=True, slots=True)
class Check:
    """Everything a check needs, wired once."""

    hosts: Hosts
    rules: Rules
    policies: dict[str, Rules]
    ring: Keyring
    session_cookie: CookieSpec
    own_cookies: tuple[str, ...]
    reader: SessionReader
    asserts: Asserts
    headers: IdentityHeaders
    providers: frozenset[str]
    idle: float
    login_address: str
    clock: Callable[[], float]

    def ask(self, head: Head, question: Question, client: Client, decision_id: str) -> Asked:
        """Read the target; `Malformed` or `UnknownHost` where it has no single meaning here."""
        target = parse_target(question.host, question.uri, question.method, self.hosts)
        return Asked(head, question, target, client, decision_id)

    def begin(self, asked: Asked) -> Answer:
        """The outcome, or a coroutine for it where a session has to be opened."""
        rule = self._rules(asked.question.policy).match(asked.target, asked.client)
        # A public rule never looks at the cookie: it works, and stays anonymous, whatever the store does.
        if rule is None or rule.access is Access.PUBLIC:
            return self._judge(asked, rule, None)
        ticket = read_ticket(self.ring, self.session_cookie, asked.head, self.clock())
        if ticket is None:
            return self._judge(asked, rule, None)
        session = self.reader.now(ticket, strict=rule.strict)
        if session is not Miss.MISS:
            return self._judge(asked, rule, session)
        return self._with_session(asked, rule, ticket)

    async def _with_session(self, asked: Asked, rule: Rule, ticket: Ticket) -> Judged:
        # A WebSocket handshake is a GET and opens a channel that outlives every grace.
        harmless = asked.target.method in {"GET", "HEAD"} and not is_websocket(asked.head)
        session = await self.reader.read(ticket, strict=rule.strict, harmless=harmless)
        return self._judge(asked, rule, session)

    def _rules(self, policy: str) -> Rules:
        if not policy:
            return self.rules
        named = self.policies.get(policy)
        if named is None:
            raise Malformed("unknown_policy", policy)
        return named

    def _judge(self, asked: Asked, rule: Rule | None, session: Session | None) -> Judged:
        identities = session.identities if session else ()
        decision = decide(rule, identities, self._may_login(rule))
        if isinstance(decision, Allow):
            if decision.identity is None or session is None:
                return self._passed(asked, decision, None)
            # Cross-site WebSocket hijacking: the browser sends our cookie whoever wrote the page (CWE-1385).
            if foreign_origin(asked.head, asked.target.entry.origin_for(asked.target.host)):
                return self._stopped(asked, Forbid(decision.rule, "foreign_origin"), identities)
            return self._passed(asked, decision, session)
        return self._stopped(asked, decision, identities)

    def _may_login(self, rule: Rule | None) -> bool:
        """Whether some configured login could turn a no of this rule into a yes."""
        return bool(
            self.providers if rule is None or not rule.providers else self.providers & set(rule.providers)
        )

    def _passed(self, asked: Asked, allow: Allow, session: Session | None) -> Judged:
        identity = allow.identity if session else None
        assertion, expires = "", 0
        if session and identity:
            expires = int(min(session.absolute_end, session.seen + self.idle))
            assertion = self.asserts.get(session, identity, asked.question.policy or asked.target.host)
        lines = self.headers.lines(
            identity, expires, assertion, rule=allow.rule.name, decision_id=asked.decision_id
        )
        cookie = without_cookies(asked.head, self.own_cookies).encode("latin-1")
        subject = identity.key if identity else ""
        return Judged(Pass(lines, cookie), "allow", allow.rule.access.value, allow.rule.name, subject)

    def _stopped(self, asked: Asked, decision: Decision, identities: Sequence[Identity]) -> Judged:
        if isinstance(decision, Allow):  # fail closed: an allow never becomes a reply on this path
            raise TypeError("an Allow cannot be a stop")
        navigation = is_navigation(asked.head, asked.target.method)
        hint = self._hint(decision)
        url = self.login_url(asked, hint, navigation=navigation)
        word = {"Forbid": "forbid", "StepUp": "step_up"}.get(type(decision).__name__, "challenge")
        stop = Stop(decision, navigation, url, asked.decision_id, hint)
        subject, detail = _who_and_why(decision, identities)
        rule = decision.rule.name if decision.rule else ""
        return Judged(stop, word, decision.reason, rule, subject, detail)

    def _hint(self, decision: Challenge | StepUp | Forbid) -> str:
        """Where the rule names providers, the login page must offer these and no others."""
        names = decision.rule.providers if decision.rule else ()
        return write_hint([name for name in names if name in self.providers])

    def read_hint(self, text: str) -> str:
        """A hint that came by way of the proxy, with nothing in it but names of configured providers."""
        return write_hint(read_hint(text, self.providers))

    def login_url(self, asked: Asked, hint: str, *, navigation: bool) -> str:
        """The login page with the way back: the configured origin, and the path and query that were asked for.

        A program is not sent back to the address it fetched but to the front page of its host. Nothing of a header
        enters the address but the path, the query and names of configured providers, which are the `hint`
        (CVE-2024-21498, CVE-2024-21499).
        """
        origin = asked.target.entry.origin_for(asked.target.host)
        uri = _way_back(asked, origin) if navigation else b"/"
        url = f"{self.login_address}?rd={quote(origin, safe='')}{quote(uri, safe='/')}"
        return f"{url}&provider={hint}" if hint else url


def _way_back(asked: Asked, origin: str) -> bytes:
    """What was asked for, as far as the login page takes it: whole, else without its query, else the front page.

    Escaped it grows threefold. Past the limit it would not fit the proxy's buffer, and end as a 502.
    """
    for uri in (asked.question.uri, asked.target.raw):
        if len(origin) + len(uri) <= MAX_LENGTH:
            return uri
    return b"/"


def _who_and_why(decision: Challenge | StepUp | Forbid, identities: Sequence[Identity]) -> tuple[str, str]:
    """Whom the rule judged, and the criteria that this person fails, block by block: `groups, emails; users`."""
    person = judged(decision.rule, identities) if decision.rule else None
    if decision.rule is None or person is None:
        return "", ""
    blocks = unmet(decision.rule, person) if decision.reason == "criteria" else ()
    return person.key, "; ".join([", ".join(block) for block in blocks])
