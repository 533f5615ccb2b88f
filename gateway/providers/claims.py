"""Claims, as a provider sends them: read with suspicion, and written down as an Identity.

A claim of the wrong type, or with control characters in it, counts as absent. What is absent and needed is refused
by name; nothing here guesses.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from gateway.errors import ProviderLied
from gateway.identity.identity import Identity
from gateway.policy.criteria import read_email as plain_address

Claims: TypeAlias = Mapping[str, Any]

LONGEST_TEXT = 1024
MOST_NAMES = 1000
LONGEST_SID = 255

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
# C0, DEL, C1, line and paragraph separators, marks that turn the direction of text, and halves of surrogate pairs
# (which JSON can write and UTF-8 cannot).
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
# OpenID Connect Core section 2: at most 255 ASCII characters.
_SUBJECT = re.compile(r"[\x20-\x7e]{1,255}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the claims of one provider become an identity."""

    provider: str
    issuer: str
    user: str  # the template of X-Auth-User
    groups_claim: str
    several: bool  # whether other providers are configured too, so that groups need a qualifier

    def lacks(self, claims: Claims) -> bool:
        """Whether something that userinfo could add is missing."""
        wanted = [*_PLACEHOLDER.findall(self.user), self.groups_claim, "email"]
        return any(find(claims, path) is None for path in wanted)

    def identity(self, id_token: Claims, userinfo: Claims, authenticated_at: int) -> Identity:
        """Who this is. The signed document speaks first. `authenticated_at` serves where `auth_time` is absent.

        Raises `ProviderLied` with the claim that is missing.
        """
        documents = (id_token, userinfo)
        email, verified = read_email(documents)
        return Identity(
            provider=self.provider,
            issuer=self.issuer,
            subject=subject(self.provider, id_token),
            user=self._user(documents, verified),
            authenticated_at=seconds(id_token.get("auth_time")) or authenticated_at,
            email=email,
            email_verified=verified,
            name=_name(documents),
            groups=self._groups(documents),
            acr=text(id_token.get("acr")),
            amr=tuple([item for item in names(id_token.get("amr")) if item]),
            sid=provider_sid(id_token),
        )

    def _user(self, documents: Sequence[Claims], verified: bool) -> str:
        def fill(match: re.Match[str]) -> str:
            path = match[1]
            # Anybody may write anybody's address into a profile. As a name it must be vouched for like an e-mail.
            if path == "email" and not verified:
                raise ProviderLied(self.provider, "user_template: claim email is not a verified address")
            value = _first_text(documents, path)
            if not value:
                raise ProviderLied(self.provider, f"user_template: claim {path} is missing or not a text")
            return value

        return _PLACEHOLDER.sub(fill, self.user)

    def _groups(self, documents: Sequence[Claims]) -> tuple[str, ...]:
        found = next(
            (value for claims in documents if (value := find(claims, self.groups_claim)) is not None), ()
        )
        groups = tuple(dict.fromkeys(names(found)))
        # A list that is cut short would silently take rights away; the operator must hear of it.
        if len(groups) > MOST_NAMES:
            raise ProviderLied(self.provider, f"{self.groups_claim}: more than {MOST_NAMES} groups")
        return tuple([f"{self.provider}:{group}" for group in groups]) if self.several else groups


def subject(provider: str, claims: Claims) -> str:
    """The `sub` of a document, or `ProviderLied`."""
    value = claims.get("sub")
    if not isinstance(value, str) or not _SUBJECT.fullmatch(value):
        raise ProviderLied(provider, "sub")
    return value


def provider_sid(claims: Claims) -> str:
    """What the provider calls its own session (OpenID Connect Back-Channel Logout 1.0 section 2.1); "" for none."""
    value = text(claims.get("sid"))
    return value if len(value) <= LONGEST_SID else ""


def find(claims: Claims, path: str) -> Any:
    """A claim by name, or by a dotted path into objects; `None` where there is none.

    A literal name goes first: names such as `https://example.com/groups` have dots of their own.
    """
    if path in claims:
        return claims[path]
    value: Any = claims
    for step in path.split("."):
        if not isinstance(value, Mapping) or step not in value:
            return None
        value = value[step]
    return value


def text(value: Any) -> str:
    """A printable string of sane length, else "".

    With blanks around it, it is none: cut off, they would make one name of two, and `admins ` a group of admins.
    """
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or _UNPRINTABLE.search(value):
        return ""
    return value if value == value.strip() else ""


def _trimmed(value: Any) -> Any:
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


def read_email(documents: Sequence[Claims]) -> tuple[str, bool]:
    """The address and whether the provider vouches for it, both out of the same document."""
    for claims in documents:
        if claims.get("email") is not None:
            address = text(_trimmed(claims["email"]))
            # What policy cannot read as one plain address is none (GHSA-c5c4-8r6x-56w3: a@evil.test@example.com).
            well_formed = address if plain_address(address)[0] else ""
            # Some providers send the flag as a string; nothing but true and "true" is a yes.
            flag = claims.get("email_verified")
            return well_formed, bool(well_formed) and (flag is True or flag == "true")
    return "", False


def _name(documents: Sequence[Claims]) -> str:
    return next((value for claims in documents if (value := text(_trimmed(claims.get("name"))))), "")


def _first_text(documents: Sequence[Claims], path: str) -> str:
    return next((value for claims in documents if (value := text(find(claims, path)))), "")
