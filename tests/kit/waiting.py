"""Waiting for what other tasks do, with a limit and without a guess at how long it takes."""

import asyncio
import time
from collections.abc import Callable


async def until(holds: Callable[[], bool], seconds: float = 10.0, what: str = "") -> float:
    """Return, with the seconds that it took, once `holds`; `AssertionError` where it does not come to hold."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"not within {seconds:g} s: {what or 'it did not come to hold'}")
        await asyncio.sleep(0.002)
    return time.monotonic() - began
