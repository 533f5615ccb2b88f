"""Claims, as a provider sends them: read with suspicion.

A claim of the wrong type, or with control characters in it, counts as absent; nothing here guesses. How they become
a person stands in `providers.reading`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from gateway.errors import ProviderLied
from gateway.policy.criteria import read_email as plain_address
from gateway.settings.provider_section import ClaimPaths

Claims: TypeAlias = Mapping[str, Any]

LONGEST_TEXT = 1024
LONGEST_SID = 255

# C0, DEL, C1, line and paragraph separators, marks that turn the direction of text, and halves of surrogate pairs
# (which JSON can write and UTF-8 cannot).
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
# OpenID Connect Core section 2: at most 255 ASCII characters.
_SUBJECT = re.compile(r"[\x20-\x7e]{1,255}")
_PICTURE = re.compile(r"https://([a-z0-9-]+(?:\.[a-z0-9-]+)+)/[A-Za-z0-9/_.~%=&?:+,;@-]*")


def subject(provider: str, claims: Claims) -> str:
    """The `sub` of an ID token, or `ProviderLied`."""
    value = claims.get("sub")
    if not isinstance(value, str) or not _SUBJECT.fullmatch(value):
        raise ProviderLied(provider, "sub")
    return value


def named_subject(provider: str, claims: Claims, path: str) -> str:
    """What names a person at a provider without ID tokens, or `ProviderLied`. Whole numbers are names too."""
    value = find(claims, path)
    # A fraction has lost digits on its way, and so could name somebody else; so could a number that was one.
    plain = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(plain, str) or not _SUBJECT.fullmatch(plain):
        raise ProviderLied(provider, f"subject: claim {path} is missing or not a name")
    return plain


def provider_sid(claims: Claims) -> str:
    """What the provider calls its own session (OpenID Connect Back-Channel Logout 1.0 section 2.1); "" for none."""
    value = text(claims.get("sid"))
    return value if len(value) <= LONGEST_SID else ""


def find(claims: Claims, path: str) -> Any:
    """A claim by name, or by a dotted path into objects; `None` where there is none.

    The longest name goes first: names such as `https://example.com/groups` have dots of their own, and so have ids
    of clients.
    """
    if not path:
        return None
    steps = path.split(".")
    for end in range(len(steps), 0, -1):
        name = ".".join(steps[:end])
        if name not in claims:
            continue
        value = claims[name]
        if end == len(steps):
            return value
        if isinstance(value, Mapping):
            return find(value, ".".join(steps[end:]))
    return None


def text(value: Any) -> str:
    """A printable string of sane length, else "".

    With blanks around it, it is none: cut off, they would make one name of two, and `admins ` a group of admins.
    """
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or _UNPRINTABLE.search(value):
        return ""
    return value if value == value.strip() else ""


def trimmed(value: Any) -> Any:
    """For what is only shown, or is compared as an address, blanks around it mean nothing."""
    return value.strip() if isinstance(value, str) else value


def names(value: Any) -> Iterator[str]:
    """The printable strings of a list, or one string alone; anything of another type is dropped."""
    items = [value] if isinstance(value, str) else value
    if isinstance(items, (list, tuple)):
        yield from (name for item in items if (name := text(item)))


def seconds(value: Any) -> int:
    """A NumericDate, 0 where it is none or absurd."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0
    return int(value) if 0 < value < 2**40 else 0


def read_email(documents: Sequence[Claims], paths: ClaimPaths) -> tuple[str, bool]:
    """The address and whether the provider vouches for it, both out of the same document."""
    for claims in documents:
        found = find(claims, paths.email)
        if found is not None:
            address = text(trimmed(found))
            # What policy cannot read as one plain address is none (GHSA-c5c4-8r6x-56w3: a@evil.test@example.com).
            well_formed = address if plain_address(address)[0] else ""
            # Some providers send the flag as a string; nothing but true and "true" is a yes.
            flag = find(claims, paths.email_verified) if paths.email_verified else None
            return well_formed, bool(well_formed) and (flag is True or flag == "true")
    return "", False


def picture(url: str, hosts: Sequence[str]) -> str:
    """The address of a picture that stands on one of `hosts` (exact, or `*.suffix`), else "".

    It comes from a stranger and goes into headers and pages: plain https, nothing that a parser could read twice.
    """
    match = _PICTURE.fullmatch(url) if len(url) <= LONGEST_TEXT else None
    host = match[1] if match else ""
    fits = any(host == one or (one.startswith("*.") and host.endswith(one[1:])) for one in hosts)
    return url if host and fits else ""


def shown(documents: Sequence[Claims], path: str) -> str:
    """A text that is only shown, of the first document that has it; "" for none."""
    return next((value for claims in documents if (value := text(trimmed(find(claims, path))))), "")


def first_text(documents: Sequence[Claims], path: str) -> str:
    """A text of the first document that has it; "" for none."""
    return next((value for claims in documents if (value := text(find(claims, path)))), "")
