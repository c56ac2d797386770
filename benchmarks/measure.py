"""Timing two things in turns, so that whatever else the machine does meets both."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Ratio:
    """What was measured of ours and of its yardstick (seconds), and what is aimed at.

    `value` is ours divided by the yardstick: below 1 is faster. `count` is how many things
    were done in that time, where their rate is of interest.
    """

    name: str
    ours_s: float
    yardstick: str
    yardstick_s: float
    target: str = ""
    count: int = 0

    @property
    def value(self) -> float:
        return self.ours_s / self.yardstick_s


class Stopwatch:
    """Collects the seconds that the same thing took each time."""

    def __init__(self) -> None:
        self._laps: list[float] = []

    @contextmanager
    def lap(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self._laps.append(time.perf_counter() - began)

    @property
    def median_s(self) -> float:
        return median(self._laps)


def in_turns(
    one: Callable[[], object],
    other: Callable[[], object],
    rounds: int,
    before: Callable[[], object] = lambda: None,
) -> list[float]:
    """Run both `rounds` times in turns; return the median seconds of each.

    `before` prepares each round and is not measured.
    """
    watches = Stopwatch(), Stopwatch()
    for _ in range(rounds):
        before()
        for watch, work in zip(watches, (one, other), strict=True):
            with watch.lap():
                work()
    return [watch.median_s for watch in watches]
