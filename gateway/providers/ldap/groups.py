"""The groups of a person, by the way that the section names.

token-groups   Active Directory reckons them itself, groups in groups and the primary one included, as SIDs. It does so
               for one entry at a time: the search must have the scope `base`
in-chain       a matching rule walks upwards from each group that is asked for; the primary group is not among them
search         a filter of the operator's, as directories without nested groups have it
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import ProviderLied, ProviderMisconfigured
from gateway.providers.ldap.entry import Entry
from gateway.providers.ldap.filters import IN_CHAIN, any_of, equals, escaped, filled, placeholders
from gateway.providers.ldap.refusals import SIZE_LIMIT_EXCEEDED, SUCCESS, failed
from gateway.providers.ldap.wire import Link, Search, base_search
from gateway.settings.ldap import LdapProvider

AT_ONCE = 50
"""SIDs that one search asks the names of: a filter of any length is no filter that a directory takes."""

_SIDS = "tokenGroups"


@dataclass(frozen=True, slots=True)
class GroupLookup:
    """How groups are found for one provider."""

    provider: str
    section: LdapProvider

    @property
    def attributes(self) -> tuple[str, ...]:
        """What of a person's entry has to be read for it."""
        return tuple([one for one in placeholders(self.section.group_filter) if one != "dn"])

    def read(self, link: Link, person: Entry) -> tuple[str, ...]:
        """The names of all groups. Raises `ProviderFault` where they cannot be read in full: fewer are never a guess."""
        match self.section.groups:
            case "token-groups":
                return self._named(link, self._sids(link, person))
            case "in-chain":
                return self._in_chain(link, person)
            case "search":
                return self._searched(link, person)
        return ()

    def _sids(self, link: Link, person: Entry) -> tuple[bytes, ...]:
        found = link.search(base_search(person.dn, (_SIDS,)))
        if found.outcome.code != SUCCESS:
            raise failed(self.provider, "reading tokenGroups", found.outcome)
        sids = found.entries[0].values(_SIDS) if found.entries else ()
        if not sids:
            # Everybody is in a primary group at least: nothing at all is what those see who may not look.
            mend = (
                "put the service account into Windows Authorization Access Group, or write groups: in-chain"
            )
            raise ProviderMisconfigured(self.provider, "tokenGroups cannot be read", mend)
        return sids

    def _named(self, link: Link, sids: Sequence[bytes]) -> tuple[str, ...]:
        names: list[str] = []
        for start in range(0, len(sids), AT_ONCE):
            asked = any_of([equals("objectSid", sid) for sid in sids[start : start + AT_ONCE]])
            names += self._names(link, f"(&(objectClass=group){asked})")
        return tuple(names)

    def _in_chain(self, link: Link, person: Entry) -> tuple[str, ...]:
        # The names come first: they are indexed, and the rule is walked for those alone that have one of them.
        wanted = any_of([equals(self.section.group_name, name) for name in self.section.wanted_groups])
        chain = f"(member:{IN_CHAIN}:={escaped(person.dn)})"
        return tuple(self._names(link, f"(&(objectClass=group){wanted}{chain})"))

    def _searched(self, link: Link, person: Entry) -> tuple[str, ...]:
        values = {name: texts[0] for name in self.attributes if (texts := person.texts(name))}
        return tuple(self._names(link, filled(self.section.group_filter, {**values, "dn": person.dn})))

    def _names(self, link: Link, text: str) -> list[str]:
        name = self.section.group_name
        found = link.search(Search(self.section.groups_under, text, (name,)))
        if found.outcome.code == SIZE_LIMIT_EXCEEDED:
            raise ProviderLied(self.provider, "groups: more than the directory lists", reason="overage")
        if found.outcome.code != SUCCESS:
            raise failed(self.provider, "a search for groups", found.outcome)
        return [texts[0] for entry in found.entries if (texts := entry.texts(name))]
