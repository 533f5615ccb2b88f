"""Who may pass a rule: lists of users, addresses, domains and groups, compared with one identity."""

import re
from dataclasses import dataclass

from gateway.identity.identity import Identity
from gateway.settings.access import Criteria as CriteriaSettings

# One `@`, and on both sides only what needs no quoting (RFC 5322 dot-atom, RFC 1123 host). Quoted local parts, second
# `@`s, foreign letters and trailing dots are how one address is made to look like another (CVE-2026-40574).
_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+)",
    re.ASCII,
)
_MAX_EMAIL = 254  # octets of a path without its brackets (RFC 5321 section 4.5.3.1.3)


@dataclass(frozen=True, slots=True)
class Criteria:
    """Values of one list are alternatives; every list that is written must hold. Addresses are in lower case."""

    users: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    email_domains: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    @classmethod
    def of(cls, written: CriteriaSettings) -> "Criteria":
        """From the configuration."""
        return cls(
            users=frozenset(written.users),
            emails=frozenset([email.lower() for email in written.emails]),
            email_domains=frozenset([domain.lower() for domain in written.email_domains]),
            groups=frozenset(written.groups),
        )

    def unmet(self, identity: Identity) -> tuple[str, ...]:
        """The lists that `identity` fails; none means that the criteria hold. Empty criteria never do."""
        email, domain = read_email(identity.verified_email)
        failed = [
            name
            for name, allowed, held in (
                ("users", self.users, (identity.user,)),
                ("emails", self.emails, (email,)),
                ("email_domains", self.email_domains, (domain,)),
                ("groups", self.groups, identity.groups),
            )
            if allowed and allowed.isdisjoint([value for value in held if value])
        ]
        # Criteria without a list would let everybody in whom somebody forgot to name.
        empty = not (self.users or self.emails or self.email_domains or self.groups)
        return ("empty",) if empty else tuple(failed)


def read_email(text: str) -> tuple[str, str]:
    """An address and its domain, both in lower case; two empty strings for what is no plain address."""
    match = _EMAIL.fullmatch(text) if len(text) <= _MAX_EMAIL else None
    return (text.lower(), match[1].lower()) if match else ("", "")
