"""Standing documents of the providers: metadata and keys, fetched when first needed and kept for a while.

Laws:

1. One fetch at a time for one document, however many logins want it.
2. A failed fetch is not repeated for `COOLDOWN` seconds: a provider that is down is not hammered, and a login that
   cannot succeed is told so at once.
3. A document that did not fit (an unknown key id) is fetched again at most once in `RENEWAL` seconds. The moment is
   written down *before* the fetch, so that a flood of forged key ids costs one request a minute, also while the
   provider is slow or failing.
4. Nothing is fetched at the start: a provider that is down keeps nobody else from signing in.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.errors import ProviderUnavailable
from gateway.providers.provider import Answer, Ask
from gateway.sessions.single_flight import SingleFlight

COOLDOWN = 8.0
RENEWAL = 60.0

Fetch = Callable[[Ask, str], Awaitable[Answer]]


@dataclass(slots=True)
class _Standing:
    """What is known of one document. Times in Unix seconds."""

    answer: Answer | None = None
    until: float = 0.0
    failed: float = float("-inf")
    renewed: float = float("-inf")
    why: str = ""

    @property
    def spent(self) -> float:
        """From when on nothing in here matters any more."""
        return max(self.until, self.failed + COOLDOWN, self.renewed + RENEWAL)


class RemoteDocuments:
    """The documents of all providers, by provider and address."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._documents: dict[tuple[str, str], _Standing] = {}
        self._flights: SingleFlight[Answer] = SingleFlight()

    async def get(self, ask: Ask, provider: str) -> Answer:
        """The answer to an `Ask` that may be kept. Raises `ProviderUnavailable`."""
        key = (provider, ask.url)
        standing = self._documents.setdefault(key, _Standing())
        now = self._clock()
        # A renewal that is already in the air is joined: its document may be the one that fits.
        renewing = ask.renew and (key in self._flights or not _within(RENEWAL, standing.renewed, now))
        if standing.answer is not None and now < standing.until and not renewing:
            return standing.answer
        if _within(COOLDOWN, standing.failed, now):
            raise ProviderUnavailable(provider, f"not asked again yet, for a moment ago: {standing.why}")
        if renewing and key not in self._flights:
            standing.renewed = now
        return await self._flights.join(key, lambda: self._renew(standing, ask, provider))

    async def close(self) -> None:
        await self._flights.close(0.0)

    async def _renew(self, standing: _Standing, ask: Ask, provider: str) -> Answer:
        try:
            answer = await self._fetch(ask, provider)
        except ProviderUnavailable as fault:
            standing.failed, standing.why = self._clock(), fault.detail
            raise
        if answer.status != 200 or answer.json is None:
            # Not worth keeping; the flow says what is wrong with it.
            standing.failed = self._clock()
            standing.why = f"{ask.url.partition('?')[0]}: expected a JSON object, seen status {answer.status}"
            return answer
        self._forget_spent()
        standing.answer, standing.until = answer, self._clock() + ask.keep
        return answer

    def _forget_spent(self) -> None:
        """A provider that moves its documents about leaves nothing behind."""
        now = self._clock()
        for key, standing in list(self._documents.items()):
            if standing.spent < now and key not in self._flights:
                del self._documents[key]


def _within(seconds: float, since: float, now: float) -> bool:
    """Whether less than so many seconds have passed. A clock that was set back since says nothing, and keeps nobody out."""
    return 0 <= now - since < seconds
