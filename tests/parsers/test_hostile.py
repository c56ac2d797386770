"""Nothing that strangers or carriers write takes a time that grows with its square.

No time is asserted, only how it grows: four times the size takes four times as long, and
sixteen times where something is quadratic. `python -m benchmarks.hostile` prints the times.
"""

from collections.abc import Callable
from itertools import islice

import pytest

from benchmarks.hostile import PLACES, Shape, compositions, cpu_s, make_reader, works

#: Between linear and quadratic, for four times the size.
MOST_GROWTH = 9.0
#: What is shorter counts as so much, since a clock tells little of it (seconds).
FLOOR_S = 0.05
#: A machine that does other things is asked again.
TRIES = 3

SIZE = 40_000
SEED, NEW_SHAPES = 20260302, 150

Work = Callable[[bytes], object]


def growth(work: Work, shape: Shape, size: int) -> float:
    """Return how many times as long four times the size takes: the least of some tries."""
    least = float("inf")
    for _ in range(TRIES):
        once, four_times = cpu_s(work, shape(size)), cpu_s(work, shape(4 * size))
        least = min(least, four_times / max(once, FLOOR_S))
        if least < MOST_GROWTH:
            break
    return least


@pytest.mark.parametrize(
    ("shape", "work"), [pytest.param(shape, work, id=name) for name, shape, work in works()]
)
def test_what_once_stalled_a_reader_takes_a_time_that_grows_with_its_size(
    shape: Shape, work: Work
) -> None:
    assert growth(work, shape, SIZE) < MOST_GROWTH


def test_new_hostile_mails_take_a_time_that_grows_with_their_size() -> None:
    read = make_reader()

    grown = {
        name: growth(read, shape, SIZE) for name, shape in islice(compositions(SEED), NEW_SHAPES)
    }

    assert {} == {name: times for name, times in grown.items() if times >= MOST_GROWTH}


def test_new_hostile_mails_are_made_for_every_place_in_which_strangers_write() -> None:
    names = [name for name, _ in islice(compositions(SEED), NEW_SHAPES)]

    assert set(PLACES) == {name.partition(": b")[0] for name in names}
