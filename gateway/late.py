"""Work whose end nobody waits for any more: what it says then is looked at once, and a bug in it stays a bug.

The loop takes an exception that nobody has looked at for a crash and logs it as one. A directory that refuses, or does
not answer, after its deadline has not crashed anything.
"""

import asyncio
from typing import Any

from gateway.errors import GatewayError


def heard_late(flight: asyncio.Future[Any], what: str) -> None:
    """Look at work that is done. What is no `GatewayError` goes to the loop's handler, as `what` that crashed."""
    fault = None if flight.cancelled() else flight.exception()
    if fault is not None and not isinstance(fault, GatewayError):
        context = {"message": f"{what} crashed", "exception": fault, "task": flight}
        flight.get_loop().call_exception_handler(context)
