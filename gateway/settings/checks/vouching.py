"""Names and addresses that a section builds on: somebody must vouch for them, or they are whatever a person writes."""

import re
from collections.abc import Iterator

from gateway.settings.fault import Fault, YamlPath
from gateway.settings.model import ClientSection, Settings

_CLAIM = re.compile(r"\{([^{}]+)\}")

# What people call themselves (OpenID Connect Core section 5.7: none of these is unique, and none of them stays).
_SHOWN = frozenset({"name", "nick", "nickname", "global_name", "given_name", "family_name", "en_name"})


def addresses_are_vouched_for(settings: Settings) -> Iterator[Fault]:
    """Verified addresses alone count. Where nothing says that one is, what asks for one lets nobody in."""
    for name, provider in settings.providers.items():
        if not isinstance(provider, ClientSection) or provider.claims.email_verified:
            continue
        asking: list[YamlPath] = [
            ("allow", key)
            for key in ("emails", "email_domains")
            if provider.allow is not None and getattr(provider.allow, key)
        ]
        if {"email", provider.claims.email} & set(_CLAIM.findall(provider.user)):
            asking.append(("user",))
        for place in asking:
            yield Fault(
                ("providers", name, *place),
                "asks for a verified address, and no claim of this provider says that one is",
                "write claims: {email_verified: CLAIM} if one does, else go by something other than addresses",
            )


def names_are_more_than_shown(settings: Settings) -> Iterator[Fault]:
    """Two people may show the same name, and at many providers everybody chooses theirs."""
    for name, provider in settings.providers.items():
        claims = set(_CLAIM.findall(provider.user))
        if claims and claims <= _SHOWN:
            yield Fault(
                ("providers", name, "user"),
                "is a name that two people may show, so that one could pass as the other",
                "write a claim that nobody else can have, or add one",
            )
