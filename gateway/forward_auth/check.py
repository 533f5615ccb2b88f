"""The check: one question in, one outcome out.

    peer trusted? → question → target → rule → public? answer now
                                             → Authorization that the rule reads? → good? decide → outcome, else 401
                                             → ticket? → remembered? decide → outcome
                                                       → session → fresh tokens → decide → outcome

`Check.begin` is a plain function. It answers whatever needs no waiting (refused, public, denied, anonymous, a session
that is remembered) and hands back a coroutine for the rest, so that the endpoint never makes a task for what is known at once.
"""

from collections.abc import Callable, Coroutine, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeAlias

from gateway.errors import BadCredential, NotAllowed
from gateway.forward_auth.asked import Asked, Judged
from gateway.forward_auth.authorization import NO_SCHEMES, Credential, Scheme, credential_of, left_of
from gateway.forward_auth.contracts.contract import OR_BASIC, Pass, Question, Stop
from gateway.forward_auth.navigation import (
    foreign_origin,
    is_browser,
    is_foreign_change,
    is_navigation,
    is_websocket,
)
from gateway.forward_auth.places import Client, Places
from gateway.forward_auth.verdicts import Verdict, Verdicts, against
from gateway.forward_auth.way_to_login import login_page, origin_of
from gateway.identity.presented import Head
from gateway.login.hint import read_hint, wants_again, write_hint
from gateway.policy.decide import Allow, Challenge, Decision, Forbid, StepUp
from gateway.policy.rules import Access, Rule
from gateway.sessions.cache import Memory, Miss, Remembered
from gateway.sessions.cookie import Ticket
from gateway.sessions.hand_through import WithTokens
from gateway.sessions.handed import NOTHING_HANDED
from gateway.sessions.presented_tickets import PresentedTickets
from gateway.sessions.session import Session


class SessionReader(Protocol):
    """Opens a session and keeps its tokens fresh; `None` where there is none, `StoreFault` where nobody knows.

    `strict`: the store itself is to be asked. `harmless`: the request only reads, so that an old answer may do.
    """

    def now(self, ticket: Ticket, *, strict: bool) -> Remembered:
        """What can be known without waiting."""
        ...

    def note(self, memory: Memory, key: Hashable, value: object, weight: int) -> None:
        """Keep something with a memory."""
        ...

    async def read(self, ticket: Ticket, *, strict: bool, harmless: bool) -> Session | None: ...

    async def read_with_tokens(self, ticket: Ticket, *, strict: bool, harmless: bool) -> WithTokens | None:
        """As `read`, with what rules hand through of its tokens."""
        ...


class _Kept(NamedTuple):
    """What is remembered of a session at a rule: the verdict, and the outcome where that is to let pass."""

    verdict: Verdict
    allowed: Judged | None


Note: TypeAlias = Callable[[Memory, Hashable, object, int], None]
Answer: TypeAlias = Judged | Coroutine[Any, Any, Judged]

_ORIGIN = frozenset({b"origin"})
_PUBLIC, _MISS = Access.PUBLIC, Miss.MISS

_WORDS: dict[type[Decision], str] = {
    Allow: "allow",
    Challenge: "challenge",
    StepUp: "step_up",
    Forbid: "forbid",
}


