"""Notices as Redis carries them, and what a heartbeat proves; the SQLite bus when rows are missing or the file fails."""

import sqlite3

import pytest

from gateway.errors import StoreFault
from gateway.observe.events import BusChanged
from gateway.storage.bus import About, Notice
from gateway.storage.hearing import Hearing
from gateway.storage.redis.bus import open_redis_bus, read, written
from gateway.storage.sqlite.bus import AT_ONCE, KEPT, LOOK_EVERY, open_sqlite_bus
from tests.kit.clock import Clock

ENDED = Notice(About.SESSION, "ended", 1.5)


@pytest.mark.anyio
async def test_a_bus_whose_heartbeats_come_back_late_is_not_current():
    """When a heartbeat was sent is what counts: one that took four seconds proves what was four seconds ago."""
    ticks = [100.0]
    events, heard = [], []
    hearing = Hearing(events.append, lambda: 0.0, lambda: ticks[0])
    bus = open_redis_bus("redis://127.0.0.1:1", "d", "me", hearing, lambda: ticks[0])
    bus.subscribe(heard.append)
    bus._beats[b"1"] = 100.0
    ticks[0] = 104.0

    bus._take(bus._own, b"1")

    assert not bus.current()
    await bus.close()


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b'{"from":"a","about":"session","name":"s","at":NaN}', id="not a number"),
        pytest.param(b'{"from":"a","about":"session","name":"s","at":1e999}', id="infinite"),
        pytest.param(b'{"from":"a","about":"session","name":"s","at":1' + b"0" * 400 + b"}", id="huge"),
        pytest.param(b'{"from":"a","about":"session","name":"s","at":true}', id="a boolean"),
        pytest.param(b'{"from":"a","about":"session","name":null,"at":1.0}', id="no name"),
        pytest.param(b'{"about":"session","name":"s","at":1.0}', id="from nobody"),
        pytest.param(b"[" * 1000, id="deeply nested"),
        pytest.param(b'"session"', id="a string"),
    ],
)
def test_what_is_read_from_the_wire_is_a_notice_or_a_value_error(message):
    """Never another exception: it would end the subscription."""
    with pytest.raises(ValueError):
        read(message)


def test_a_notice_that_a_newer_release_has_invented_makes_everything_forgotten():
    """Forgetting too much is safe."""
    message = written(ENDED, "them").replace(b'"session"', b'"galaxy"')

    assert read(message) == ("them", Notice(About.ALL, "", 1.5))


class Worker:
    """One process on the file, with a clock that it shares with the others. Its ticks stand still."""

    def __init__(self, path, origin, clock):
        self.events, self.heard = [], []
        self.ticks = Clock(0.0)
        hearing = Hearing(self.events.append, clock, self.ticks)
        self.bus = open_sqlite_bus(path, origin, clock, hearing, self.ticks)
        self.bus.subscribe(self.heard.append)

    async def open(self):
        await self.bus.open()
        assert self.bus.current()
        self.heard.clear()
        return self


@pytest.fixture
async def workers(anyio_backend, tmp_path):
    clock = Clock()
    pair = [await Worker(tmp_path / "store.db", name, clock).open() for name in ("a", "b")]
    yield (*pair, clock)
    for worker in pair:
        await worker.bus.close()


def rows(path):
    db = sqlite3.connect(path)
    try:
        return db.execute("SELECT count(*) FROM notice").fetchone()[0]
    finally:
        db.close()


@pytest.mark.anyio
async def test_a_notice_in_the_file_is_heard_by_the_very_next_check(workers):
    """Nothing has to arrive, and nobody has to wait."""
    one, two, _ = workers

    await one.bus.publish(ENDED)

    assert two.bus.current()
    assert two.heard == [ENDED]


@pytest.mark.anyio
async def test_a_check_without_news_hears_nothing(workers):
    """However often it looks."""
    one, two, _ = workers
    await one.bus.publish(ENDED)

    for _ in range(3):
        two.bus.current()

    assert two.heard == [ENDED]


@pytest.mark.anyio
async def test_old_notices_are_taken_away(workers, tmp_path):
    """The file does not grow."""
    one, _, clock = workers
    for _ in range(5):
        await one.bus.publish(ENDED)
    clock.advance(KEPT)

    await one.bus.publish(ENDED)

    assert rows(tmp_path / "store.db") == 1


@pytest.mark.anyio
async def test_whoever_looks_after_notices_have_gone_forgets_everything(workers):
    """A process that was stopped for minutes cannot know what it has missed."""
    one, two, clock = workers
    await one.bus.publish(ENDED)
    clock.advance(KEPT)
    await one.bus.publish(Notice(About.SESSION, "later", 2.5))

    assert two.bus.current()
    assert two.heard == [Notice(About.ALL)]


@pytest.mark.anyio
async def test_a_flood_is_heard_as_all_and_what_comes_after_it_by_name(workers):
    """A check must not wait for a thousand rows."""
    one, two, _ = workers
    for _ in range(AT_ONCE + 1):
        await one.bus.publish(ENDED)

    two.bus.current()
    await one.bus.publish(Notice(About.SESSION, "later", 2.5))
    two.bus.current()

    assert two.heard == [Notice(About.ALL), Notice(About.SESSION, "later", 2.5)]


@pytest.mark.anyio
async def test_a_file_that_cannot_be_looked_at_makes_the_bus_lost_until_it_can(workers):
    """And then everything is forgotten."""
    one, two, _ = workers
    real, two.bus._watching = two.bus._watching, Broken()
    two.ticks.advance(LOOK_EVERY)

    lost = two.bus.current()
    two.bus._watching = real
    await one.bus.publish(ENDED)
    found = two.bus.current()

    assert (lost, found) == (False, True)
    assert two.heard == [Notice(About.ALL)]
    assert two.events[1:] == [BusChanged("lost", "OperationalError"), BusChanged("current", "")]


class Broken:
    """A connection to a file that has failed."""

    def execute(self, *_):
        raise sqlite3.OperationalError("disk I/O error")


@pytest.mark.anyio
async def test_a_file_that_was_replaced_is_a_fault_for_whoever_publishes(workers, tmp_path):
    """The notice would reach nobody who starts from now on."""
    one, _, _ = workers
    (tmp_path / "store.db").rename(tmp_path / "moved.db")

    with pytest.raises(StoreFault, match="replaced or removed"):
        await one.bus.publish(ENDED)
    assert one.heard == [ENDED]


@pytest.mark.anyio
async def test_a_file_of_the_version_before_the_bus_gets_its_table(tmp_path):
    """People stay signed in over an update."""
    path = tmp_path / "store.db"
    await (await Worker(path, "a", Clock()).open()).bus.close()
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("DROP TABLE notice")
    db.execute("INSERT INTO kv VALUES ('kept', 'x', 9e9)")
    db.execute("PRAGMA user_version = 1")
    db.close()

    worker = await Worker(path, "b", Clock()).open()
    await worker.bus.publish(ENDED)
    await worker.bus.close()

    db = sqlite3.connect(path)
    assert db.execute("SELECT v FROM kv").fetchall() == [("x",)]
    assert db.execute("SELECT name FROM notice").fetchall() == [("ended",)]
    assert db.execute("PRAGMA user_version").fetchone() == (2,)
    db.close()
