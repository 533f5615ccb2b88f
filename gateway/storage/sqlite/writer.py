"""One thread that does all the writing, so that the event loop never waits for a lock or a disk."""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from gateway.errors import StoreBusy, StoreFault

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]


class Writer:
    """A bounded queue in front of one thread. `deadline` seconds is the longest that a caller waits."""

    def __init__(self, waiting: int, deadline: float) -> None:
        self._jobs: queue.Queue[_Job | None] = queue.Queue(waiting)
        self._deadline = deadline
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` on the thread; its exception is raised here.

        Work whose caller has given up before its turn is not begun. Work that was begun may still come to its
        end, as with any store whose reply is lost.
        """
        if self._closed:
            raise StoreFault("the store is closed")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        try:
            self._jobs.put_nowait(_Job(work, loop, done))
        except queue.Full:
            raise StoreBusy("the store cannot keep up: too many writes are waiting") from None
        try:
            async with asyncio.timeout(self._deadline):
                return await done
        except TimeoutError:
            raise StoreFault(f"the store did not write within {self._deadline:g} s") from None

    async def close(self) -> None:
        """Finish what was asked before, and end the thread."""
        if not self._closed:
            self._closed = True
            await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            if job.done.cancelled():
                continue
            try:
                result = job.work()
            except Exception as error:  # noqa: BLE001 - it belongs to the caller, and the thread must live
                _deliver(job, job.done.set_exception, error)
            else:
                _deliver(job, job.done.set_result, result)


def _deliver(job: _Job, how: Callable[[Any], None], what: object) -> None:
    def settle() -> None:
        if not job.done.done():
            how(what)

    with suppress(RuntimeError):  # the caller's loop has been closed: nobody is waiting
        job.loop.call_soon_threadsafe(settle)
