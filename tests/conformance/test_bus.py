"""What every bus must do: carry notices, and know when it does not. Two of each backend, as two processes have them."""

import itertools
import time

import pytest

from gateway.observe.events import BusChanged, NoticeHeard
from gateway.storage.bus import About, Notice
from gateway.storage.buses import open_bus
from tests.kit.memory_bus import MemoryBus
from tests.kit.randomness import Randomness
from tests.kit.waiting import until

pytestmark = pytest.mark.anyio

REDIS = {"redis": "redis_server", "sentinel": "redis_sentinel", "cluster": "redis_cluster"}
PRODUCTS = ["sqlite", *(pytest.param(kind, marks=pytest.mark.live) for kind in REDIS)]
BACKENDS = ["memory", *PRODUCTS]
_deployments = itertools.count()


def opener(request, tmp_path, backend):
    """What makes one more bus of one deployment: (events, seed) → bus."""
    if backend == "memory":
        others = []
        return lambda _events, _seed: MemoryBus(others, opened=False)
    url = f"sqlite:{tmp_path / 'store.db'}"
    if backend in REDIS:
        url = request.getfixturevalue(REDIS[backend]).url
    deployment = f"bus-{next(_deployments)}-{{x}}"
    return lambda events, seed: open_bus(url, deployment, time.time, events.append, Randomness(seed))


class Ear:
    """One process: its bus, what it has heard, what it has told."""

    def __init__(self, make, seed):
        self.heard, self.events = [], []
        self.bus = make(self.events, seed)
        self.bus.subscribe(self.heard.append)

    async def open(self):
        await self.bus.open()
        await until(self.bus.current, what="a current bus")
        return self

    async def hears(self, notice):
        """Wait until the notice is here, looking as a check does."""
        await until(lambda: self.bus.current() and notice in self.heard, what=f"{notice}")


def names(ear):
    return {heard.name for heard in ear.heard}


@pytest.fixture(params=BACKENDS)
def make(request, tmp_path):
    return opener(request, tmp_path, request.param)


@pytest.fixture
async def one(anyio_backend, make):
    ear = Ear(make, "one")
    yield ear
    await ear.bus.close()


@pytest.fixture
async def two(anyio_backend, make):
    ear = Ear(make, "two")
    yield ear
    await ear.bus.close()


NOTICES = [
    pytest.param(Notice(About.SESSION, "abcdefghij234567", 1_800_000_000.25), id="a session"),
    pytest.param(Notice(About.PERSON, "klmnopqrst234567", 1_800_000_000.5), id="a person"),
    pytest.param(Notice(About.ALL, at=1_800_000_000.0), id="all"),
]


async def test_a_bus_is_not_current_before_it_is_opened(one):
    """Nothing can have been heard yet."""
    assert not one.bus.current()


async def test_a_bus_is_not_current_after_it_is_closed(make):
    """Nothing will be heard any more."""
    ear = await Ear(make, "closed").open()

    await ear.bus.close()

    assert not ear.bus.current()


async def test_all_is_heard_before_a_bus_becomes_current(one):
    """What was missed before cannot be known, so everything is forgotten."""
    current_at_all = []
    one.bus.subscribe(lambda notice: current_at_all.append(notice.about))

    await one.open()

    assert current_at_all == [About.ALL]


@pytest.mark.parametrize("notice", NOTICES)
async def test_a_notice_of_one_process_is_heard_by_another(one, two, notice):
    """Byte for byte, by whoever makes a check after it."""
    await one.open()
    await two.open()

    await one.bus.publish(notice)

    await two.hears(notice)


async def test_a_process_hears_its_own_notice_before_publishing_returns(one):
    """Its own checks must not run ahead of its own logout, whatever the network does."""
    await one.open()
    notice = Notice(About.SESSION, "own", 1.5)

    await one.bus.publish(notice)

    assert notice in one.heard


async def test_a_process_hears_its_own_notice_once(one, two):
    """The echo would make it forget what it has read since."""
    await one.open()
    await two.open()
    first, second = Notice(About.SESSION, "first", 1.5), Notice(About.SESSION, "second", 2.5)

    await one.bus.publish(first)
    await two.bus.publish(second)
    await one.hears(second)

    assert one.heard.count(first) == 1


async def test_notices_are_heard_in_the_order_in_which_they_were_published(one, two):
    """Of one process, as it told them."""
    await one.open()
    await two.open()
    notices = [Notice(About.SESSION, f"s{number}", float(number)) for number in range(300)]

    for notice in notices:
        await one.bus.publish(notice)
    await two.hears(notices[-1])

    assert [heard for heard in two.heard if heard.name] == notices


async def test_a_flood_of_notices_leaves_nothing_remembered(one, two):
    """Heard one by one, or as ALL: what they name is forgotten."""
    await one.open()
    await two.open()
    two.heard.clear()

    for number in range(1500):
        await one.bus.publish(Notice(About.SESSION, f"s{number}", 1.0))

    def forgotten():
        two.bus.current()
        return Notice(About.ALL) in two.heard or {f"s{n}" for n in range(1500)} <= names(two)

    await until(forgotten)


@pytest.mark.parametrize("product", PRODUCTS)
async def test_it_is_told_how_long_a_notice_was_on_its_way(request, tmp_path, product):
    """Measured by the one who hears it, from the time in the notice; and that the bus has become current."""
    make = opener(request, tmp_path, product)
    teller, hearer = await Ear(make, "teller").open(), await Ear(make, "hearer").open()

    await teller.bus.publish(Notice(About.SESSION, "s", time.time() - 0.2))
    await until(lambda: hearer.bus.current() and len(hearer.heard) == 2)

    changed, heard = hearer.events
    assert changed == BusChanged("current", "")
    assert (heard.about, 0.2 <= heard.seconds < 5) == ("session", True)
    assert [event for event in teller.events if isinstance(event, NoticeHeard)] == []
    await teller.bus.close()
    await hearer.bus.close()


@pytest.mark.parametrize("product", PRODUCTS)
async def test_closing_a_bus_that_was_never_opened_ends_it(request, tmp_path, product):
    """A start that fails half-way takes down what it has."""
    make = opener(request, tmp_path, product)

    await Ear(make, "unopened").bus.close()
