"""Who may sign in through a provider: those whom its `allow:` lists."""

from gateway.errors import NotAllowed
from gateway.identity.identity import Identity
from gateway.policy.criteria import Criteria
from gateway.settings.model import OidcProvider


def admit(section: OidcProvider, identity: Identity) -> None:
    """Return for a welcome person; raise `NotAllowed`, which names the lists that fail, for any other.

    Without `allow:` whoever signs in at the provider is welcome: a company's own provider has said who belongs to
    it, and for one where the public makes accounts `settings.checks` wants a word. Where `allow:` is written it
    counts, whatever `anyone` says.
    """
    if section.allow is None:
        return
    unmet = Criteria.of(section.allow).unmet(identity)
    if unmet:
        raise NotAllowed(f"{identity.key} fails allow: of provider {identity.provider} ({', '.join(unmet)})")
