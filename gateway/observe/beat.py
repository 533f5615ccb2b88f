"""A function that is called once a second, in a thread of its own: the loop that answers is not asked for the time."""

import threading
from collections.abc import Callable

EVERY = 1.0


class Beat:
    """Calls `each` until it is closed. `each` must not raise."""

    def __init__(self, each: Callable[[], None], every: float = EVERY) -> None:
        self._each = each
        self._every = every
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="beat", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._closing.wait(self._every):
            self._each()

    def close(self, timeout: float = 2.0) -> None:
        """No call begins after this one has returned, but for one that takes longer than `timeout` seconds."""
        self._closing.set()
        self._thread.join(timeout)
