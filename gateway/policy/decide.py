"""The verdict: a rule and the identities of a session in, one of four frozen decisions out.

Nobody decides while writing a response: a contract turns these values into status and headers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from gateway.identity.identity import Identity
from gateway.policy.rules import Access, Rule


@dataclass(frozen=True, slots=True)
class Allow:
    """The request may pass, as `identity` (`None` is anonymous)."""

    rule: Rule
    identity: Identity | None


@dataclass(frozen=True, slots=True)
class Challenge:
    """A login could help; `reason`: anonymous | other_provider."""

    rule: Rule
    reason: str


@dataclass(frozen=True, slots=True)
class StepUp:
    """A fresher or stronger login could help; `reason`: token_ended.

    `provider` is the one whose login the session has, and has to have anew.
    """

    rule: Rule
    reason: str
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Forbid:
    """No login of this person would help; `reason`: no_rule | criteria | no_login."""

    rule: Rule | None
    reason: str


Decision: TypeAlias = Allow | Challenge | StepUp | Forbid


def decide(rule: Rule | None, identities: Sequence[Identity], may_login: bool) -> Decision:
    """Judge a request by the rule that it met.

    `identities` are the logins of the session, latest last. `may_login` says whether a provider exists whose login
    this rule would look at.
    """
    if rule is None:
        return Forbid(None, "no_rule")
    if rule.access is Access.PUBLIC:
        return Allow(rule, None)
    identity = judged(rule, identities)
    if rule.access is Access.OPTIONAL:
        return Allow(rule, identity)
    if identity is None:
        return _without_login(rule, identities, may_login)
    if rule.access is Access.AUTHENTICATED or _any_criteria_hold(rule, identity):
        return Allow(rule, identity)
    # Fail closed: whatever did not say yes above says no.
    return Forbid(rule, "criteria")


def judged(rule: Rule, identities: Sequence[Identity]) -> Identity | None:
    """The one identity that a rule looks at: the latest login, of its `providers:` where it names some.

    Groups, addresses and headers come from this one alone, so that two logins never add up to a third person.
    """
    for identity in reversed(identities):
        if not rule.providers or identity.provider in rule.providers:
            return identity
    return None


def unmet(rule: Rule, identity: Identity) -> tuple[tuple[str, ...], ...]:
    """For each block of a rule's criteria the lists that `identity` fails."""
    return tuple([block.unmet(identity) for block in rule.criteria])


def _any_criteria_hold(rule: Rule, identity: Identity) -> bool:
    return rule.access is Access.CRITERIA and any(not block.unmet(identity) for block in rule.criteria)


def _without_login(rule: Rule, identities: Sequence[Identity], may_login: bool) -> Decision:
    if not may_login:
        return Forbid(rule, "no_login")
    return Challenge(rule, "other_provider" if identities else "anonymous")
