"""The two people of the demo."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom the demo identity provider knows. `about` is shown beside the name."""

    subject: str
    user: str
    name: str
    email: str
    groups: tuple[str, ...]
    about: str

    @property
    def initials(self) -> str:
        return "".join([part[0] for part in self.name.split()[:2]])


ADA = Person("1001", "ada", "Ada Admin", "ada@demo.example", ("admins", "staff"), "may open every page")
BEN = Person("1002", "ben", "Ben User", "ben@demo.example", ("staff",), "may not open /admin")

PEOPLE = (ADA, BEN)
