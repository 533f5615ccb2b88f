"""People at their browsers: pages in bursts of checks, and pauses between them of which some are very long.

Pauses follow Lomax' distribution (Pareto's, begun at zero): P(pause > x) = (1 + x/scale) ** -TAIL. With a tail of 1.5
most pauses are short, their variance is infinite, and half an hour away from the desk belongs to the same law.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from random import Random

TAIL = 1.5
STEPS = 200
"""Parts into which a stretch of time is cut to add up what falls into it."""
LONG = 60.0
"""Times the scale: a stretch that is too long for so few parts."""


@dataclass(frozen=True, slots=True)
class Population:
    """How people behave; seconds, and shares from 0 to 1.

    A page is `checks` checks on average (geometrically distributed), within `page` seconds; `pause` is the mean time
    from one page to the next. `signed_in` is the share of checks that carry a session. Provider tokens live for `token`
    seconds. A session lives for `life` on average, from login to end, of which the share `logouts` are logouts; the
    busiest hour has `peak` times the logins of the average one.
    """

    checks: float = 20.0
    page: float = 2.0
    pause: float = 30.0
    signed_in: float = 0.9
    token: float = 3600.0
    life: float = 3 * 86_400.0
    logouts: float = 0.2
    peak: float = 5.0

    @property
    def scale(self) -> float:
        """Of the pauses, in seconds."""
        return self.pause * (TAIL - 1)

    def a_pause(self, random: Random) -> float:
        """Seconds from one page of a session to its next."""
        return self.scale * (float((1 - random.random()) ** (-1 / TAIL)) - 1)

    def a_rest(self, random: Random) -> float:
        """What is left of the pause in which somebody finds a session who looks at any moment."""
        return self.scale * (float((1 - random.random()) ** (-1 / (TAIL - 1))) - 1)

    def a_page(self, random: Random) -> list[float]:
        """Seconds after its beginning at which the checks of a page come."""
        offsets = [0.0]
        while random.random() >= 1 / self.checks:
            offsets.append(random.random() * self.page)
        return offsets

    def reaches(self, processes: int) -> float:
        """The chance that a page has a check at one certain of so many processes, dealt at random."""
        missed, end = 1 - 1 / processes, 1 / self.checks
        return 1 - missed * end / (1 - (1 - end) * missed)

    def pages_within(self, seconds: float) -> float:
        """How many further pages of a session are expected in so many seconds after one."""
        return _renewals(self.scale, seconds)


@lru_cache(maxsize=1024)
def _renewals(scale: float, seconds: float) -> float:
    """Renewal function of the pauses; a long time by its expansion (Feller II, XI.3), which adds what the tail lacks."""
    if seconds <= LONG * scale:
        return _by_parts(scale, seconds)
    mean = scale / (TAIL - 1)
    return seconds / mean + (TAIL - 1) / (2 - TAIL) * (float((1 + seconds / scale) ** (2 - TAIL)) - 1)


def _by_parts(scale: float, seconds: float) -> float:
    """Renewal equation m(t) = F(t) + the integral of m(t - x) over dF(x), by steps."""
    if seconds <= 0:
        return 0.0
    step = seconds / STEPS
    below = [1 - (1 + number * step / scale) ** -TAIL for number in range(STEPS + 1)]
    weights = [after - before for before, after in pairwise(below)]
    expected = [0.0]
    for number in range(1, STEPS + 1):
        # A pause that falls into a part counts from its middle: the mean of the values at its two ends.
        inner = sum(
            [
                weights[part] * (expected[number - part] + expected[number - part - 1]) / 2
                for part in range(1, number)
            ]
        )
        first = weights[0]
        expected.append((below[number] + inner + first * expected[number - 1] / 2) / (1 - first / 2))
    return expected[-1]
