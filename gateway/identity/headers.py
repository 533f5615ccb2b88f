"""An identity as header lines for the application.

Laws:

1. Every configured header is in every answer, empty when unknown. One that is left out is one that the client may
   write itself, at proxies that copy only what is there (CVE-2026-30851).
2. A value can be read back in one way: what is encoded is percent-encoded UTF-8, `%` always is, and so is a comma
   inside an item of a list. `CN=Admins,OU=x` never becomes two groups.
3. No control gets through in any encoding: a name that holds a line end and `X-Auth-Groups: admin` is a strange name.
4. A value over its cap is sent empty, never cut: a list that ends in the middle says something else.
"""

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import quote

from gateway.identity.identity import Identity
from gateway.observe.events import Emit, Event, HeaderOverflowed
from gateway.settings.model import HeaderNames

HeaderLines: TypeAlias = tuple[tuple[bytes, bytes], ...]

MAX_VALUE = 3000  # bytes of one value
MAX_VALUES = 12_000  # bytes of all values: with names and status they fit a proxy buffer of 16 kB

FIELDS: Final = (
    "user",
    "subject",
    "email",
    "name",
    "groups",
    "provider",
    "expires",
    "assertion",
    "access_token",
    "id_token",
    "rule",
    "decision",
)
_TOKENS: Final = ("access_token", "id_token")
_NO_TOKENS: Final[Mapping[str, str]] = MappingProxyType({})
# So many identities are kept as they were written; the session cache hands out the same object for seconds.
_KEPT = 256
# What is given up first where all values together are too long. The others fit beside each other by their own caps.
_DISPENSABLE: Final = ("groups", "name", "email", "provider", "id_token", "access_token")

# Controls of ASCII and Latin-1, line ends of Unicode, halves of surrogate pairs, `%`, and spaces that a parser trims.
_UNSAFE = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff%]|^ +| +$"
_PATTERNS: Final = {
    "percent": (re.compile(r"[^\x21-\x24\x26-\x7e]+"), re.compile(r"[^\x21-\x24\x26-\x2b\x2d-\x7e]+")),
    "utf-8": (re.compile(_UNSAFE), re.compile(f"{_UNSAFE}|,")),
    "latin1": (re.compile(f"{_UNSAFE}|[^\x00-\xff]"), re.compile(f"{_UNSAFE}|,|[^\x00-\xff]")),
}


_CODECS: Final = {"percent": "ascii", "utf-8": "utf-8", "latin1": "latin-1"}


Emptied: TypeAlias = tuple[tuple[str, int], ...]
"""Names of headers, as they were written in the configuration, and the bytes that each would have had."""


class Written(NamedTuple):
    """Header lines, and those among them that are empty because they were too long."""

    lines: HeaderLines
    emptied: Emptied = ()

    def __repr__(self) -> str:
        # As of `Lines`: assertions and tokens are among them.
        return f"Written({len(self.lines)} headers, emptied={self.emptied})"


def _silent(event: Event) -> None:
    """Nobody listens."""


