"""One refresh for one session, whatever happens to the processes, the network and the people: real gateways, a real
store, and a provider that never forgives a token that is used twice."""

import asyncio
import statistics
import time
from collections import Counter
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import httpx
import pytest

from gateway.storage.redis.scripts import ACQUIRE, COMMIT
from tests.kit.dropping_proxy import DroppingProxy
from tests.kit.fleet import fleet
from tests.kit.redis_server import RedisServer
from tests.kit.scripted_provider import ScriptedProvider, serve
from tests.kit.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.live]

REPLICAS = 3
REQUESTS = 200
DELAYS = [0.0, 0.05, 0.8, 4.9]
LEASE = 9.0
"""Seconds of a lease for the provider `quick`: two requests of two seconds, one to write, and four to spare."""


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


class Scene:
    """Gateways with two providers: `test` has 10 s for an answer, `quick` has two.

    Number 0 goes to Redis by a proxy that can lose what it carries. It runs beside the tests: no crowd goes there.
    """

    def __init__(self, replicas, test, quick, proxy):
        self.fleet = replicas
        self.test = test
        self.quick = quick
        self.proxy = proxy

    async def waiting(self, number, who):
        """A request at a gateway that has asked the provider, and the number of token requests before it."""
        before = self.token_requests("quick")
        asked = len(self.quick.begun)
        request = asyncio.ensure_future(self.fleet.check(number, who))
        await until(lambda: len(self.quick.begun) > asked, what="the provider is asked")
        return request, before

    def token_requests(self, name):
        provider = getattr(self, name)
        return sum(1 for ask in provider.asked if urlsplit(ask.url).path == "/token")

    async def until_version(self, number, who, version, seconds):
        """Keep asking this gateway until the store has the version; nobody is ever told to sign in. The seconds."""
        began = time.monotonic()
        while (await self.fleet.stored(who))[0].version < version:
            assert time.monotonic() - began < seconds
            assert (await self.fleet.check(number, who)).status_code == 200
            await asyncio.sleep(0.1)
        return time.monotonic() - began


class Noting(ScriptedProvider):
    """Notes a token request when it begins, before it takes effect."""

    def __post_init__(self):
        super().__post_init__()
        self.begun = []

    def arrives(self, path):
        if path == "/token":
            self.begun.append(path)


def section(issuer, timeout):
    # One namespace: both speak of the same alice.
    return {
        "issuer": issuer,
        "client_id": "gateway",
        "anyone": True,
        "namespace": "people",
        "timeout": timeout,
    }


