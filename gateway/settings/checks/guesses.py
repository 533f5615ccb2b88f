"""Limits of passwords that count less than they seem to."""

from collections.abc import Iterator

from gateway.settings.ad_api import AdApiProvider
from gateway.settings.fault import Fault
from gateway.settings.ldap import LdapProvider
from gateway.settings.model import Settings

USUAL_LOCK = 10
"""Wrong passwords at which Active Directory locks an account as Microsoft advises it."""


def domains_that_multiply_tries_are_noted(settings: Settings) -> Iterator[Fault]:
    each = settings.login.passwords.per_account
    for name, section in settings.providers.items():
        # With a service account the directory says whom a name means, and there it is counted.
        counts_names = isinstance(section, AdApiProvider) or (
            isinstance(section, LdapProvider) and section.bind_dn is None
        )
        domains = len(section.domains) if isinstance(section, (AdApiProvider, LdapProvider)) else 0
        if counts_names and domains > 1 and each * domains >= USUAL_LOCK:
            yield Fault(
                ("providers", name, "domains"),
                f"are {domains}, and a name is counted in each by itself: an account that the directory knows in all of "
                f"them has {each * domains} tries",
                f"where there are such accounts, write login.passwords.per_account: {max(1, (USUAL_LOCK - 1) // domains)}"
                ", or spell them as one domain",
            )
