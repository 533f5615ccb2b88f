r"""Search filters (RFC 4515), made of text that strangers have typed.

A value is escaped whole: whatever is no ASCII letter or digit becomes `\xx`, so that no reader of filters, the library's
or the directory's, finds a star, a parenthesis, a blank or an escape in it that it could take for its own.
"""

import re
from collections.abc import Iterable, Mapping

_PLAIN = re.compile(rb"[A-Za-z0-9]")
_PLACEHOLDER = re.compile(r"\{([A-Za-z][A-Za-z0-9-]*)\}")
# One assertion with placeholders in its value. Parentheses of its own a value cannot have (RFC 4515 section 3).
_ASKING = re.compile(r"\(\s*([A-Za-z][A-Za-z0-9-]*)[^()=]*=[^()]*\{[A-Za-z][A-Za-z0-9-]*\}[^()]*\)")

IN_CHAIN = "1.2.840.113556.1.4.1941"
"""The matching rule that walks through groups of groups (MS-ADTS 3.1.1.3.4.4.3)."""


def escaped(value: str | bytes) -> str:
    """A value, for the right side of an assertion."""
    raw = value if isinstance(value, bytes) else value.encode()
    return "".join([chr(byte) if _PLAIN.match(raw, at) else f"\\{byte:02x}" for at, byte in enumerate(raw)])


def equals(attribute: str, value: str | bytes) -> str:
    return f"({attribute}={escaped(value)})"


def any_of(parts: Iterable[str]) -> str:
    return f"(|{''.join(parts)})"


def filled(template: str, values: Mapping[str, str]) -> str:
    """A filter of the configuration, with values in it. A placeholder without a value stands for what nothing equals."""
    # NUL is in no attribute of a person: an empty value would be a filter of its own, or a fault in it.
    return _PLACEHOLDER.sub(lambda match: escaped(values.get(match[1]) or "\0"), template)


def anybody(template: str) -> str:
    """The same filter for whomever it could find: what is compared with a placeholder may have any value."""
    return _ASKING.sub(r"(\1=*)", template)


def compared(template: str, placeholder: str) -> tuple[str, ...]:
    """The attributes that a filter of the configuration compares with a placeholder."""
    return tuple([match[1] for match in _ASKING.finditer(template) if f"{{{placeholder}}}" in match[0]])


def placeholders(template: str) -> list[str]:
    return _PLACEHOLDER.findall(template)


def person_filter(name: str, suffixes: Iterable[str]) -> str:
    """A person of Active Directory by either name. The suffixes are all that a UPN of this domain may end with."""
    names = [
        equals("sAMAccountName", name),
        *[equals("userPrincipalName", f"{name}@{one}") for one in suffixes],
    ]
    return f"(&(objectCategory=person)(objectClass=user){any_of(names)})"
