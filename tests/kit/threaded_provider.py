"""A scripted provider on a port, answered by a thread of its own: for commands that run a loop of their own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.kit.scripted_provider import ScriptedProvider, serve


@contextmanager
def served(provider: ScriptedProvider) -> Iterator[str]:
    """The provider on a free loopback port; yields its address, which is its issuer then."""
    loop = asyncio.new_event_loop()
    done = asyncio.Event()
    ready = threading.Event()

    async def stay() -> None:
        async with serve(provider):
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(stay()))
    thread.start()
    try:
        assert ready.wait(10), "the provider does not listen"
        yield provider.issuer
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(10)
        loop.close()
