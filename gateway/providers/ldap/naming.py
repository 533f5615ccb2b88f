"""Whether somebody who was found has the name that was typed, and not one that the directory takes for the same.

Directories compare names more loosely than anybody can count them: Active Directory reads past accents, strokes and
whatever has no width (MS-ADTS 6.5), others past blanks (RFC 4518 section 2.6.1). So one account would answer to names
without number, each with tries of its own: enough to guess its password, and to lock it whatever the limits say.
"""

import unicodedata
from collections.abc import Iterable

from gateway.providers.ldap.entry import Entry

NAMES = ("sAMAccountName", "userPrincipalName")
"""The attributes of Active Directory that people sign in by."""


def is_spelt(entry: Entry, attributes: Iterable[str], name: str) -> bool:
    """Whether `name`, as an `Account` has it, stands in one of the attributes letter by letter, but for the case."""
    # In it, and not the whole of it: the filter may put something around the name, as a UPN does.
    return any(name in _plain(text) for attribute in attributes for text in entry.texts(attribute))


def _plain(text: str) -> str:
    """As `providers.account` writes names."""
    return unicodedata.normalize("NFKC", text).strip().casefold()
