"""An entry of a directory, as it came: bytes by attribute, whose names know no case (RFC 4512 section 2.5)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from gateway.providers.claims import Claims

Attributes = Mapping[str, tuple[bytes, ...]]

OBJECT_GUID = "objectguid"
# What the directory does not say of a login, and no attribute of that name may.
_OURS = frozenset({"acr", "amr", "auth_time", "sid", "groups"})


@dataclass(frozen=True, slots=True)
class Entry:
    """`attributes` are by name in lower case."""

    dn: str
    attributes: Attributes = field(default_factory=dict, repr=False)

    def values(self, attribute: str) -> tuple[bytes, ...]:
        return self.attributes.get(attribute.lower(), ())

    def texts(self, attribute: str) -> list[str]:
        """The values that are UTF-8; a photograph is none."""
        return [text for value in self.values(attribute) if (text := _text(value))]

    def number(self, attribute: str) -> int | None:
        """The first value, where it is a whole number."""
        texts = self.texts(attribute)
        digits = texts[0].removeprefix("-") if texts else ""
        return int(texts[0]) if digits.isascii() and digits.isdigit() and len(digits) <= 20 else None

    def name_for_ever(self, attribute: str) -> str:
        """The value of the key attribute as a text; "" where there is none, or more than one.

        `objectGUID` is 16 bytes, of which the first eight are three numbers with the low byte in front (MS-DTYP 2.3.4.2).
        """
        values = self.values(attribute)
        if len(values) != 1:
            return ""
        if attribute.lower() == OBJECT_GUID:
            return str(UUID(bytes_le=values[0])) if len(values[0]) == 16 else ""
        return _text(values[0])

    def claims(self, wanted: Iterable[str], **ours: Any) -> Claims:
        """The wanted attributes under the names that they are wanted by: one value as a text, several as a list."""
        found: dict[str, Any] = {}
        for name in wanted:
            texts = self.texts(name)
            if texts and name not in _OURS:
                found[name] = texts[0] if len(texts) == 1 else texts
        return {**found, **ours}


def key_bytes(attribute: str, name: str) -> bytes:
    """A name of `name_for_ever` as the directory has it. Raises `ValueError` for what is none."""
    return UUID(name).bytes_le if attribute.lower() == OBJECT_GUID else name.encode()


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return ""
