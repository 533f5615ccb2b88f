"""A question that passed the gate, and what came of it."""

from typing import NamedTuple

from gateway.forward_auth.contracts.contract import Outcome, Question
from gateway.forward_auth.places import Client, Place
from gateway.forward_auth.verdicts import Verdict
from gateway.identity.presented import Head
from gateway.policy.target import Target
from gateway.sessions.presented_tickets import Presented

_AUTHORIZATION = frozenset({b"authorization"})


class Asked:
    """A question that passed the gate: what it asks for, what it brings, and who asks.

    All of it follows from the head, so it stays with a head that comes again, and so does what was made of it:
    `made` is the latest verdict that names nobody an application is told of, and the outcome that came of it here.
    """

    __slots__ = ("audience", "client", "head", "left", "made", "place", "presented", "question")

    def __init__(
        self,
        head: Head,
        question: Question,
        place: Place,
        client: Client,
        presented: Presented,
        left: tuple[bytes, ...] | None = None,
    ) -> None:
        self.head = head
        self.question = question
        self.place = place
        self.client = client
        self.presented = presented
        # What the application is to get of `Authorization`; `None` where no rule takes anything of it.
        self.left = left
        # Whom an assertion is for: the policy that the proxy named, else the host.
        self.audience = question.policy or place.target.host
        self.made: tuple[Verdict, Judged] | None = None

    @property
    def target(self) -> Target:
        return self.place.target

    @property
    def rest(self) -> int:
        """Bytes of what the application gets of the head."""
        return len(self.presented.rest) + sum(map(len, self.left or ()))

    @property
    def is_secret(self) -> bool:
        """Whether the head may hold a password, which serves elsewhere too: such a head is not kept."""
        rule = self.place.rule
        return rule is not None and "basic" in rule.schemes and self.head.has_any(_AUTHORIZATION)


class Judged(NamedTuple):
    """The outcome, and what the log and the metrics want to know about it.

    `subject` is the key of the identity that was judged; `detail` says more of `reason`, where there is more to say.
    """

    outcome: Outcome
    word: str
    reason: str
    rule: str = ""
    subject: str = ""
    detail: str = ""
