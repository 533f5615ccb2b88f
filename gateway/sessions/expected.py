"""Of whom a session is, as this process saw it last: so that what overrides them can be asked for beside the record.

It is a guess, and never believed. Who somebody is stands in the sealed record alone; whoever asked beside it for the
rights of others asks again.
"""

from collections import OrderedDict

MOST = 10_000
"""Sessions, at some 400 bytes each: of those seen last. For the others a check asks the store twice."""


class Expected:
    """People by the id of a session; names as the store calls them."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._people: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def of(self, sid: str) -> tuple[str, ...]:
        people = self._people.get(sid)
        if people is None:
            return ()
        self._people.move_to_end(sid)
        return people

    def note(self, sid: str, people: tuple[str, ...]) -> None:
        self._people[sid] = people
        if len(self._people) > self._most:
            self._people.popitem(last=False)

    def forget(self, sid: str) -> None:
        self._people.pop(sid, None)
