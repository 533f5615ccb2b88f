"""An ASGI application on a loopback port, answered by a thread of its own: for a real browser."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


@contextmanager
def served_app(app: Any, port: int) -> Iterator[None]:
    """Serves until the block ends."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, lifespan="off", log_config=None, ws="none")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        end = time.monotonic() + 10
        while not server.started:
            assert thread.is_alive(), "the application does not listen"
            assert time.monotonic() < end, "the application does not listen"
            time.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        thread.join(10)