class IdentityHeaders:
    """Writes identities; each value that is over its cap is told to `emit`."""

    def __init__(self, names: Mapping[str, str], encoding: str, emit: Emit = _silent) -> None:
        self._keys = {field: names[field].lower().encode("ascii") for field in FIELDS if field in names}
        self._spelled = {field: names[field] for field in self._keys}
        self._scalar, self._item = _PATTERNS[encoding]
        self._codec = _CODECS[encoding]
        self._emit = emit
        self._nobody = tuple([(key, b"") for key in self._keys.values()])
        self._says_why = "rule" in self._keys or "decision" in self._keys
        self._kept: dict[int, tuple[Identity, dict[str, bytes]]] = {}

    @classmethod
    def of(
        cls, headers: HeaderNames, emit: Emit = _silent, tokens: Collection[str] = ()
    ) -> "IdentityHeaders":
        """From the configuration; a field whose name is null is left out everywhere.

        So is a token of the provider, unless it is among `tokens`: those that some rule hands through.
        """
        fields = [field for field in FIELDS if field not in _TOKENS or field in tokens]
        names = {field: name for field in fields if (name := getattr(headers, field))}
        return cls(names, headers.encoding, emit)

    @property
    def names(self) -> tuple[str, ...]:
        """The configured names, as they were written, in the order of `lines`."""
        return tuple(self._spelled.values())

    @property
    def name_decision(self) -> bool:
        """Whether the decision's id is among the lines, so that they differ from check to check."""
        return "decision" in self._keys

    def write(
        self,
        identity: Identity | None,
        expires: int,
        assertion: str,
        rule: str = "",
        decision_id: str = "",
        tokens: Mapping[str, str] = _NO_TOKENS,
    ) -> Written:
        """Every configured header, once, names in lower case.

        `expires` is the end of the session in Unix seconds, 0 where it has none. An e-mail address is written only if
        the provider has verified it. `rule` and `decision_id` say why the request passes, where they are switched on.
        `tokens` are those of the provider that this answer carries, by field.
        """
        if identity is None and not self._says_why:
            return Written(self._nobody)
        values: dict[str, bytes] = {
            **(self._person(identity) if identity else dict.fromkeys(FIELDS, b"")),
            "expires": b"%d" % expires if expires else b"",
            "assertion": assertion.encode("ascii"),
            **{field: self._text(tokens.get(field, "")) for field in _TOKENS if field in self._keys},
            "rule": rule.encode("ascii"),
            "decision": decision_id.encode("ascii"),
        }
        emptied = []
        for field in _over_cap({field: len(values[field]) for field in self._keys}):
            emptied.append((self._spelled[field], len(values[field])))
            values[field] = b""
        return Written(tuple([(key, values[field]) for field, key in self._keys.items()]), tuple(emptied))

    def tell(self, emptied: Emptied, rule: str, decision_id: str) -> None:
        """Say of each header that was sent empty how long it was."""
        for header, size in emptied:
            self._emit(HeaderOverflowed(header, size, rule, decision_id))

    def lines(
        self,
        identity: Identity | None,
        expires: int,
        assertion: str,
        *,
        rule: str = "",
        decision_id: str = "",
    ) -> HeaderLines:
        """As `write`, the lines alone, and told."""
        written = self.write(identity, expires, assertion, rule, decision_id)
        self.tell(written.emptied, rule, decision_id)
        return written.lines

    def _person(self, identity: Identity) -> dict[str, bytes]:
        # Kept by the object itself, which stays alive here: comparing two identities costs more than it saves.
        kept = self._kept.get(id(identity))
        if kept is not None:
            return kept[1]
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        values = self._written(identity)
        self._kept[id(identity)] = identity, values
        return values

    def _written(self, identity: Identity) -> dict[str, bytes]:
        return {
            "user": self._text(identity.user),
            "subject": self._text(identity.key),
            "email": self._text(identity.verified_email),
            "name": self._text(identity.name),
            "groups": b",".join([self._text(group, self._item) for group in identity.groups if group]),
            "provider": self._text(identity.provider),
        }

    def _text(self, text: str, unsafe: re.Pattern[str] | None = None) -> bytes:
        return (unsafe or self._scalar).sub(_percent, text).encode(self._codec)


def _percent(unsafe: re.Match[str]) -> str:
    # JSON can spell half a surrogate pair; it is encoded too, since an exception here would be a 500 at each check.
    return quote(unsafe[0], safe="", errors="surrogatepass")


def _over_cap(sizes: Mapping[str, int]) -> list[str]:
    """The fields to be sent empty: what is too long itself, then what makes all together too long."""
    total = sum(sizes.values())
    if total <= MAX_VALUE:
        return []
    dropped = [field for field, size in sizes.items() if size > MAX_VALUE]
    total -= sum([sizes[field] for field in dropped])
    for field in _DISPENSABLE:
        if total > MAX_VALUES and sizes.get(field) and field not in dropped:
            dropped.append(field)
            total -= sizes[field]
    return dropped
