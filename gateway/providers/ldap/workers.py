"""Threads for a library that waits: so many and no more, and nobody waits for one of them beyond a deadline."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from gateway.errors import ProviderUnavailable
from gateway.late import heard_late
from gateway.providers.ldap.errand import Errand

T = TypeVar("T")


class Workers:
    """`most` threads, made when they are needed. `timer` never goes back."""

    def __init__(self, provider: str, most: int, timer: Callable[[], float]) -> None:
        self._provider = provider
        self._timer = timer
        self._free = asyncio.Semaphore(most)
        self._pool = ThreadPoolExecutor(most, thread_name_prefix=f"ldap-{provider}")

    async def run(self, question: Callable[[Errand], T], seconds: float) -> T:
        """The answer, or what the question raises; `ProviderUnavailable` after `seconds`.

        Who goes away leaves the question to end by itself: half of a sign-in is no better than all of it.
        """
        errand = Errand(self._provider, self._timer() + seconds, self._timer)
        limit = asyncio.timeout(seconds)
        answer: asyncio.Future[T] | None = None
        try:
            async with limit:
                await self._free.acquire()
                asked = self._pool.submit(question, errand)
                asked.add_done_callback(self._freed(asyncio.get_running_loop()))
                answer = asyncio.wrap_future(asked)
                return await asyncio.shield(answer)
        except TimeoutError:
            errand.abandon()
            detail = "no answer of the directory within the deadline"
            raise ProviderUnavailable(self._provider, detail, ambiguous=True) from None
        finally:
            if answer is not None and not answer.done():
                answer.add_done_callback(lambda late: heard_late(late, "a question to a directory"))

    async def close(self) -> None:
        """No further questions; those under way end within their own deadline."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _freed(self, loop: asyncio.AbstractEventLoop) -> Callable[[Future[Any]], None]:
        """A place is free when its thread is, not when somebody stops waiting for it."""

        def give_back(_: Future[Any]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits for a place any more
                loop.call_soon_threadsafe(self._free.release)

        return give_back
