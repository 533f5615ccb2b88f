"""Why a request is decided as it is: every rule with the matcher that it failed at, and the verdict.

It walks the functions that the check itself uses; there is no second opinion here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import Malformed
from gateway.identity.identity import Identity
from gateway.policy.decide import Allow, Decision, decide, judged, unmet
from gateway.policy.rules import Access, Client, Rule, Rules
from gateway.policy.target import Target


@dataclass(frozen=True, slots=True)
class Step:
    """One rule and one reading of the path. `misfit`: host | path | method | network, or "" where the rule fits."""

    rule: Rule
    path: str
    misfit: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """`decision` is `None` where the readings of the path meet different rules, so that the request is refused.

    `unmet` has, for each criteria block of the deciding rule, the lists that the judged identity fails.
    """

    target: Target
    steps: tuple[Step, ...]
    decision: Decision | None
    unmet: tuple[tuple[str, ...], ...] = ()


def explain(
    rules: Rules, target: Target, client: Client, identities: Sequence[Identity], may_login: bool = True
) -> Explanation:
    """The walk through all rules, in each reading of the path, up to the one that decides."""
    readings = [(target.path, rules), *rules.other_readings(target)]
    steps = [step for path, held in readings for step in _walk(held, target, path, client)]
    try:
        rule = rules.match(target, client)
    except Malformed:
        return Explanation(target, tuple(steps), None)
    decision = decide(rule, identities, may_login)
    return Explanation(target, tuple(steps), decision, _unmet(rule, decision, identities))


def _walk(rules: Rules, target: Target, path: str, client: Client) -> list[Step]:
    steps = []
    for rule in rules.rules:
        steps.append(Step(rule, path, rule.misfit(target.host, path, target.method, client)))
        if not steps[-1].misfit:
            break
    return steps


def _unmet(
    rule: Rule | None, decision: Decision, identities: Sequence[Identity]
) -> tuple[tuple[str, ...], ...]:
    if rule is None or rule.access is not Access.CRITERIA or isinstance(decision, Allow):
        return ()
    identity = judged(rule, identities)
    return unmet(rule, identity) if identity else ()
