"""A clock that is set back: documents of a provider must not be out of reach until it has caught up."""

import pytest

from gateway.errors import ProviderUnavailable
from gateway.providers.provider import Ask
from gateway.providers.remote_keys import RENEWAL, RemoteDocuments
from tests.kit.clock import Clock
from tests.kit.scripted_provider import reply

pytestmark = pytest.mark.anyio

HOUR = 3600.0
KEYS = Ask("https://idp.example/keys", retry=True, keep=HOUR)
RENEW = Ask("https://idp.example/keys", retry=True, keep=HOUR, renew=True)


class Far:
    """Fails as often as it is told to, and then answers with a number of its own."""

    def __init__(self):
        self.fails = self.asked = 0

    async def __call__(self, ask, provider):
        self.asked += 1
        if self.fails:
            self.fails -= 1
            raise ProviderUnavailable(provider, "away")
        return reply(200, {"n": self.asked})


@pytest.fixture
async def scene():
    clock, far = Clock(), Far()
    documents = RemoteDocuments(far, clock)
    yield clock, far, documents
    await documents.close()


async def test_a_failure_that_lies_ahead_of_the_clock_keeps_nobody_from_signing_in(scene):
    """It was a moment ago, and not in an hour."""
    clock, far, documents = scene
    far.fails = 1
    with pytest.raises(ProviderUnavailable):
        await documents.get(KEYS, "idp")
    clock.advance(-HOUR)

    assert (await documents.get(KEYS, "idp")).json == {"n": 2}


async def test_new_keys_are_fetched_though_the_last_time_lies_ahead_of_the_clock(scene):
    """A provider that has changed its keys must be believed within a minute, whatever the clock does."""
    clock, _, documents = scene
    await documents.get(KEYS, "idp")
    await documents.get(RENEW, "idp")
    clock.advance(-HOUR)

    assert (await documents.get(RENEW, "idp")).json == {"n": 3}
    clock.advance(RENEWAL - 1)
    assert (await documents.get(RENEW, "idp")).json == {"n": 3}
