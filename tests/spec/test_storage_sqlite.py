"""The embedded store: its file, its writer thread, its sweep, and how it fails."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.errors import StoreFault
from gateway.storage.sqlite import open_sqlite
from gateway.storage.sqlite.writer import Writer
from gateway.storage.store import Bucket, Record
from tests.kit.clock import Clock

pytestmark = pytest.mark.anyio

LONG = 60.0
NOBODY = 65534


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "gateway.db"


@pytest.fixture
async def store(anyio_backend, path, clock):
    opened = open_sqlite(path, clock)
    yield opened
    await opened.close()


@pytest.fixture
def open_folder():
    """A folder that another user may enter (those of pytest are closed)."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def ordinary_user():
    """Permissions do not bind root: act as nobody meanwhile."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@contextmanager
def write_lock(path):
    """Another process's write lock on the file."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def rows(path, table: str) -> int:
    db = sqlite3.connect(path)
    try:
        return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    finally:
        db.close()


# The file


async def test_the_file_and_its_directory_belong_to_the_gateway_alone(store, path):
    """Directory 0700, file 0600, and what SQLite puts beside it no wider."""
    await store.put("v", b"x", LONG)

    modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in path.parent.iterdir()}

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert modes == {"gateway.db": 0o600, "gateway.db-wal": 0o600, "gateway.db-shm": 0o600}


async def test_a_file_that_was_too_open_is_closed(path, clock):
    """Bits for group and others are taken away at the next start."""
    await open_sqlite(path, clock).close()
    path.chmod(0o664)

    await open_sqlite(path, clock).close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_everything_outlives_a_restart(path, clock):
    """Sessions, limits and indexes are there for the next process."""
    before = open_sqlite(path, clock)
    await before.put("v", b"x", LONG)
    await before.create("s", {"identity": b"i"}, LONG)
    await before.count([Bucket("b", 1, 60.0)], clock.now)
    await before.index_add("u", "s", LONG, 5, clock.now)
    await before.close()

    after = open_sqlite(path, clock)

    assert await after.get("v") == b"x"
    assert (await after.read("s", ["identity"])).record == Record(1, {"identity": b"i"})
    assert await after.count([Bucket("b", 1, 60.0)], clock.now) == 60.0
    assert await after.index_list("u", clock.now) == ("s",)
    await after.close()


async def test_closing_leaves_one_file(path, clock):
    """The write-ahead log is folded into the file, and nothing is left running."""
    store = open_sqlite(path, clock)
    await store.put("v", b"x", LONG)

    await store.close()

    assert [entry.name for entry in path.parent.iterdir()] == ["gateway.db"]
    assert "store-writer" not in {thread.name for thread in threading.enumerate()}


async def test_a_closed_store_is_a_fault_and_closes_again(path, clock):
    """After close every verb says so; a second close does nothing."""
    store = open_sqlite(path, clock)
    await store.close()

    await store.close()

    with pytest.raises(StoreFault, match="closed"):
        await store.put("v", b"x", LONG)
    with pytest.raises(StoreFault, match="closed"):
        await store.get("v")


def test_a_directory_that_may_not_be_written_is_named_with_the_cure(open_folder, clock):
    """The operator reads which path, what is wrong, and what to do."""
    with ordinary_user(), pytest.raises(StoreFault) as fault:
        open_sqlite(open_folder / "data" / "gateway.db", clock)

    said = str(fault.value)
    assert said.startswith(f"cannot write {open_folder}/data/gateway.db: permission denied; make the file")
    assert "set store:" in said


async def test_a_file_that_is_read_only_is_named_with_the_cure(open_folder, clock):
    """A store that could only be read is refused at the start, not at the first login."""
    path = open_folder / "gateway.db"
    await open_sqlite(path, clock).close()
    path.chmod(0o444)

    with ordinary_user(), pytest.raises(StoreFault, match="writable for the gateway's user"):
        open_sqlite(path, clock)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        pytest.param(
            lambda path: path.write_bytes(b"not a database, but long enough to be read as one" * 20),
            "not a database; move that file away",
            id="some other file",
        ),
        pytest.param(lambda path: path.mkdir(), "it is not a file", id="a directory"),
        pytest.param(os.mkfifo, "it is not a file", id="a pipe"),
    ],
)
def test_what_is_no_database_is_refused(tmp_path, clock, make, sentence):
    """The sentence says what lies there."""
    path = tmp_path / "gateway.db"
    make(path)

    with pytest.raises(StoreFault, match=sentence):
        open_sqlite(path, clock)


def test_a_path_through_a_file_is_refused(tmp_path, clock):
    """A parent that is no directory is told as the system tells it."""
    (tmp_path / "data").write_bytes(b"")

    with pytest.raises(StoreFault, match="cannot write"):
        open_sqlite(tmp_path / "data" / "gateway.db", clock)