@pytest.fixture(scope="module", params=["redis", "sqlite"])
async def whole(request, anyio_backend, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fleet")
    async with AsyncExitStack() as stack:
        test, quick = (Noting(time.time, client_secret="") for _ in range(2))
        test_issuer = await stack.enter_async_context(serve(test))
        quick_issuer = await stack.enter_async_context(serve(quick))
        providers = {"test": section(test_issuer, "10s"), "quick": section(quick_issuer, "2s")}
        proxy, stores = None, [f"sqlite:{folder / 'gateway.db'}"] * (REPLICAS + 1)
        if request.param == "redis":
            redis = stack.enter_context(RedisServer(folder))
            proxy = await stack.enter_async_context(DroppingProxy(redis.port))
            stores = [proxy.url, *[redis.url] * REPLICAS]
        replicas = await stack.enter_async_context(fleet(folder, stores, providers))
        yield Scene(replicas, test, quick, proxy)


@pytest.fixture
async def scene(whole):
    for provider in (whole.test, whole.quick):
        provider.there = provider.back = provider.window = 0.0
        provider.asked.clear()
        # Each test has people of its own; none of them is to pay for another one's reuse.
        provider.refreshable.clear()
    yield whole
    if whole.proxy is not None:
        whole.proxy.become("pass")


@pytest.mark.parametrize("delay", DELAYS)
async def test_x5_six_hundred_requests_at_three_replicas_cost_one_refresh(scene, figure, delay):
    """At once, on a session whose token is ending: one token request, and nobody is sent to the login page."""
    provider, replicas = scene.test, scene.fleet
    provider.back = delay
    who = await replicas.sign_in("test", provider)
    first = []
    if delay > 4:
        # Longer than a check waits: it is under way when the crowd comes, which goes on with what there is.
        first = [asyncio.ensure_future(replicas.check(1, who))]
        await until(lambda: scene.token_requests("test") == 1)

    async def one(number):
        began = time.monotonic()
        answer = await replicas.check(number, who, patience=60.0)
        return answer, time.monotonic() - began

    answered = await asyncio.gather(*[one(1 + n % REPLICAS) for n in range(REPLICAS * REQUESTS)])
    await asyncio.gather(*first)
    await asyncio.sleep(max(delay - 2.5, 0.0))

    assert Counter(answer.status_code for answer, _ in answered) == {200: REPLICAS * REQUESTS}
    assert {answer.headers["x-auth-user"] for answer, _ in answered} == {"alice"}
    assert scene.token_requests("test") == 1
    await scene.until_version(1, who, 2, 20)
    session, grants = await replicas.stored(who)
    assert (session.version, session.fails) == (2, 0)
    assert list(provider.refreshable) == [grants["test"].refresh_token]
    seconds = sorted(taken for _, taken in answered)
    figure(f"provider delay {delay * 1000:.0f} ms, token requests", scene.token_requests("test"), "")
    figure(f"provider delay {delay * 1000:.0f} ms, median answer", statistics.median(seconds), "s")
    figure(f"provider delay {delay * 1000:.0f} ms, slowest answer", seconds[-1], "s")


async def test_a_holder_that_is_killed_before_the_provider_acted_is_replaced(scene, figure):
    """kill -9: the next one presents the same token, once the lease is over, and it is good."""
    scene.quick.there = 0.9
    who = await scene.fleet.sign_in("quick", scene.quick)
    request, _ = await scene.waiting(0, who)

    await scene.fleet.kill(0)
    scene.quick.there = 0.0
    took = await scene.until_version(1, who, 2, LEASE + 5)

    await asyncio.gather(request, return_exceptions=True)
    await scene.fleet.start(0)
    assert (await scene.fleet.check(0, who)).status_code == 200
    figure("holder killed before the provider acted, until somebody else refreshed", took, "s")


@pytest.mark.parametrize("window", [0.0, 30.0], ids=["no-window", "window"])
async def test_a_holder_that_is_killed_after_the_provider_acted_logs_nobody_out(scene, figure, window):
    """Its answer dies with it. Where the provider gives it again the session is refreshed; else it goes on as it is."""
    scene.quick.back, scene.quick.window = 0.9, window
    who = await scene.fleet.sign_in("quick", scene.quick)
    request, before = await scene.waiting(0, who)
    await until(lambda: scene.token_requests("quick") == before + 1)

    await scene.fleet.kill(0)
    scene.quick.back = 0.0
    if window:
        took = await scene.until_version(1, who, 2, LEASE + 5)
        _, grants = await scene.fleet.stored(who)
        assert grants["quick"].refresh_token in scene.quick.refreshable
    else:
        began = time.monotonic()
        while not (await scene.fleet.stored(who))[0].fails:
            assert time.monotonic() - began < LEASE + 5
            assert (await scene.fleet.check(1, who)).status_code == 200
            await asyncio.sleep(0.1)
        took = time.monotonic() - began

    await asyncio.gather(request, return_exceptions=True)
    await scene.fleet.start(0)
    assert (await scene.fleet.check(2, who)).status_code == 200
    assert scene.token_requests("quick") == before + 2
    name = "replay window" if window else "no replay window"
    figure(f"holder killed after the provider acted ({name}), until the next verdict", took, "s")


async def test_a_lease_that_vanishes_costs_a_request_and_no_session(scene):
    """Two present the same token; one commit counts, and the other takes over what it wrote."""
    scene.quick.back, scene.quick.window = 0.9, 30.0
    who = await scene.fleet.sign_in("quick", scene.quick)
    request, before = await scene.waiting(0, who)

    await scene.fleet.forget_lease(who)
    scene.quick.back = 0.0
    second = await scene.fleet.check(1, who)
    first = await request

    assert (first.status_code, second.status_code) == (200, 200)
    assert scene.token_requests("quick") == before + 2
    session, grants = await scene.fleet.stored(who)
    assert (session.version, session.fails) == (2, 0)
    assert grants["quick"].refresh_token in scene.quick.refreshable


async def test_t46_a_logout_in_the_middle_stays_one(scene):
    """At another replica: the refresh finds nothing to write to, and gives its new tokens back."""
    scene.quick.back = 0.9
    who = await scene.fleet.sign_in("quick", scene.quick)
    request, before = await scene.waiting(0, who)
    await until(lambda: scene.token_requests("quick") == before + 1)

    await scene.fleet.sign_out(1, who)
    answer = await request

    assert answer.status_code == 401
    assert await scene.fleet.is_gone(who)
    await until(lambda: not scene.quick.refreshable, what="the new tokens are given back")
    assert {(await scene.fleet.check(number, who)).status_code for number in range(REPLICAS + 1)} == {401}


async def test_x6_t51_a_client_that_goes_away_cancels_nothing(scene):
    """The provider has rotated; what it says is written down for the next request."""
    scene.quick.back = 0.8
    who = await scene.fleet.sign_in("quick", scene.quick)

    with pytest.raises(httpx.ReadTimeout):
        await scene.fleet.check(0, who, patience=0.3)

    await scene.until_version(1, who, 2, 5)
    _, grants = await scene.fleet.stored(who)
    assert grants["quick"].refresh_token in scene.quick.refreshable
    assert scene.token_requests("quick") == 1


ON_REDIS = pytest.mark.parametrize("whole", ["redis"], indirect=True)
"""A file loses no replies."""


@ON_REDIS
@pytest.mark.parametrize(
    ("script", "word"),
    [pytest.param(ACQUIRE, b"lead", id="acquire"), pytest.param(COMMIT, b"done", id="commit")],
)
async def test_a_reply_that_is_lost_is_not_a_second_refresh(scene, script, word):
    """Redis has done it, and the connection breaks before it can say so."""
    await scene.fleet.check(
        0, await scene.fleet.sign_in("quick", scene.quick)
    )  # the scripts are known from here on
    scene.quick.asked.clear()
    who = await scene.fleet.sign_in("quick", scene.quick)
    lost = scene.proxy.lost
    scene.proxy.lose_reply(lambda asked, reply: script.sha.encode() in asked and word in reply)

    answer = await scene.fleet.check(0, who)

    assert scene.proxy.lost == lost + 1
    assert answer.status_code == 200
    assert scene.token_requests("quick") == 1
    session, grants = await scene.fleet.stored(who)
    assert (session.version, session.fails) == (2, 0)
    assert grants["quick"].refresh_token in scene.quick.refreshable


@ON_REDIS
@pytest.mark.parametrize("mode", ["cut", "swallow"])
async def test_x7_tokens_wait_for_a_store_that_is_lost(scene, figure, mode):
    """Between the provider's answer and the commit: they are written down when it is back."""
    scene.quick.back = 0.8
    who = await scene.fleet.sign_in("quick", scene.quick)
    request, _ = await scene.waiting(0, who)

    scene.proxy.become(mode)
    answer = await request
    during = await scene.fleet.check(0, who)
    await asyncio.sleep(3)
    assert (await scene.fleet.stored(who))[0].version == 1
    scene.proxy.become("pass")
    began = time.monotonic()
    while (await scene.fleet.stored(who))[0].version == 1:
        assert time.monotonic() - began < 10
        await asyncio.sleep(0.05)
    took = time.monotonic() - began

    assert answer.status_code == 200
    assert during.status_code in {200, 503}
    assert "set-cookie" not in during.headers
    assert scene.token_requests("quick") == 1
    _, grants = await scene.fleet.stored(who)
    assert grants["quick"].refresh_token in scene.quick.refreshable
    figure(f"store lost after the provider's answer ({mode}), written after it was back", took, "s")
