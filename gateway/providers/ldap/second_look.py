"""The second look: whether somebody who is signed in would still be let in, at intervals and without them.

    service account    reads the entry by the name that never changes; no password is needed, and no try is counted
    kept password      where `relogin` says so, signs in again: beside the service account, or in its place. Then people
                       read themselves

What can be read is judged before a password is sent, for a wrong one counts towards a lock. And it is judged after a yes
too: a directory takes the previous password for another hour (MS-KB 906305), so that the yes alone is an hour late.
"""

from dataclasses import dataclass

from gateway.errors import PasswordRefused, ProviderLied, ProviderMisconfigured, ProviderRefused
from gateway.providers.account import Account
from gateway.providers.ldap import standing
from gateway.providers.ldap.directory import Directory, Person
from gateway.providers.ldap.entry import Entry
from gateway.providers.ldap.errand import Errand
from gateway.providers.ldap.refusals import refused_unasked
from gateway.reasons import REASONS
from gateway.sessions.session import Grant
from gateway.settings.ldap import LdapProvider


@dataclass(frozen=True, slots=True)
class SecondLook:
    """How a provider looks. Waits, in a thread."""

    provider: str
    section: LdapProvider
    directory: Directory

    def take(self, errand: Errand, grant: Grant, key: str, now: int) -> Person:
        """The person with this key, as they are now.

        Raises a terminal `ProviderRefused` where the account does not stand, or not as it did; `PasswordRefused` for a
        kept password that is wrong, which is for others to judge; or another `ProviderFault`.
        """
        password = grant.password if self.section.relogin else ""
        try:
            if password and not self.directory.has_service:
                return self._by_themselves(errand, grant, password, key, now)
            person = self.directory.look(errand, key)
            if person is None:
                raise _over(self.provider, "account_disabled")
            self._stands(person.entry, grant.stamp, now)
            if password:
                self.directory.prove(errand, person.entry, password)
        except PasswordRefused as refused:
            raise refused_unasked(refused) from None
        return person

    def _by_themselves(self, errand: Errand, grant: Grant, password: str, key: str, now: int) -> Person:
        person = self.directory.by_themselves(errand, self._account(grant), password)
        if person.key != key:
            raise ProviderLied(self.provider, f"{self.section.key}: of another person than at the login")
        # What they may not read of themselves is left to the yes, which has answered all of it but one hour's worth.
        if standing.is_readable(person.entry):
            self._stands(person.entry, grant.stamp or standing.stamp(person.entry, active=True), now)
        return person

    def _account(self, grant: Grant) -> Account:
        domain, _, name = grant.account.rpartition("\\")
        return Account(name, domain or self.section.usual_domain)

    def _stands(self, entry: Entry, stamp: str, now: int) -> None:
        reason = self._fallen(entry, stamp, now)
        if reason:
            raise _over(self.provider, reason)

    def _fallen(self, entry: Entry, stamp: str, now: int) -> str:
        if not self.section.active:
            return "" if standing.stamp(entry, active=False) == stamp else "password_changed"
        if not standing.is_readable(entry):
            mend = f"let the service account read {standing.CONTROL} and {standing.CHANGED}"
            raise ProviderMisconfigured(self.provider, "the state of accounts cannot be read", mend)
        return standing.fallen(entry, stamp, now)


def _over(provider: str, reason: str) -> ProviderRefused:
    return ProviderRefused(provider, reason, reason=reason if reason in REASONS else "", terminal=True)