def test_the_database_of_another_program_is_left_alone(tmp_path, clock):
    """A file with foreign tables is refused and not altered."""
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    before = path.read_bytes()

    with pytest.raises(StoreFault, match="belongs to another program"):
        open_sqlite(path, clock)

    assert path.read_bytes() == before


async def test_a_file_of_another_version_is_refused(path, clock):
    """What a newer gateway wrote is not guessed at."""
    await open_sqlite(path, clock).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()

    with pytest.raises(StoreFault, match="another version"):
        open_sqlite(path, clock)


WORKER = """
import asyncio, sys, time
from pathlib import Path
from gateway.storage.sqlite import open_sqlite

async def main(path, name):
    store = open_sqlite(Path(path), time.time)
    for turn in range(100):
        await store.bump("epoch", 600)
        await store.put(f"{name}:{turn}", b"x", 600)
    print(sum([await store.add(f"once:{turn}", b"x", 600) for turn in range(50)]))
    await store.close()

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


def run_workers(path, number: int) -> list[tuple[bytes, bytes]]:
    """Standard output and error of workers that start together."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(path), str(name)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for name in range(number)
    ]
    return [worker.communicate(timeout=60) for worker in workers]


async def test_several_processes_share_one_file(path):
    """Four workers that start at the same moment on no file at all: no write is lost, none is done twice."""
    ends = run_workers(path, 4)

    store = open_sqlite(path, time.time)
    written = await store.get_many([f"{name}:{turn}" for name in range(4) for turn in range(100)])
    counted = await store.get("epoch")
    await store.close()

    assert [err for _, err in ends] == [b""] * 4
    assert sum(int(out) for out, _ in ends) == 50
    assert counted == b"400"
    assert written == [b"x"] * 400


# Time


async def test_expiry_is_judged_by_the_clock(store, clock):
    """To the moment: alive just before, gone at the end."""
    await store.put("v", b"x", 10.0)
    await store.create("s", {}, 10.0)

    clock.advance(9.999)
    alive = (await store.get("v"), (await store.read("s", [])).record)
    clock.advance(0.001)
    gone = (await store.get("v"), (await store.read("s", [])).record)

    assert alive == (b"x", Record(1, {}))
    assert gone == (None, None)


async def test_the_sweep_gives_back_the_rows_of_everything_that_ended(store, path, clock):
    """Expired rows of every kind go, in time; what lives stays."""
    await store.put("v", b"x", 10.0)
    await store.create("s", {"identity": b"i"}, 10.0)
    await store.count([Bucket("b", 1, 10.0)], clock.now)
    await store.reserve("p", "a", "m", 10.0, 5, clock.now)
    await store.index_add("u", "s", 10.0, 5, clock.now)
    await store.put("kept", b"x", 1000.0)
    clock.advance(100)

    for _ in range(300):
        await store.release("p", "nobody")

    left = {
        table: rows(path, table)
        for table in ("kv", "record", "field", "bucket", "place", "holder", "pool", "listed")
    }
    assert left == dict.fromkeys(left, 0) | {"kv": 1}


async def test_the_sweep_is_bounded(store, path, clock):
    """A mountain of expired rows is carried away in pieces, so that no write waits for all of it."""
    db = sqlite3.connect(path)
    db.executemany("INSERT INTO kv VALUES (?, x'', 1)", [(f"old{number}",) for number in range(1200)])
    db.commit()
    db.close()

    for _ in range(256):
        await store.release("p", "nobody")

    assert rows(path, "kv") == 700


# Turns


async def test_a_step_sees_nobody_else_write_in_its_midst(store, path, clock):
    """Between what a step reads and what it writes, another worker waits."""
    other = open_sqlite(path, clock)
    read, gate = threading.Event(), threading.Event()

    def read_then_write(db, now):
        seen = db.execute("SELECT count(*) FROM kv").fetchone()[0]
        read.set()
        gate.wait(5)
        db.execute("INSERT INTO kv VALUES ('seen', ?, ?)", (b"%d" % seen, now + LONG))

    first = asyncio.create_task(store._write(read_then_write))
    await asyncio.to_thread(read.wait, 5)
    later = asyncio.create_task(other.put("v", b"x", LONG))
    await asyncio.sleep(0.1)
    waited = not later.done()
    gate.set()
    await asyncio.gather(first, later)

    assert waited
    assert await store.get_many(["seen", "v"]) == [b"0", b"x"]
    await other.close()


# Faults while running


