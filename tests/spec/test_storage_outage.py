"""An outage of the store: told when it begins and when it is over, and not once for every call."""

import io
import json
import sqlite3

import pytest

from gateway.errors import StoreFault
from gateway.observe.events import Alarm, StoreCalled, StoreRecovered
from gateway.observe.log import Log
from gateway.settings.model import Log as LogSettings
from gateway.storage.opened import Observed, open_store, shown
from gateway.storage.outage import CALM, FORGOTTEN, Outages, Trouble
from tests.kit.clock import Clock
from tests.kit.memory_store import MemoryStore
from tests.kit.servers import free_port

BEGAN = 1_800_000_000.0
NAME = "redis://store.example:6379/0"


def refused(text="redis: connection refused"):
    """A fault as the ways to a store raise it: with what befell them as its cause."""
    fault = StoreFault(text)
    fault.__cause__ = ConnectionRefusedError(111, "Connection refused")
    return fault


class Watched:
    """What an outage tells, on clocks of its own."""

    def __init__(self):
        self.told, self.clock, self.ticks = [], Clock(BEGAN), Clock(50.0)
        self.outages = Outages(NAME, self.told.append, self.clock, self.ticks)

    def advance(self, seconds):
        self.clock.advance(seconds)
        self.ticks.advance(seconds)

    @property
    def kinds(self):
        return [type(event) for event in self.told]


@pytest.fixture
def watched():
    return Watched()


def test_an_outage_is_one_alarm_however_many_calls_fail(watched):
    """It names the store and the cause, and says what it means."""
    for _ in range(1000):
        watched.outages.failed("read", refused())
        watched.advance(0.1)

    assert watched.told == [
        Alarm(
            "store_unavailable",
            f"store {NAME} fails: ConnectionRefusedError: redis: connection refused;"
            " what needs it is answered with 503 until it works",
        )
    ]


def test_its_end_is_told_with_how_long_it_took(watched):
    """From the first failure to the first call that worked, though it is told only once that has lasted."""
    watched.outages.failed("read", refused())
    watched.advance(30)
    watched.outages.failed("ping", refused())
    watched.advance(2)
    watched.outages.worked("ping")
    watched.advance(CALM)

    watched.outages.worked("get")

    assert watched.told[1:] == [StoreRecovered(NAME, 32.0, 2)]


def test_a_store_that_comes_and_goes_is_one_outage(watched):
    """A call that works in between ends nothing, and the next failure is no new alarm."""
    for _ in range(20):
        watched.outages.failed("read", refused())
        watched.advance(CALM / 2)
        watched.outages.worked("read")
        watched.advance(CALM / 4)

    assert watched.kinds == [Alarm]


def test_a_store_that_refuses_every_write_is_one_outage_while_it_reads(watched):
    """A full disk, or a primary that became a replica: reads say nothing about writes."""
    for _ in range(20):
        watched.outages.failed("put", refused("redis refused the command: ReadOnlyError"))
        for _ in range(10):
            watched.advance(CALM / 2)
            watched.outages.worked("read")

    assert watched.kinds == [Alarm]
    assert watched.outages.trouble is not None


def test_a_failure_that_nobody_repeats_is_forgotten_in_the_end(watched):
    """A verb that is asked once an hour keeps nothing open for an hour."""
    watched.outages.failed("reserve", refused())
    watched.advance(FORGOTTEN)

    watched.outages.worked("read")

    assert watched.kinds == [Alarm, StoreRecovered]


def test_a_second_outage_is_a_second_alarm(watched):
    """What was mended may break again."""
    for _ in range(2):
        watched.outages.failed("read", refused())
        watched.advance(CALM)
        watched.outages.worked("read")

    assert watched.kinds == [Alarm, StoreRecovered, Alarm, StoreRecovered]


