"""Which tokens of a login are kept: those for which somebody has a use, and which are proven to be this person's."""

from dataclasses import dataclass, replace

from gateway.errors import ProviderFault, ProviderLied, ProviderRefused, ProviderUnavailable
from gateway.providers.discovery import Metadata
from gateway.providers.oauth import Tokens
from gateway.providers.provider import Refreshed
from gateway.sessions.session import Grant

# What a provider says of the person themselves, with a token that it knows: they are none of those any more.
_OUT = frozenset({"account_disabled", "not_a_member", "wrong_tenant", "visitor"})


@dataclass(frozen=True, slots=True)
class Keeping:
    """`handed` are the tokens (access_token, id_token) that a rule hands through."""

    provider: str
    handed: frozenset[str]

    def grant(self, metadata: Metadata, tokens: Tokens, now: int) -> Grant:
        """What is worth keeping: tokens for a refresh, where there can be one, for a rule, and the hint for a logout."""
        access = bool(tokens.refresh_token) or "access_token" in self.handed
        hint = bool(metadata.end_session_endpoint) or "id_token" in self.handed
        return Grant(
            provider=self.provider,
            access_token=tokens.access_token if access else "",
            refresh_token=tokens.refresh_token,
            id_token=tokens.id_token if hint else "",
            begun=now,
            expires=tokens.expires if access else 0,
            scope=tokens.scope,
        )

    def renewed(self, metadata: Metadata, grant: Grant, tokens: Tokens, now: int) -> Grant:
        """The grant after a refresh. No new refresh token means that the old one goes on (RFC 6749 section 6)."""
        kept = replace(tokens, refresh_token=tokens.refresh_token or grant.refresh_token)
        fresh = self.grant(metadata, kept, now)
        return replace(fresh, id_token=fresh.id_token or grant.id_token, scope=fresh.scope or grant.scope)


def unproven(renewed: Grant, fault: ProviderFault, id_token: str = "") -> Refreshed:
    """What is left of a refresh that brought tokens and no proof of whose they are: the person stays as was proven.

    `id_token` is the latest that was proven.
    """
    if isinstance(fault, ProviderRefused) and fault.reason in _OUT:
        return Refreshed(renewed, barred=True)
    # What came with a lie may be somebody else's (Core section 12.2), and applications would take it for this
    # person's. An outage has said nothing of the kind. The refresh token is kept in any case: the old one may be spent.
    access = "" if isinstance(fault, ProviderLied) else renewed.access_token
    alarm = "" if isinstance(fault, ProviderUnavailable) else str(fault)
    return Refreshed(replace(renewed, access_token=access, id_token=id_token), alarm=alarm)