@dataclass(frozen=True, slots=True)
class Check:
    """Everything a check needs, wired once."""

    places: Places
    tickets: PresentedTickets
    reader: SessionReader
    verdicts: Verdicts
    providers: frozenset[str]
    login_address: str
    clock: Callable[[], float]
    schemes: Mapping[str, Scheme] = field(default_factory=lambda: NO_SCHEMES)
    takes: bool = False
    """Whether some rule keeps what it read of `Authorization` from the application."""

    def ask(self, head: Head, question: Question, client: Client) -> Asked:
        """Read target and cookie; `Malformed` or `UnknownHost` where the target has no single meaning here."""
        place = self.places.find(question, client)
        left = left_of(head, place.rule) if self.takes else None
        return Asked(head, question, place, client, self.tickets.read(head), left)

    def begin(self, asked: Asked, decision_id: str) -> Answer:
        """The outcome, or a coroutine for it where a session has to be opened."""
        rule = asked.place.judge()
        if rule is not None and rule.schemes and rule.access is not _PUBLIC:
            credential = credential_of(asked.head, rule.schemes)
            if credential is not None:
                return self._by_credential(asked, rule, credential, decision_id)
            if not rule.cookie:
                return self._nobody(asked, rule, decision_id)
        ticket, _, ends = asked.presented
        # A public rule asks for no session: it works, and stays anonymous, whatever the store does.
        if ticket is None or rule is None or rule.access is _PUBLIC or self.clock() >= ends:
            return self._nobody(asked, rule, decision_id)
        memory = self.reader.now(ticket, strict=rule.strict)
        if memory is _MISS:
            return self._with_session(asked, rule, ticket, decision_id)
        if memory is None or memory.session is None:
            return self._nobody(asked, rule, decision_id)
        if rule.tokens and memory.handed is None:
            return self._with_session(asked, rule, ticket, decision_id)
        return self._remembered(asked, rule, memory, memory.session, self.reader.note, decision_id)

    def _by_credential(self, asked: Asked, rule: Rule, credential: Credential, decision_id: str) -> Answer:
        """What was presented decides alone: the cookie is not looked at, and a bad one is never taken for none."""
        scheme = self.schemes[credential.scheme]
        # A browser that has once asked for a password sends it along with every form, whoever wrote that.
        target = asked.target
        if credential.scheme == "basic" and is_foreign_change(asked.head, target.method, origin_of(target)):
            return self._judged(asked, against(rule, Forbid(rule, "foreign_origin")), decision_id)
        try:
            memory = scheme.now(credential, rule)
        except (BadCredential, NotAllowed) as error:
            return self._rejected(asked, rule, scheme, error, decision_id)
        if memory is _MISS:
            return self._with_credential(asked, rule, credential, decision_id)
        assert memory.session is not None  # noqa: S101 - a scheme remembers people, and raises for the rest
        return self._remembered(asked, rule, memory, memory.session, scheme.note, decision_id)

    async def _with_credential(
        self, asked: Asked, rule: Rule, credential: Credential, decision_id: str
    ) -> Judged:
        scheme = self.schemes[credential.scheme]
        try:
            session = await scheme.read(credential, rule, asked.client)
        except (BadCredential, NotAllowed) as error:
            return self._rejected(asked, rule, scheme, error, decision_id)
        verdict = self.verdicts.of(rule, session, asked.audience, decision_id)
        return self._judged(asked, verdict, decision_id)

    def _rejected(
        self, asked: Asked, rule: Rule, scheme: Scheme, error: BadCredential | NotAllowed, decision_id: str
    ) -> Judged:
        if isinstance(error, NotAllowed):
            # The credential is good, and no other would help: the person is not among those who may sign in.
            return self._judged(asked, against(rule, Forbid(rule, error.code)), decision_id)
        challenge = Challenge(rule, error.code)
        stop = Stop(challenge, asked.head, navigation=False, login_url="", challenge=scheme.challenge)
        return Judged(stop, "challenge", error.code, rule.name)

    async def _with_session(self, asked: Asked, rule: Rule, ticket: Ticket, decision_id: str) -> Judged:
        # A WebSocket handshake is a GET and opens a channel that outlives every grace.
        harmless = asked.target.method in {"GET", "HEAD"} and not is_websocket(asked.head)
        if rule.tokens:
            found = await self.reader.read_with_tokens(ticket, strict=rule.strict, harmless=harmless)
            session, handed = found or (None, NOTHING_HANDED)
        else:
            session = await self.reader.read(ticket, strict=rule.strict, harmless=harmless)
            handed = NOTHING_HANDED
        if session is None:
            return self._nobody(asked, rule, decision_id)
        verdict = self.verdicts.of(rule, session, asked.audience, decision_id, handed)
        return self._judged(asked, verdict, decision_id)

    def _nobody(self, asked: Asked, rule: Rule | None, decision_id: str) -> Judged:
        return self._judged(asked, self.verdicts.of_nobody(rule, decision_id), decision_id)

    def _remembered(
        self, asked: Asked, rule: Rule, memory: Memory, session: Session, note: Note, decision_id: str
    ) -> Judged:
        """The outcome for a remembered session, kept with it. The rule stands for its policy: no two share one."""
        key = rule, asked.audience, asked.presented.rest, asked.left
        kept: _Kept | None = memory.notes.get(key)
        if kept is None or self.clock() >= kept.verdict.until:
            handed = memory.handed if rule.tokens and memory.handed else NOTHING_HANDED
            verdict = self.verdicts.of(rule, session, asked.audience, decision_id, handed)
            kept = _Kept(verdict, _allowed(verdict, asked))
            # Where a rule passes on what it has read, the outcome holds the password itself, and so is not kept.
            if verdict.until and not (rule.passes_on and asked.is_secret):
                note(memory, key, kept, verdict.weight + 3 * asked.rest)
        # What a page of another origin asks is another question, and seldom asked.
        if kept.allowed is None or (asked.head.has_any(_ORIGIN) and _is_foreign(asked)):
            return self._judged(asked, kept.verdict, decision_id)
        if kept.verdict.emptied:
            self.verdicts.tell(kept.verdict, decision_id)
        return kept.allowed

    def _judged(self, asked: Asked, verdict: Verdict, decision_id: str) -> Judged:
        if verdict.emptied:
            self.verdicts.tell(verdict, decision_id)
        if asked.made is not None and asked.made[0] is verdict:
            return asked.made[1]
        decision = verdict.decision
        if isinstance(decision, Allow) and decision.identity is not None:
            # What is told of a person dies with the remembered session; a head that comes again lives longer.
            return self._of_person(asked, decision, verdict)
        made = _allowed(verdict, asked) or self._stopped(asked, decision, verdict)
        asked.made = verdict, made
        return made

    def _of_person(self, asked: Asked, decision: Allow, verdict: Verdict) -> Judged:
        allowed = _allowed(verdict, asked)
        # Cross-site WebSocket hijacking: the browser sends our cookie whoever wrote the page (CWE-1385).
        if allowed is None or _is_foreign(asked):
            stop = Forbid(decision.rule, "foreign_origin")
            return self._stopped(asked, stop, verdict._replace(reason=stop.reason))
        return allowed

    def _stopped(self, asked: Asked, decision: Decision, verdict: Verdict) -> Judged:
        if isinstance(decision, Allow):  # fail closed: an allow never becomes a reply on this path
            raise TypeError("an Allow cannot be a stop")
        navigation = is_navigation(asked.head, asked.target.method)
        url, hint = "", ""
        if not isinstance(decision, Forbid):
            hint = self._hint(decision)
            url = self.login_url(asked, hint, navigation=navigation)
        stop = Stop(decision, asked.head, navigation, url, hint, **_asking(asked, decision))
        word = _WORDS[type(decision)]
        return Judged(stop, word, verdict.reason, verdict.rule, verdict.subject, verdict.detail)

    def _hint(self, decision: Challenge | StepUp) -> str:
        """Where the rule names providers, the login page must offer these and no others.

        Where a login has to be made anew, it must not lead the person back for having one.
        """
        if isinstance(decision, StepUp) and decision.provider:
            return write_hint([decision.provider], again=True)
        return write_hint([name for name in decision.rule.providers if name in self.providers])

    def read_hint(self, text: str) -> str:
        """A hint that came by way of the proxy, with nothing in it but names of configured providers."""
        return write_hint(read_hint(text, self.providers), again=wants_again(text))

    def login_url(self, asked: Asked, hint: str, *, navigation: bool) -> str:
        """The login page with the way back to what was asked for."""
        uri = asked.question.uri
        return login_page(self.login_address, asked.target, uri, hint, navigation=navigation)


def _allowed(verdict: Verdict, asked: Asked) -> Judged | None:
    """The outcome of a verdict that lets pass, whatever the head says beside what the application gets of it."""
    if not isinstance(verdict.decision, Allow):
        return None
    passing = Pass(verdict.lines, asked.presented.rest, asked.left)
    return Judged(passing, "allow", verdict.reason, verdict.rule, verdict.subject)


def _asking(asked: Asked, decision: Challenge | StepUp | Forbid) -> dict[str, str]:
    """What a 401 asks for beside a login, or in its place."""
    rule = decision.rule
    if rule is None or not rule.schemes or isinstance(decision, Forbid):
        return {}
    if not rule.cookie:
        # The login page would send people round in circles: no session counts here.
        return {"challenge": "*basic" if "basic" in rule.schemes else "*token"}
    # A browser would put up a window of its own over a page that only fetched something.
    return {"offer": OR_BASIC} if "basic" in rule.schemes and not is_browser(asked.head) else {}


def _is_foreign(asked: Asked) -> bool:
    return foreign_origin(asked.head, origin_of(asked.target))
