"""GitLab: OpenID Connect whose ID token knows little, and whose refresh wants to hear where the login came back to.

Source: GitLab's documents "OAuth 2.0 identity provider API" and "GitLab as OpenID Connect identity provider". All
groups of a person, inherited ones too, are in userinfo alone. Its ID tokens live for two minutes: nothing here lasts as
long as one of them, or ends with it.
"""

from collections.abc import Mapping
from dataclasses import replace

from gateway.errors import NotAllowed, ProviderFault
from gateway.identity.identity import Identity
from gateway.providers.documents import userinfo
from gateway.providers.keeping import unproven
from gateway.providers.oauth import Tokens
from gateway.providers.oidc import Oidc
from gateway.providers.provider import Flow, Refreshed
from gateway.sessions.session import Grant


class GitLab(Oidc):
    """A section of type gitlab."""

    def _refresh_form(self, grant: Grant) -> Mapping[str, str]:
        # Beyond RFC 6749 section 6: without the address of the login it answers invalid_grant, and that would end
        # the session.
        return {**super()._refresh_form(grant), "redirect_uri": self._callback}

    def _unsigned(self, grant: Grant, identity: Identity) -> Flow[Refreshed]:
        """Groups are read again all the same. Where that fails, nothing new is known, and nothing is taken back."""
        try:
            return Refreshed(grant, (yield from self._read_again(grant, identity)))
        except NotAllowed:
            return Refreshed(grant, barred=True)
        except ProviderFault as fault:
            return unproven(grant, fault, grant.id_token)

    def _read_again(self, grant: Grant, identity: Identity) -> Flow[Identity]:
        """The person of the session, as userinfo describes them now."""
        metadata = yield from self._discover()
        tokens, proven = Tokens(access_token=grant.access_token), {"sub": identity.subject}
        found = yield from userinfo(self._name, metadata, tokens, proven)
        again = self._reading.identity((found,), ("", identity.subject), identity.authenticated_at)
        # Strength and session belong to the login, of which userinfo says nothing.
        return replace(
            again,
            authenticated_at=identity.authenticated_at,
            acr=identity.acr,
            amr=identity.amr,
            sid=identity.sid,
        )
