"""The form for a name and a password, as values."""

from dataclasses import dataclass, field

from gateway.pages.faults import FaultPage


@dataclass(frozen=True, slots=True)
class Field:
    """A place where the name may be known: what the form sends, and what a person reads."""

    value: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInForm:
    """What the form holds. There is no place for a password in it.

    `fields` are the places to choose among and `place` is the value of the chosen one. `problem` is what went wrong the
    last time, and `minutes` how long to wait, 0 where there is nothing to wait for. `hint` and `attempt` come back as
    they were: the providers that a rule asks for, and the state of a reauthentication. `why` is the reason for which the
    last session has ended, where that is told (`sessions.farewell`).
    """

    fields: tuple[Field, ...] = ()
    place: str = ""
    name: str = field(default="", repr=False)
    hint: str = ""
    attempt: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    problem: FaultPage | None = None
    minutes: int = 0
    why: str = ""

    @property
    def status(self) -> int:
        return self.problem.status if self.problem else 200
