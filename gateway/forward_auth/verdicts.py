"""What a rule says of a session: the decision, and the headers that the application gets of it.

Both are the same for every path and every request that meets the rule, so a verdict is kept with the remembered
session and dies with it. The method, the cookie and the id of a decision take no part.

A rule may hand tokens of the provider through: those of the one identity that it judged. It never hands on an access
token that is known to be over. Where a refresh could have prolonged it, nothing passes for now; where none could, the
person signs in again; and where nobody need sign in, the header is empty, as it is for nobody.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from gateway.errors import ProviderUnavailable
from gateway.forward_auth.assertions import Signed
from gateway.identity.headers import Emptied, IdentityHeaders
from gateway.identity.identity import Identity
from gateway.identity.lines import Lines
from gateway.policy.decide import Allow, Challenge, Decision, Forbid, StepUp, decide, judged, unmet
from gateway.policy.rules import Access, Rule
from gateway.sessions.handed import NOTHING_HANDED, Handed, HandedTokens
from gateway.sessions.session import Session

_NOTHING = Lines((), b"")
_FOREVER = float("inf")
_NO_GRANT = Handed()


class Asserts(Protocol):
    """Signs who somebody is, for one audience."""

    def get(self, session: Session, identity: Identity, audience: str) -> Signed: ...


class Verdict(NamedTuple):
    """`lines` are every configured identity header, where the decision lets the request pass.

    `subject` is the key of the identity that was judged; `detail` the criteria that this person fails, block by block:
    `groups, emails; users`. It holds until `until` (Unix seconds): 0.0 is for one request alone.
    """

    decision: Decision
    reason: str
    rule: str
    lines: Lines
    subject: str
    detail: str
    until: float
    emptied: Emptied = ()

    @property
    def weight(self) -> int:
        """About how many bytes it takes, never less than it does."""
        return 1400 + 120 * len(self.lines.headers) + 4 * len(self.lines.wire)


@dataclass(frozen=True, slots=True)
class _Passed:
    """Tokens for the headers of one answer, by field, and until when (Unix seconds) they may be handed on."""

    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    until: float = _FOREVER


class Verdicts:
    """`providers` are the configured ones, `idle` the idle limit of sessions in seconds."""

    def __init__(
        self,
        asserts: Asserts,
        headers: IdentityHeaders,
        providers: frozenset[str],
        idle: float,
        clock: Callable[[], float],
    ) -> None:
        self._asserts = asserts
        self._headers = headers
        self._providers = providers
        self._idle = idle
        self._clock = clock
        self._of_nobody: dict[Rule | None, Verdict] = {}

    def of_nobody(self, rule: Rule | None, decision_id: str) -> Verdict:
        """What a rule says where there is no session, or none that it looks at. Rules are few, and live for good."""
        verdict = self._of_nobody.get(rule)
        if verdict is None:
            verdict = self._verdict(rule, None, "", decision_id)
            if verdict.until:
                self._of_nobody[rule] = verdict
        return verdict

    def of(
        self,
        rule: Rule | None,
        session: Session,
        audience: str,
        decision_id: str,
        handed: HandedTokens = NOTHING_HANDED,
    ) -> Verdict:
        """What a rule says of a session; `audience` is whom an assertion is for, `handed` what the rule may pass on.

        Raises `ProviderUnavailable` where the rule passes an access token that is over, and a new one is being tried for.
        """
        return self._verdict(rule, session, audience, decision_id, handed)

    def tell(self, verdict: Verdict, decision_id: str) -> None:
        """Say what is empty in the headers of this answer: at each check, for each application misses it."""
        self._headers.tell(verdict.emptied, verdict.rule, decision_id)

    def _verdict(
        self,
        rule: Rule | None,
        session: Session | None,
        audience: str,
        decision_id: str,
        handed: HandedTokens = NOTHING_HANDED,
    ) -> Verdict:
        identities = session.identities if session else ()
        decision = decide(rule, identities, self._may_login(rule))
        if not isinstance(decision, Allow):
            return against(rule, decision, identities)
        identity = decision.identity if session else None
        passed = _Passed()
        if session and identity and decision.rule.tokens:
            # Of this identity alone, as everything else: the tokens of another login speak for somebody else.
            passing = self._passing(
                decision.rule, session, identity, handed.get(identity.provider, _NO_GRANT)
            )
            if isinstance(passing, StepUp):
                return against(rule, passing, identities)
            passed = passing
        signed, expires = Signed("", _FOREVER), 0
        if session and identity:
            expires = int(min(session.absolute_end, session.seen + self._idle))
            signed = self._asserts.get(session, identity, audience)
        name = decision.rule.name
        written = self._headers.write(identity, expires, signed.token, name, decision_id, passed.tokens)
        # The id of a decision is for one check.
        until = 0.0 if self._headers.name_decision else min(signed.fresh_until, passed.until)
        subject = identity.key if identity else ""
        reason = decision.rule.access.value
        return Verdict(decision, reason, name, Lines.of(written.lines), subject, "", until, written.emptied)

    def _passing(self, rule: Rule, session: Session, identity: Identity, handed: Handed) -> _Passed | StepUp:
        """The tokens that the rule passes on; `StepUp` where a login could bring them."""
        tokens = {kind: getattr(handed, kind) for kind in rule.tokens}
        if not tokens.get("access_token") or not handed.expires:
            return _Passed(tokens)
        now = self._clock()
        if not handed.has_ended(now):
            return _Passed(tokens, handed.expires)
        if rule.access is Access.OPTIONAL:
            return _Passed({**tokens, "access_token": ""})
        if handed.renewable:
            raise ProviderUnavailable(
                identity.provider,
                "the access token has ended, and there is no new one yet",
                retry_after=max(session.next_try - now, 1.0),
            )
        return StepUp(rule, "token_ended", identity.provider)

    def _may_login(self, rule: Rule | None) -> bool:
        """Whether some configured login could turn a no of this rule into a yes."""
        return bool(
            self._providers if rule is None or not rule.providers else self._providers & set(rule.providers)
        )


def against(
    rule: Rule | None, decision: Challenge | StepUp | Forbid, identities: Sequence[Identity] = ()
) -> Verdict:
    """A decision that lets nobody pass, with who was judged and why."""
    subject, detail = _who_and_why(rule, decision.reason, identities)
    name = rule.name if rule else ""
    return Verdict(decision, decision.reason, name, _NOTHING, subject, detail, _FOREVER)


def _who_and_why(rule: Rule | None, reason: str, identities: Sequence[Identity]) -> tuple[str, str]:
    person = judged(rule, identities) if rule else None
    if rule is None or person is None:
        return "", ""
    blocks = unmet(rule, person) if reason == "criteria" else ()
    return person.key, "; ".join([", ".join(block) for block in blocks])
