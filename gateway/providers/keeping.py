"""Which tokens of an OpenID Connect login are kept: those for which somebody has a use, and no others."""

from dataclasses import dataclass, replace

from gateway.providers.discovery import Metadata
from gateway.providers.oauth import Tokens
from gateway.sessions.session import Grant


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
