"""Tokens that came for nobody: while the provider was asked for them, their session ended.

They would live on at the provider for weeks. So they are given back (RFC 7009): once, beside everything else, and
only as well as it goes, since nobody holds them any more.
"""

import contextlib
import itertools
from dataclasses import replace

from gateway.errors import ProviderFault
from gateway.providers.catalog import Catalog
from gateway.providers.provider import Revokes
from gateway.sessions.session import Grant
from gateway.sessions.single_flight import SingleFlight

MOST = 50
"""Requests in the air at once: a logout of everybody is no flood at the provider."""


class Orphans:
    """Gives tokens back, each in a task of its own within the provider's `timeout`."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._flights: SingleFlight[None] = SingleFlight()
        self._numbers = itertools.count()

    def give_back(self, new: Grant, spent: Grant) -> None:
        """Give back what is new in `new`.

        The same refresh token again is not: a login that joined the ended session may have taken it along.
        """
        provider = self._catalog.get(new.provider)
        if not isinstance(provider, Revokes) or len(self._flights) >= MOST:
            return
        rotated = new.refresh_token != spent.refresh_token
        unwanted = new if rotated else replace(new, refresh_token="")
        self._flights.start(next(self._numbers), lambda: self._revoke(provider, unwanted))

    async def close(self, patience: float) -> None:
        """Wait for what is in the air, for at most `patience` seconds."""
        await self._flights.close(patience)

    async def _revoke(self, provider: Revokes, grant: Grant) -> None:
        with contextlib.suppress(ProviderFault):
            await self._catalog.run(provider.revoke(grant), provider=provider.name)
