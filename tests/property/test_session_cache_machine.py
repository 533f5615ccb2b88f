"""Reads, ends and notices in any order: an ended session is not served once its notice is heard, nor past the bound."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.sessions.cache import Cache, Mark
from gateway.sessions.cookie import Ticket
from gateway.sessions.person import person_of
from gateway.sessions.session import Session
from gateway.storage.bus import About, Notice
from tests.kit.people import person

NOW, TTL = 1_800_000_000, 5.0
PEOPLE = [person("a"), person("b")]
ANY = st.integers(min_value=0, max_value=99)


def ticket(number: int) -> Ticket:
    return Ticket("k1", NOW, number.to_bytes(32, "big"))


def session(number: int) -> Session:
    """Every other one is of the same person."""
    return Session(
        id=f"s{number}",
        identities=(PEOPLE[number % 2],),
        created=NOW,
        absolute_end=NOW + 86_400,
        version=1,
        seen=NOW,
    )


@dataclass
class Read:
    """One in flight: begun, perhaps answered by the store, not yet come back."""

    number: int
    mark: Mark
    found: Session | None = None


@dataclass
class Replica:
    cache: Cache = field(default_factory=lambda: Cache(TTL, 30.0, capacity=9000))
    waiting: list[Read] = field(default_factory=list)
    answered: list[Read] = field(default_factory=list)
    inbox: list[Notice] = field(default_factory=list)
    knows: set[int] = field(default_factory=set)


class Replicas(RuleBasedStateMachine):
    """Two processes and one store; the first process is where people sign out."""

    @initialize()
    def begin(self) -> None:
        self.ticks = 100.0
        self.ended: dict[int, float] = {}
        self.replicas = [Replica(), Replica()]
        self.begun = 2

    @rule()
    def somebody_signs_in(self) -> None:
        self.begun += 1

    @rule(at=st.integers(0, 1), which=ANY)
    def a_check_begins_to_read(self, at: int, which: int) -> None:
        replica = self.replicas[at]
        replica.waiting.append(Read(self._one(which), replica.cache.mark(self.ticks)))

    @precondition(lambda self: self._with_one("waiting"))
    @rule(which=ANY)
    def the_store_answers(self, which: int) -> None:
        replica = self._pick("waiting", which)
        read = replica.waiting.pop(which % len(replica.waiting))
        read.found = None if read.number in self.ended else session(read.number)
        replica.answered.append(read)

    @precondition(lambda self: self._with_one("answered"))
    @rule(which=ANY)
    def the_answer_comes_back(self, which: int) -> None:
        replica = self._pick("answered", which)
        read = replica.answered.pop(which % len(replica.answered))
        replica.cache.put(ticket(read.number), read.found, NOW + 60, read.mark)

    def _with_one(self, name: str) -> list[Replica]:
        return [replica for replica in self.replicas if getattr(replica, name)]

    def _pick(self, name: str, which: int) -> Replica:
        ones = self._with_one(name)
        return ones[which % len(ones)]

    def _one(self, which: int) -> int:
        """A session; the latest ones more often."""
        return max(self.begun - 1 - which % 4, 0)

    @rule(which=ANY)
    def somebody_signs_out(self, which: int) -> None:
        number = self._one(which)
        self._end([number], Notice(About.SESSION, f"s{number}"))

    @rule(whose=st.integers(0, 1))
    def all_sessions_of_somebody_are_ended(self, whose: int) -> None:
        theirs = range(whose, self.begun, 2)
        self._end(theirs, Notice(About.PERSON, person_of(PEOPLE[whose])))

    def _end(self, numbers: Iterable[int], notice: Notice) -> None:
        for number in numbers:
            self.ended.setdefault(number, self.ticks)
        self._hear(self.replicas[0], notice)
        self.replicas[1].inbox.append(notice)

    @precondition(lambda self: self.replicas[1].inbox)
    @rule()
    def a_notice_arrives(self) -> None:
        self._hear(self.replicas[1], self.replicas[1].inbox.pop(0))

    @rule()
    def the_bus_was_cut_and_is_back(self) -> None:
        self.replicas[1].inbox.clear()
        self._hear(self.replicas[1], Notice(About.ALL))

    def _hear(self, replica: Replica, notice: Notice) -> None:
        replica.cache.hear(notice)
        told = {
            number
            for number in self.ended
            if notice in (Notice(About.ALL), Notice(About.SESSION, f"s{number}"))
            or notice == Notice(About.PERSON, person_of(PEOPLE[number % 2]))
        }
        replica.knows |= told

    @rule(seconds=st.sampled_from([1.0, 5.0]))
    def time_passes(self, seconds: float) -> None:
        self.ticks += seconds

    @invariant()
    def no_ended_session_is_served(self) -> None:
        for replica in self.replicas:
            for number, moment in self.ended.items():
                served = replica.cache.get(ticket(number), self.ticks, NOW)
                kept = replica.cache.kept(ticket(number), self.ticks)
                if number in replica.knows:
                    assert not isinstance(served, Session), "its notice was heard"
                    assert kept is None, "its notice was heard"
                if isinstance(served, Session):
                    assert self.ticks - moment < TTL, "it ended longer ago than a memory is used"

    @invariant()
    def no_live_session_is_denied_for_long(self) -> None:
        for replica in self.replicas:
            for number in set(range(self.begun)) - self.ended.keys():
                assert replica.cache.get(ticket(number), self.ticks, NOW) is not None

    @invariant()
    def its_bytes_are_counted(self) -> None:
        for replica in self.replicas:
            assert 0 <= replica.cache.weight <= 9000
            assert (replica.cache.weight == 0) == (len(replica.cache) == 0)


TestReplicas = Replicas.TestCase
TestReplicas.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
