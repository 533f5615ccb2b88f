"""The verdict: a rule and an identity in, one of four frozen decisions out.

Nobody decides while writing a response: a contract turns these values into status and headers.
"""

from dataclasses import dataclass
from typing import TypeAlias

from gateway.identity.identity import Identity
from gateway.policy.rules import Rule


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
    """A fresher or stronger login could help."""

    rule: Rule
    reason: str


@dataclass(frozen=True, slots=True)
class Forbid:
    """No login of this person would help; `reason`: no_rule | criteria | no_login."""

    rule: Rule | None
    reason: str


Decision: TypeAlias = Allow | Challenge | StepUp | Forbid
