"""The bell of the SQLite bus: a check without news asks nobody, and no news is lost where the bell stays silent."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from gateway.storage.bus import About, Notice
from gateway.storage.hearing import Hearing
from gateway.storage.sqlite.bell import Bell
from gateway.storage.sqlite.bus import LOOK_EVERY, open_sqlite_bus
from tests.kit.clock import Clock

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).resolve().parents[2]
ENDED = Notice(About.SESSION, "ended", 1.5)
OTHER = """
import asyncio, sys, time
from pathlib import Path
from gateway.storage.bus import About, Notice
from gateway.storage.hearing import Hearing
from gateway.storage.sqlite.bus import open_sqlite_bus

async def publish():
    hearing = Hearing(lambda _: None, time.time, time.monotonic)
    bus = open_sqlite_bus(Path(sys.argv[1]), "other", time.time, hearing)
    await bus.publish(Notice(About.SESSION, "ended", 1.5))
    await bus.close()

asyncio.run(publish())
"""


class Worker:
    """One process on the file. Its ticks stand still, so that it asks the file only when it is told to."""

    def __init__(self, path, origin):
        self.heard, self.ticks, clock = [], Clock(0.0), Clock()
        hearing = Hearing(lambda _: None, clock, self.ticks)
        self.bus = open_sqlite_bus(path, origin, clock, hearing, self.ticks)
        self.bus.subscribe(self.heard.append)

    async def open(self):
        await self.bus.open()
        assert self.bus.current()
        self.heard.clear()
        return self

    def checks(self):
        """What a check hears."""
        self.heard.clear()
        assert self.bus.current()
        return self.heard


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store" / "store.db"


@pytest.fixture
def bell(path):
    return path.with_name("store.db-bell")


@pytest.fixture
async def worker(anyio_backend, path):
    opened = await Worker(path, "a").open()
    yield opened
    await opened.bus.close()


@pytest.fixture
async def publisher(anyio_backend, worker, path):
    opened = Worker(path, "b")
    yield opened
    await opened.bus.close()


def silently(path):
    """What a writer leaves that died between its commit and its ring."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(
        "INSERT INTO notice (origin, about, name, at, exp) VALUES ('dead', 'session', 'ended', 1.5, 9e9)"
    )
    db.close()


class Counted:
    """A connection that counts what it is asked."""

    def __init__(self, real):
        self.real, self.asked = real, 0

    def execute(self, *arguments):
        self.asked += 1
        return self.real.execute(*arguments)

    def close(self):
        self.real.close()


async def test_a_check_without_news_does_not_ask_the_file(worker):
    """It looks at memory that it shares with whoever would ring."""
    worker.bus._watching = Counted(worker.bus._watching)

    for _ in range(100):
        worker.checks()

    assert worker.bus._watching.asked == 0


async def test_a_notice_of_another_process_rings(worker, path):
    """At the very next check, though it is not time yet to ask the file."""
    run = partial(subprocess.run, cwd=ROOT, check=True, timeout=30)
    await asyncio.to_thread(run, [sys.executable, "-c", OTHER, str(path)])

    assert worker.checks() == [ENDED]


async def test_a_notice_that_was_not_rung_is_heard_a_moment_later(worker, path):
    """Whoever wrote it was killed before it came to ring."""
    silently(path)
    at_once = list(worker.checks())
    worker.ticks.advance(LOOK_EVERY)

    assert at_once == []
    assert worker.checks() == [ENDED]


def removed(bell):
    bell.unlink()


def replaced(bell):
    other = bell.with_name("other")
    other.write_bytes(bytes(8))
    other.rename(bell)


@pytest.mark.parametrize("harm", [removed, replaced])
async def test_a_bell_that_does_not_hang_any_more_is_not_relied_on(worker, path, bell, harm):
    """Whoever starts now rings another one: from the next look on each check asks the file."""
    harm(bell)
    worker.ticks.advance(LOOK_EVERY)
    worker.checks()

    silently(path)

    assert worker.checks() == [ENDED]


def a_folder(bell):
    bell.mkdir()


def a_link(bell):
    bell.with_name("elsewhere").write_bytes(bytes(8))
    bell.symlink_to(bell.with_name("elsewhere"))


def a_pipe(bell):
    os.mkfifo(bell)


@pytest.mark.parametrize("kind", [a_folder, a_link, a_pipe])
async def test_without_a_bell_each_check_asks_the_file(path, bell, kind):
    """It only makes checks cheaper: where there is something else in its place nothing fails."""
    path.parent.mkdir()
    kind(bell)
    worker = await Worker(path, "a").open()

    silently(path)

    assert worker.checks() == [ENDED]
    await worker.bus.publish(ENDED)
    await worker.bus.close()


async def test_the_bell_is_its_owners_alone(worker, path, bell):
    """Whoever could write it could delay a notice; so it is kept as the store's file is."""
    fresh = bell.stat()
    bell.chmod(0o666)
    again = Bell(path)

    assert (fresh.st_mode & 0o777, fresh.st_size) == (0o600, 8)
    assert bell.stat().st_mode & 0o777 == 0o600
    again.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
def test_a_bell_that_root_makes_belongs_to_the_owner_of_the_store(tmp_path):
    """The command line may be the first to open a store after an update."""
    store = tmp_path / "store.db"
    store.touch()
    os.chown(store, 12_345, 12_346)

    Bell(store).close()

    made = (tmp_path / "store.db-bell").stat()
    assert (made.st_uid, made.st_gid) == (12_345, 12_346)


async def test_no_number_is_rung_twice(worker, publisher, path):
    """Or somebody who looked before and after would take two notices for none."""
    numbers = []
    for _ in range(20):
        for one in (worker, publisher):
            await one.bus.publish(ENDED)
            numbers.append(one.bus._bell.rung())

    assert len(set(numbers)) == 40


async def test_a_bell_that_outlives_its_store_rings_for_the_next_one(path, bell):
    """The notices of a new store are numbered from 1 again."""
    first = await Worker(path, "a").open()
    await first.bus.publish(ENDED)
    await first.bus.close()
    path.unlink()
    worker, publisher = await Worker(path, "b").open(), Worker(path, "c")
    publisher.bus._clock.advance(1.0)

    await publisher.bus.publish(ENDED)

    assert worker.checks() == [ENDED]
    for one in (worker, publisher):
        await one.bus.close()
