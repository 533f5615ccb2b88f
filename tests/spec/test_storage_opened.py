"""The store that a URL names, and the watch on its calls."""

import asyncio
import inspect

import pytest

from gateway.errors import StoreBusy, StoreFault
from gateway.observe.events import Alarm, StoreCalled
from gateway.storage.opened import Observed, open_store
from gateway.storage.outage import Outages
from gateway.storage.store import Bucket, Store
from tests.kit.clock import Clock
from tests.kit.memory_store import MemoryStore

NOW = 1_800_000_000.0
CALLS = {
    "get": ("k",),
    "get_many": (["k"],),
    "put": ("k", b"v", 60.0),
    "add": ("k", b"v", 60.0),
    "replace": ("k", b"v", b"w", 60.0),
    "take": ("k",),
    "delete": (["k"],),
    "create": ("s", {"identity": b"i"}, 60.0),
    "read": ("s", ["identity"], ["k"]),
    "acquire": ("s", 1, "me", 15.0, NOW),
    "commit": ("s", 1, 1, "me", {"identity": None}, 60.0),
    "fail": ("s", 1, "me", NOW, True),
    "give_back": ("s", "me", True),
    "touch": ("s", 60.0, "a", b"v", 60.0),
    "count": ([Bucket("b", 1, 60.0)], NOW),
    "reserve": ("p", "h", "m", 60.0, 5, NOW),
    "release": ("p", "m"),
    "index_add": ("u", "m", 60.0, 5, NOW),
    "index_remove": ("u", "m"),
    "index_list": ("u", NOW),
    "bump": ("e", 60.0),
    "ping": (),
}


def observed(inside, emit, ticks):
    return Observed(inside, emit, ticks, Outages("memory", emit, Clock(NOW), ticks))


@pytest.mark.anyio
async def test_a_sqlite_path_opens_the_embedded_store(tmp_path):
    """`sqlite:` is followed by a path, and the file is made."""
    store = open_store(f"sqlite:{tmp_path}/data/gateway.db", "test", Clock(), lambda event: None)

    await store.put("v", b"x", 60.0)

    assert await store.get("v") == b"x"
    assert (tmp_path / "data" / "gateway.db").exists()
    await store.close()


@pytest.mark.anyio
@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "rediss://127.0.0.1:1/0", "unix:///nowhere.sock"])
async def test_a_redis_that_is_not_there_yet_is_no_fault_of_opening(url):
    """The server may come up later than the gateway; until then each call is a fault."""
    store = open_store(url, "test", Clock(), lambda event: None)

    with pytest.raises(StoreFault):
        await store.ping()

    await store.close()


@pytest.mark.parametrize(
    "url", ["", "sqlite:", "postgres://:hush@host/db", "memory:", "/var/lib/gateway.db", "REDIS://h"]
)
def test_any_other_url_is_a_fault_that_says_what_to_write(url):
    """The sentence lists the schemes and never repeats the URL, which may hold a password."""
    with pytest.raises(StoreFault, match=r"write sqlite:PATH, redis://") as fault:
        open_store(url, "test", Clock(), lambda event: None)

    assert "hush" not in str(fault.value)


def test_the_table_below_covers_every_verb():
    """A verb that the protocol gains must be watched too."""
    verbs = {name for name, _ in inspect.getmembers(Store, inspect.iscoroutinefunction) if name[0] != "_"}

    assert set(CALLS) == verbs - {"close"}


@pytest.mark.anyio
@pytest.mark.parametrize("verb", CALLS)
async def test_every_call_is_told_and_handed_through(verb):
    """The watched store gives the same answer as the one inside, and tells verb, outcome and seconds."""
    inside, twin = MemoryStore(Clock(NOW)), MemoryStore(Clock(NOW))
    ticks, told = Clock(5.0), []
    watched = observed(inside, told.append, ticks)
    plain = getattr(inside, verb)

    async def slow(*arguments):
        ticks.advance(0.25)
        return await plain(*arguments)

    setattr(inside, verb, slow)

    answer = await getattr(watched, verb)(*CALLS[verb])

    assert answer == await getattr(twin, verb)(*CALLS[verb])
    assert told == [StoreCalled(verb, "ok", 0.25)]


@pytest.mark.anyio
@pytest.mark.parametrize("verb", CALLS)
async def test_a_fault_is_told_and_raised(verb):
    """The watch hides no fault."""
    inside, told = MemoryStore(Clock(NOW), down=True), []
    watched = observed(inside, told.append, Clock(5.0))

    with pytest.raises(StoreFault):
        await getattr(watched, verb)(*CALLS[verb])

    called, alarm = told
    assert called == StoreCalled(verb, "error", 0.0, "StoreFault: the store is down")
    assert isinstance(alarm, Alarm)


@pytest.mark.anyio
async def test_a_crowd_of_our_own_is_no_outage(monkeypatch):
    """Too many calls at once are told as failures, and say nothing about the store."""
    inside, told = MemoryStore(Clock(NOW)), []
    watched = observed(inside, told.append, Clock(5.0))

    async def busy(key):
        raise StoreBusy("all connections are in use")

    monkeypatch.setattr(inside, "get", busy)
    with pytest.raises(StoreBusy):
        await watched.get("k")

    assert told == [StoreCalled("get", "error", 0.0, "StoreBusy: all connections are in use")]
    assert watched.trouble() is None


@pytest.mark.anyio
async def test_a_cancelled_call_is_not_told():
    """Nobody waited for its outcome, so it has none."""
    inside, told = MemoryStore(Clock(NOW)), []

    async def forever(key):
        await asyncio.Event().wait()

    inside.get = forever
    asked = asyncio.create_task(observed(inside, told.append, Clock(5.0)).get("k"))
    await asyncio.sleep(0)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)

    assert told == []


@pytest.mark.anyio
async def test_closing_closes_the_store_inside():
    """The watch owns what it watches."""
    inside = MemoryStore(Clock(NOW))

    await observed(inside, lambda event: None, Clock(5.0)).close()

    assert inside.closed
