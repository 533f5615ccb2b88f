"""How the claims of one provider become a person: an Identity, and nobody else's.

What is absent and needed is refused by name. Groups and names come with whatever keeps them apart from those of
another provider.
"""

import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import NotAllowed, ProviderLied
from gateway.identity.identity import Identity
from gateway.providers.claims import (
    Claims,
    find,
    first_text,
    names,
    picture,
    provider_sid,
    read_email,
    seconds,
    shown,
    text,
)
from gateway.settings.provider_section import ClaimPaths, GroupsFrom, ProviderSection
from gateway.settings.section import WORD

MOST_NAMES = 1000

_QUALIFIED = re.compile(WORD.removesuffix("$") + ":")
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Groups:
    """Where the groups of a person stand, and which of them count; `keep` are globs, none keeps all.

    `qualified`: written `provider:group`, so that `admins` of one provider are not those of another. `several`:
    other providers write theirs so.
    """

    places: tuple[GroupsFrom, ...]
    keep: re.Pattern[str] | None
    qualified: bool
    several: bool

    @classmethod
    def of(cls, section: ProviderSection, *, several: bool) -> "Groups":
        globs = [fnmatch.translate(glob) for glob in section.keep_groups]
        qualified = several if section.qualify_groups is None else section.qualify_groups
        return cls(section.groups_claim, re.compile("|".join(globs)) if globs else None, qualified, several)

    def read(self, provider: str, documents: Sequence[Claims]) -> tuple[str, ...]:
        """The final names. Raises `ProviderLied` where there are more than we carry."""
        found = [name for place in self.places for name in self._named(place, documents)]
        kept = [name for name in dict.fromkeys(found) if self.keep is None or self.keep.match(name)]
        # A list that is cut short would silently take rights away; the operator must hear of it.
        if len(kept) > MOST_NAMES:
            paths = ", ".join([place.path for place in self.places])
            raise ProviderLied(provider, f"{paths}: more than {MOST_NAMES} groups", reason="overage")
        return tuple([f"{provider}:{name}" for name in kept]) if self.qualified else tuple(kept)

    def _named(self, place: GroupsFrom, documents: Sequence[Claims]) -> Iterator[str]:
        # The first document that knows the claim speaks, as everywhere: two lists are never added up.
        found = next((value for claims in documents if (value := find(claims, place.path)) is not None), ())
        for name in names(found):
            rest = name.removeprefix(place.strip)
            named = f"{place.prefix}{rest}"
            # Bare, a group that somebody called `corp:admins` would be the admins of the provider corp; a prefix that
            # has the colon itself is the operator's word, and `settings.checks` knows the providers.
            bare = self.several and not self.qualified and ":" not in place.prefix
            feigned = (bare and _QUALIFIED.match(named)) or named.startswith(self._longer(place))
            if rest and not feigned:
                yield named

    def _longer(self, place: GroupsFrom) -> tuple[str, ...]:
        """The prefixes of other places that a name of this one must not begin with: a group `role:admin` is no role."""
        prefixes = [one.prefix for one in self.places if one.prefix != place.prefix]
        return tuple([prefix for prefix in prefixes if prefix.startswith(place.prefix)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the claims of one provider become an identity. `user` is the template of X-Auth-User."""

    provider: str
    issuer: str
    user: str
    groups: Groups
    paths: ClaimPaths
    required: Mapping[str, tuple[str, ...]]
    avatar_hosts: tuple[str, ...]

    @classmethod
    def of(
        cls, section: ProviderSection, provider: str, issuer: str, paths: ClaimPaths, *, several: bool
    ) -> "Reading":
        return cls(
            provider=provider,
            issuer=issuer,
            user=section.user,
            groups=Groups.of(section, several=several),
            paths=paths,
            required=section.required_claims,
            avatar_hosts=section.avatar_hosts,
        )

    def lacks(self, claims: Claims) -> bool:
        """Whether something that another document could add is missing."""
        return any(find(claims, path) is None for path in self._needed() if path)

    def wanted(self) -> tuple[str, ...]:
        """Every path that an identity is read from: for a source that sends what it is asked for."""
        shown = (self.paths.name, self.paths.email_verified, self.paths.picture)
        return tuple(dict.fromkeys([path for path in (*self._needed(), *shown) if path]))

    def _needed(self) -> tuple[str, ...]:
        places = [place.path for place in self.groups.places]
        return (*_PLACEHOLDER.findall(self.user), *places, *self.required, self.paths.email)

    def identity(
        self, documents: Sequence[Claims], person: tuple[str, str], authenticated_at: int
    ) -> Identity:
        """Who this is. The first document speaks first: the signed one, where there is one.

        `person` is (tenant, subject).
        `authenticated_at` serves where it does not say `auth_time`. Raises `ProviderLied` with the claim that is
        missing, and `NotAllowed` where one is that the operator demands.
        """
        first, (tenant, subject) = documents[0], person
        email, verified = read_email(documents, self.paths)
        identity = Identity(
            provider=self.provider,
            issuer=self.issuer,
            subject=subject,
            tenant=tenant,
            user=self._user(documents, email if verified else ""),
            authenticated_at=seconds(first.get("auth_time")) or authenticated_at,
            email=email,
            email_verified=verified,
            name=shown(documents, self.paths.name),
            groups=self.groups.read(self.provider, documents),
            acr=text(first.get("acr")),
            amr=tuple([item for item in names(first.get("amr")) if item]),
            sid=provider_sid(first),
            picture=picture(shown(documents, self.paths.picture), self.avatar_hosts),
        )
        self._demand(identity, documents)
        return identity

    def _demand(self, identity: Identity, documents: Sequence[Claims]) -> None:
        for path, accepted in self.required.items():
            found = next((value for claims in documents if (value := find(claims, path)) is not None), None)
            held = {_written(value) for value in (found if isinstance(found, (list, tuple)) else [found])} - {
                ""
            }
            # Fail closed: absent, empty or of another type is as good as wrong.
            if not (held & set(accepted) if accepted else held):
                raise NotAllowed(identity.key, f"lacks the claim {path} (required_claims)", "claim_missing")

    def _user(self, documents: Sequence[Claims], address: str) -> str:
        """The name, from a template. `address` is the verified one; "" where there is none."""

        def fill(match: re.Match[str]) -> str:
            path = match[1]
            # Anybody may write anybody's address into a profile. As a name it must be vouched for like an e-mail.
            if path in {"email", self.paths.email}:
                if address and path == self.paths.email:
                    return address  # and not the claim of another document, for which nobody has vouched
                raise ProviderLied(
                    self.provider,
                    "user_template: claim email is not a verified address",
                    reason="unverified_email",
                )
            value = first_text(documents, path)
            if not value:
                raise ProviderLied(
                    self.provider,
                    f"user_template: claim {path} is missing or not a text",
                    reason="claim_missing",
                )
            return value

        return _PLACEHOLDER.sub(fill, self.user)


def _written(value: Any) -> str:
    """A claim as the configuration writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else text(value)
