"""The rule behind a return address: whether a login is needed there at all, and at which provider.

The login page asks this, so that somebody who is signed in already goes straight back, and somebody whose session
is of another provider than the rule wants is not sent in circles. It never lets anybody in: the check decides again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import Refused
from gateway.identity.identity import Identity
from gateway.policy.decide import Allow, Forbid, decide
from gateway.policy.hosts import Hosts
from gateway.policy.rules import Rule, Rules
from gateway.policy.target import parse_target


@dataclass(frozen=True, slots=True)
class WayBack:
    """Looks a return address up among the rules by host; `providers` are all that are configured."""

    hosts: Hosts
    rules: Rules
    providers: frozenset[str]

    def satisfied(self, address: str, identities: Sequence[Identity] | None) -> bool:
        """Whether another login would change nothing: these logins are let in there, or are not and never will be."""
        rule = self._rule(address)
        if rule is None or not identities:
            return bool(identities)
        return isinstance(decide(rule, identities, True), (Allow, Forbid))

    def wanted(self, address: str) -> frozenset[str]:
        """The providers whose login the rule asks for; all where it names none."""
        rule = self._rule(address)
        return frozenset(rule.providers) & self.providers if rule and rule.providers else self.providers

    def _rule(self, address: str) -> Rule | None:
        authority, slash, rest = address.partition("://")[2].partition("/")
        try:
            target = parse_target(
                authority.encode(), (slash or "/").encode() + rest.encode(), b"GET", self.hosts
            )
            return self.rules.match(target, None)
        except Refused:  # the gateway's own pages, or a host that only a policy of the proxy's knows
            return None
