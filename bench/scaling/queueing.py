"""How long a check waits for the one before it, where each takes equally long (the queue M/D/1)."""

import math
from decimal import Decimal, localcontext


def mean_wait(load: float) -> float:
    """Mean wait at this load (0 to 1), in service times (Pollaczek and Khinchine, with no variance)."""
    return load / (2 * (1 - load))


def wait_of(load: float, share: float) -> float:
    """The wait that this share of the checks does not exceed, in service times."""
    low, high = 0.0, 1.0
    while within(load, high) < share:
        low, high = high, high * 2
    while high - low > 1e-3:
        middle = (low + high) / 2
        low, high = (middle, high) if within(load, middle) < share else (low, middle)
    return high


def within(load: float, wait: float) -> float:
    """The share that waits at most so long: Erlang's formula for a constant service time (1909)."""
    # The terms alternate and grow with the wait; floats would cancel to nothing at some twenty service times.
    with localcontext(prec=60):
        rho, end = Decimal(load), Decimal(wait)
        terms = [
            (rho * (number - end)) ** number / math.factorial(number) * (rho * (end - number)).exp()
            for number in range(int(wait) + 1)
        ]
        return float((1 - rho) * sum(terms))
