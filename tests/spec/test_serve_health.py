"""Health as an operator reads it: a word, and what is behind it."""

import httpx
import pytest

from gateway.observe.events import Alarm, StoreRecovered
from gateway.serve.health import Health, metrics_endpoint
from gateway.storage.opened import Observed
from gateway.storage.outage import CALM, Outages
from tests.kit.clock import Clock
from tests.kit.memory_store import MemoryStore

pytestmark = pytest.mark.anyio

NAME = "redis://store.example:6379/0"


class House:
    """The operator's listener over a store that fails on demand."""

    def __init__(self):
        self.clock, self.told = Clock(), []
        self.inside = MemoryStore(self.clock)
        outages = Outages(NAME, self.told.append, self.clock, self.clock)
        self.store = Observed(self.inside, self.told.append, self.clock, outages)
        self.health = Health(self.store, self.store.trouble)

    async def ready(self, *, detail=True):
        app = metrics_endpoint(lambda: (b"", b""), self.health.endpoint(detail=detail))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://operator"
        ) as client:
            return await client.get("/readyz")


@pytest.fixture
async def house():
    return House()


async def test_a_gateway_whose_store_answers_is_ready(house):
    """One word is all there is to say."""
    answer = await house.ready()

    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


async def test_before_the_first_contact_it_is_starting_and_says_what_it_waits_for(house):
    """503, so that no traffic is sent there; with the store, since when, and the error."""
    house.inside.down = True

    answer = await house.ready()

    assert answer.status_code == 503
    assert answer.json() == {
        "status": "starting",
        "store": NAME,
        "since": "2027-01-15T08:00:00Z",
        "last_error": "StoreFault: the store is down",
    }


async def test_an_outage_is_degraded_with_its_beginning_and_stays_200(house):
    """One Redis that is down does not take every replica out of service; the page says which it is."""
    await house.ready()
    house.inside.down = True
    await house.ready()
    house.clock.advance(90)

    answer = await house.ready()

    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["since"] == "2027-01-15T08:00:00Z"


async def test_a_store_that_answers_a_ping_and_refuses_the_rest_is_degraded(house):
    """A replica, or a full disk: alive, and of no use."""
    house.inside.fail_next("put")
    with pytest.raises(Exception, match="put failed"):
        await house.store.put("k", b"v", 60.0)

    answer = await house.ready()

    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")


async def test_after_an_outage_it_is_ready_at_once_and_the_end_is_told(house):
    """The probe itself is a call: where nobody comes by, it ends the outage."""
    await house.ready()
    house.inside.down = True
    await house.ready()
    house.clock.advance(90)
    house.inside.down = False

    assert (await house.ready()).json() == {"status": "ready"}
    house.clock.advance(CALM)
    await house.ready()

    told = [event for event in house.told if isinstance(event, (Alarm, StoreRecovered))]
    assert told[1:] == [StoreRecovered(NAME, 90.0, 1)]


async def test_strangers_read_nothing_of_it(house):
    """On the public listener there is a status and no body."""
    house.inside.down = True

    answer = await house.ready(detail=False)

    assert (answer.status_code, answer.content) == (503, b"")