def test_the_last_error_is_that_of_a_call_that_went_out(watched):
    """A breaker that rests says nothing new: what it hides is what the operator has to know."""
    watched.outages.failed("read", refused())
    watched.advance(1)
    watched.outages.failed("read", refused("redis: no route to host"))
    watched.outages.failed("read", StoreFault("redis does not answer; it is asked again within a second"))

    assert watched.outages.trouble == Trouble(NAME, BEGAN, "ConnectionRefusedError: redis: no route to host")


def test_the_trouble_is_over_with_the_first_call_that_works(watched):
    """The operator's page does not wait for the calm."""
    watched.outages.failed("ping", refused())
    watched.outages.worked("ping")

    assert watched.outages.trouble is None


def test_without_a_failure_there_is_nothing_to_tell(watched):
    """Calls that work are all there is on a good day."""
    watched.outages.worked("read")

    assert watched.told == []
    assert watched.outages.trouble is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        pytest.param("redis://:hush@127.0.0.1:6380/2", "redis://127.0.0.1:6380/2", id="password"),
        pytest.param("rediss://me:hush@host", "rediss://host:6379/0", id="user"),
        pytest.param("redis://[::1]:6380", "redis://[::1]:6380/0", id="six"),
        pytest.param("unix:///run/redis.sock?password=hush", "unix:///run/redis.sock", id="socket"),
        pytest.param(
            "redis+sentinel://:hush@a,b:1/main?sentinel_password=hush",
            "redis+sentinel://a:26379,b:1/main",
            id="sentinels",
        ),
        pytest.param("redis+cluster://:hush@a:1,b:2", "redis+cluster://a:1,b:2", id="cluster"),
    ],
)
def test_the_name_of_a_store_is_its_address_without_its_secrets(url, name):
    """It stands in log lines and on the operator's page."""
    assert shown(url) == name


@pytest.mark.anyio
async def test_a_failed_call_says_its_kind_and_what_it_was():
    """The address may be told; the password never, at no level and in no field."""
    written = io.StringIO()
    log = Log(LogSettings(format="json", level="debug"), written, Clock())
    store = open_store(f"redis://:hush@127.0.0.1:{free_port()}/0", "test", Clock(BEGAN), log)

    with pytest.raises(StoreFault):
        await store.ping()
    await store.close()

    called, alarm = [json.loads(line) for line in written.getvalue().splitlines()]
    assert (called["event"], called["outcome"], called["level"]) == ("store.called", "error", "warning")
    assert called["detail"].startswith("ConnectionError: redis: Error 111 connecting to 127.0.0.1:")
    assert (alarm["event"], alarm["what"]) == ("operator.alarm", "store_unavailable")
    assert store.trouble().since == BEGAN
    assert "hush" not in written.getvalue() + repr(store.trouble())


@pytest.mark.anyio
async def test_the_embedded_store_says_what_befell_its_file(tmp_path):
    """The path, and what SQLite said."""
    told = []
    store = open_store(f"sqlite:{tmp_path}/gateway.db", "test", Clock(BEGAN), told.append)
    with sqlite3.connect(tmp_path / "gateway.db") as other:
        other.execute("DROP TABLE kv")
    other.close()

    with pytest.raises(StoreFault):
        await store.get("k")
    await store.close()

    called, alarm = told
    assert isinstance(called, StoreCalled)
    assert called.detail.startswith("OperationalError: ")
    assert f"sqlite:{tmp_path}/gateway.db" in alarm.detail


@pytest.mark.anyio
async def test_a_bug_is_told_by_its_kind_and_is_no_outage():
    """Its message may quote what it choked on; and the store works."""
    inside, told = MemoryStore(Clock(BEGAN)), []

    async def broken(key):
        raise TypeError("hush")

    inside.get = broken
    watched = Observed(inside, told.append, Clock(5.0), Outages(NAME, told.append, Clock(), Clock()))

    with pytest.raises(TypeError):
        await watched.get("k")

    assert told == [StoreCalled("get", "error", 0.0, "TypeError")]
    assert watched.trouble() is None