async def test_a_lock_that_is_held_too_long_is_a_fault_and_passes(store, path):
    """A write gives up in bounded time, reads go on meanwhile, and afterwards all is well."""
    await store.put("v", b"x", LONG)

    with write_lock(path):
        with pytest.raises(StoreFault):
            await store.put("v", b"y", LONG)
        assert await store.get("v") == b"x"

    await store.put("v", b"z", LONG)
    assert await store.get("v") == b"z"


async def test_a_short_lock_is_waited_for(store, path):
    """Another worker's write is no fault: ours waits its turn."""
    with write_lock(path):
        writing = asyncio.create_task(store.put("v", b"x", LONG))
        await asyncio.sleep(0.1)
        assert not writing.done()

    await writing
    assert await store.get("v") == b"x"


async def test_a_full_disk_is_a_fault_and_loses_nothing(store):
    """What was stored stays readable, and half of a step is never stored."""
    await store.create("s", {"identity": b"old"}, LONG)
    pages = store._writing.execute("PRAGMA page_count").fetchone()[0]
    store._writing.execute(f"PRAGMA max_page_count = {pages + 2}")

    with pytest.raises(StoreFault, match="free some space"):
        await store.commit("s", 1, 1, "me", {"identity": b"new", "grant": b"x" * 100_000}, LONG)

    assert (await store.read("s", ["identity", "grant"])).record == Record(1, {"identity": b"old"})


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda path: path.unlink(), id="removed"),
        pytest.param(lambda path: _other(path).replace(path), id="replaced"),
    ],
)
async def test_a_file_that_was_replaced_is_a_fault_for_writes_and_reads(store, path, change):
    """Nothing is written into a file that nobody will find, and no session served that nobody can end."""
    await store.put("v", b"x", LONG)
    change(path)

    with pytest.raises(StoreFault, match="replaced or removed while the gateway was running: restart"):
        await store.put("v", b"y", LONG)
    with pytest.raises(StoreFault, match="restart"):
        await store.get("v")
    with pytest.raises(StoreFault, match="restart"):
        await store.ping()


def _other(path):
    other = path.with_name("other.db")
    other.write_bytes(b"")
    return other


async def test_a_damaged_file_is_a_fault_and_not_an_empty_answer(path, clock):
    """Bytes that make no sense are never read as "no session"."""
    before = open_sqlite(path, clock)
    for number in range(200):
        await before.put(f"v{number}", b"x" * 500, LONG)
    await before.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(size - 4096))

    store = open_sqlite(path, clock)

    with pytest.raises(StoreFault, match="damaged"):
        await store.get("v7")
    await store.close()


async def test_a_value_that_is_no_counter_is_a_fault(store):
    """A bump of something else changes nothing."""
    await store.put("v", b"text", LONG)

    with pytest.raises(StoreFault, match="not a counter"):
        await store.bump("v", LONG)

    assert await store.get("v") == b"text"


# The writer thread


async def test_a_queue_that_is_full_is_a_fault_at_once():
    """Work beyond the bound is refused while the thread is busy; what was accepted is done."""
    writer = Writer(waiting=1, deadline=10.0)
    begun, gate = threading.Event(), threading.Event()
    running = asyncio.create_task(writer.run(lambda: (begun.set(), gate.wait(5))))
    await asyncio.to_thread(begun.wait, 5)
    waiting = asyncio.create_task(writer.run(lambda: "done"))
    await asyncio.sleep(0)

    with pytest.raises(StoreFault, match="too many writes"):
        await writer.run(lambda: "refused")

    gate.set()
    await running
    assert await waiting == "done"
    await writer.close()


async def test_work_whose_caller_gave_up_is_not_begun():
    """A write that nobody waits for any more must not happen later."""
    writer = Writer(waiting=5, deadline=0.05)
    begun, gate = threading.Event(), threading.Event()
    done = []
    first = asyncio.create_task(writer.run(lambda: (begun.set(), gate.wait(5))))
    await asyncio.to_thread(begun.wait, 5)

    with pytest.raises(StoreFault, match="did not write within"):
        await writer.run(lambda: done.append("late"))
    gate.set()
    with pytest.raises(StoreFault):
        await first
    await writer.close()

    assert done == []


async def test_an_error_of_the_work_is_the_callers_and_the_thread_lives_on():
    """One failing step harms no other."""
    writer = Writer(waiting=5, deadline=5.0)

    with pytest.raises(ZeroDivisionError):
        await writer.run(lambda: 1 // 0)

    assert await writer.run(lambda: "next") == "next"
    await writer.close()


async def test_close_finishes_what_was_asked_before():
    """Writes that were accepted are done before the thread ends."""
    writer = Writer(waiting=50, deadline=5.0)
    done = []
    asked = [asyncio.create_task(writer.run(lambda n=n: done.append(n))) for n in range(20)]
    await asyncio.sleep(0)

    await writer.close()
    await asyncio.gather(*asked)

    assert done == list(range(20))
