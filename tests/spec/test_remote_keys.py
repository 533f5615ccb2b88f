"""Standing documents: fetched once for many, kept for a while, fetched anew seldom."""

import asyncio
import contextlib

import pytest

from gateway.errors import ProviderUnavailable
from gateway.providers.provider import Answer, Ask
from gateway.providers.remote_keys import COOLDOWN, RENEWAL, RemoteDocuments
from tests.kit.clock import Clock
from tests.kit.scripted_provider import page, reply

KEYS = Ask("https://idp.example/keys", retry=True, keep=3600)
RENEW = Ask("https://idp.example/keys", retry=True, keep=3600, renew=True)


class Far:
    """The far end: answers what it is told to, as slowly as it is told to."""

    def __init__(self):
        self.answers = []
        self.asked = []
        self.slow = asyncio.Event()
        self.slow.set()

    async def __call__(self, ask, provider):
        self.asked.append((provider, ask.url))
        await self.slow.wait()
        answer = self.answers.pop(0) if self.answers else reply(200, {"n": len(self.asked)})
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def far():
    return Far()


@pytest.fixture
async def documents(far, clock):
    made = RemoteDocuments(far, clock)
    yield made
    await made.close()


@pytest.mark.anyio
async def test_a_document_is_kept_for_as_long_as_its_ask_says(documents, far, clock):
    """An hour of logins costs one fetch."""
    first = await documents.get(KEYS, "idp")
    clock.advance(3599)
    assert await documents.get(KEYS, "idp") is first

    clock.advance(1)

    assert await documents.get(KEYS, "idp") is not first
    assert len(far.asked) == 2


@pytest.mark.anyio
async def test_many_who_want_it_at_once_share_one_fetch(documents, far):
    """The first minute after a start is one request, not a thousand."""
    far.slow.clear()
    waiting = [asyncio.ensure_future(documents.get(KEYS, "idp")) for _ in range(1000)]
    await asyncio.sleep(0)

    far.slow.set()

    assert len(set(map(id, await asyncio.gather(*waiting)))) == 1
    assert len(far.asked) == 1


@pytest.mark.anyio
async def test_providers_do_not_share_documents(documents, far):
    """One address under two CAs is two documents."""
    await documents.get(KEYS, "one")
    await documents.get(KEYS, "two")

    assert [provider for provider, _ in far.asked] == ["one", "two"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "failure", [ProviderUnavailable("idp", "down"), page(503), reply(500, {}), page(200)], ids=str
)
async def test_a_failed_fetch_is_not_repeated_for_a_while(documents, far, clock, failure):
    """A provider that is down is not hammered, and who waits for it is told at once."""
    far.answers = [failure]
    try:
        answer = await documents.get(KEYS, "idp")
    except ProviderUnavailable:
        answer = None
    assert answer in (failure, None)

    for _ in range(100):
        with pytest.raises(ProviderUnavailable):
            await documents.get(KEYS, "idp")
    assert len(far.asked) == 1
    clock.advance(COOLDOWN)

    assert (await documents.get(KEYS, "idp")).status == 200


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("failure", "why"),
    [
        pytest.param(ProviderUnavailable("idp", "connection refused"), "connection refused", id="no answer"),
        pytest.param(
            page(404), "https://idp.example/keys: expected a JSON object, seen status 404", id="404"
        ),
    ],
)
async def test_whoever_comes_while_nobody_is_asked_hears_why(documents, far, failure, why):
    """The second login fails for the reason of the first; its line in the log says so too."""
    far.answers = [failure]
    with contextlib.suppress(ProviderUnavailable):
        await documents.get(KEYS, "idp")

    with pytest.raises(ProviderUnavailable) as later:
        await documents.get(KEYS, "idp")

    assert str(later.value) == f"provider idp: not asked again yet, for a moment ago: {why}"


@pytest.mark.anyio
async def test_t35_case18_a_thousand_unknown_keys_cost_one_fetch_a_minute(documents, far, clock):
    """Forged key ids are free to make; requests to the provider are not."""
    await documents.get(KEYS, "idp")
    for _ in range(1000):
        await documents.get(RENEW, "idp")
    assert len(far.asked) == 2
    clock.advance(RENEWAL)

    for _ in range(1000):
        await documents.get(RENEW, "idp")

    assert len(far.asked) == 3


@pytest.mark.anyio
async def test_case18_the_minute_begins_before_the_fetch_and_counts_failures(documents, far, clock):
    """While the provider fails, a flood of forged ids still costs one request a minute; the kept keys still serve."""
    kept = await documents.get(KEYS, "idp")
    far.answers = [ProviderUnavailable("idp", "down")]
    with pytest.raises(ProviderUnavailable):
        await documents.get(RENEW, "idp")
    clock.advance(COOLDOWN + 1)

    assert await documents.get(RENEW, "idp") is kept
    assert await documents.get(KEYS, "idp") is kept
    assert len(far.asked) == 2


@pytest.mark.anyio
async def test_a_renewal_in_the_air_is_joined(documents, far):
    """Of two logins with a new key at the same moment, the second does not fail for being second."""
    old = await documents.get(KEYS, "idp")
    far.slow.clear()
    waiting = [asyncio.ensure_future(documents.get(RENEW, "idp")) for _ in range(2)]
    await asyncio.sleep(0)

    far.slow.set()
    first, second = await asyncio.gather(*waiting)

    assert first is second
    assert first is not old


@pytest.mark.anyio
async def test_who_goes_away_cancels_nothing(documents, far):
    """The document is wanted by others."""
    far.slow.clear()
    waiting = asyncio.ensure_future(documents.get(KEYS, "idp"))
    await asyncio.sleep(0)
    waiting.cancel()
    far.slow.set()

    assert isinstance(await documents.get(KEYS, "idp"), Answer)
    assert len(far.asked) == 1


@pytest.mark.anyio
async def test_documents_that_nobody_wants_any_more_are_forgotten(documents, clock):
    """A provider that moves its keys with every fetch fills no memory."""
    for n in range(50):
        await documents.get(Ask(f"https://idp.example/keys/{n}", keep=3600), "idp")
        clock.advance(3601)

    assert len(documents._documents) <= 2
