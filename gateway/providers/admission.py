"""Who may sign in through a provider: those whom its `allow:` lists."""

from dataclasses import dataclass

from gateway.errors import NotAllowed
from gateway.identity.identity import Identity
from gateway.policy.criteria import Criteria
from gateway.settings.model import ProviderSection


@dataclass(frozen=True, slots=True)
class Admission:
    """The `allow:` of one provider; `None` where none is written.

    Without `allow:` whoever signs in at the provider is welcome: a company's own provider has said who belongs to
    it, and for one where the public makes accounts `settings.checks` wants a word. Where `allow:` is written it
    counts, whatever `anyone` says.
    """

    allow: Criteria | None

    @classmethod
    def of(cls, section: ProviderSection) -> "Admission":
        return cls(None if section.allow is None else Criteria.of(section.allow))

    def admit(self, identity: Identity) -> None:
        """Return for a welcome person; raise `NotAllowed`, which names the lists that fail, for any other."""
        unmet = self.allow.unmet(identity) if self.allow is not None else ()
        if unmet:
            raise NotAllowed(
                identity.key, f"fails allow: of provider {identity.provider} ({', '.join(unmet)})"
            )
