"""A refresh in the air, and where it lands."""

from dataclasses import dataclass, field

from gateway.sessions.cookie import Ticket
from gateway.sessions.lease import Lease
from gateway.sessions.renewal import Failed
from gateway.sessions.session import Grants, Session


@dataclass(frozen=True, slots=True)
class Failure:
    """A provider that gave no new tokens; it was asked at `began`, in Unix seconds."""

    provider: str
    failed: Failed
    began: float


@dataclass(frozen=True, slots=True)
class Landed:
    """A flight is over: with this session, or with none."""

    session: Session | None


@dataclass(slots=True)
class Flight:
    """`session` and `grants` are those of its last commit.

    `doubtful`: when it began, an earlier holder of the lease had never told what came of its request.
    """

    ticket: Ticket
    session: Session
    grants: Grants = field(default_factory=dict, repr=False)
    lease: Lease | None = None
    doubtful: bool | None = None
    failures: list[Failure] = field(default_factory=list)

    @property
    def definite(self) -> bool:
        """Whether no token can have been spent whose successor is not written down."""
        return not self.doubtful and all(one.failed.definite for one in self.failures)
