"""The name that a person types beside a password, in one spelling.

Limits count it and directories are asked for it, so that a name with and without its domain, in capitals or not, is
one account and not four (CWE-180: validate after canonicalising). NFKC first: a full-width letter is the letter.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

LONGEST = 256
"""Characters of a name, and of a password: more is none, and reaches no directory."""

# RFC 4518 section 2.2: what a directory takes out of a name before it compares it, beside the format characters.
_NOTHING = re.compile(r"[\u034f\u180b-\u180d\ufe00-\ufe0f\ufffc]")
_DRESSED = re.compile(r"LATIN SMALL LETTER ([A-Z]) WITH ")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Account:
    """`name` and `domain` in lower case; `domain` is "" where there is none. `key` names it, `counted` is what limits count."""

    name: str
    domain: str = ""

    @property
    def key(self) -> str:
        return f"{self.domain}\\{self.name}" if self.domain else self.name

    @property
    def counted(self) -> str:
        """`key` without whatever some directory overlooks: accents, invisible characters, the number of blanks.

        Active Directory finds anna by `ánna` too. Two people with nearly the same name share their tries; that is the
        lesser evil, for else each accent would bring new tries at one password.
        """
        bare = unicodedata.normalize("NFKD", _NOTHING.sub("", self.key))
        letters = [c for c in bare if not unicodedata.combining(c) and unicodedata.category(c) != "Cf"]
        return " ".join("".join([_base(letter) for letter in "".join(letters).casefold()]).split())


def _base(letter: str) -> str:
    """The plain letter of one with a stroke or a bar, which no normal form takes apart: ø is an o to a directory."""
    dressed = _DRESSED.match(unicodedata.name(letter, "")) if letter > "\x7f" else None
    return dressed[1].lower() if dressed else letter


@dataclass(frozen=True, slots=True)
class Spellings:
    """How a directory's names are written.

    `domains` maps every accepted spelling of a domain (NetBIOS name, DNS name, UPN suffix), in lower case, to the
    canonical one; `usual` is the domain of who writes none. Without domains `user@host` is a name like any other.
    """

    domains: Mapping[str, str] = field(default_factory=dict)
    usual: str = ""

    def read(self, typed: str, chosen: str = "") -> Account | None:
        """The account that is meant; `None` for what is no name. A domain that is typed goes before a chosen one."""
        # Both are measured first: to put ten thousand accents in order takes a tenth of a second, on the event loop.
        if len(typed) > LONGEST or len(chosen) > LONGEST:
            return None
        text = unicodedata.normalize("NFKC", typed).strip().casefold()
        if not text or _UNPRINTABLE.search(text):
            return None
        if not self.domains:
            return Account(text)
        name, domain = _parted(text)
        asked = domain or unicodedata.normalize("NFKC", chosen).casefold() or self.usual
        canonical = self.domains.get(asked)
        return Account(name, canonical) if name and canonical is not None else None


def _parted(text: str) -> tuple[str, str]:
    """(name, domain) of the bare name, of `user@domain`, and of the form with a backslash."""
    if "\\" in text:
        domain, _, name = text.partition("\\")
        # With two of them, or with both forms at once, two readers could find two names in it.
        return ("", "") if "\\" in name or "@" in name or not domain else (name.strip(), domain.strip())
    name, sign, domain = text.rpartition("@")
    return (name.strip(), domain.strip()) if sign else (text, "")
