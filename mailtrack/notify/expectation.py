"""When a parcel is expected: on the day that somebody named, or within days of our own estimate."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from mailtrack.domain.forecast import Forecast


@dataclass(frozen=True, slots=True)
class ExpectedDay:
    """The day that somebody named for the delivery; `slot` has its hours ("11:15-15:15", Paris).

    `by` is a name, "" for us: then it is the last day of an estimate.
    """

    day: date
    by: str = ""
    slot: str = ""


@dataclass(frozen=True, slots=True)
class Expectation:
    """Between which days a parcel should come, both included, as told on the day `told_on`.

    `named`: the one day, where somebody else names it. `missed`: what was told before, where
    that has passed and the estimate takes its place.
    """

    first: date
    last: date
    told_on: date
    named: ExpectedDay | None = None
    missed: ExpectedDay | None = None


def expectation(
    named: Sequence[ExpectedDay], estimate: Forecast | None, promised: date | None, today: date
) -> Expectation | None:
    """Return when a parcel is expected, None where nothing is to be said of it.

    `named`: the days that others name, the best known first; `promised`: until when we expected
    it, where that has passed.

    1. A day that lies ahead counts as it was named.
    2. Else our estimate does, which takes back what was told before it.
    """
    # 1.
    ahead = next((one for one in named if one.day >= today), None)
    if ahead is not None:
        return Expectation(ahead.day, ahead.day, today, named=ahead)
    # 2.
    if estimate is None:
        return None
    ours = [ExpectedDay(promised)] if promised is not None and promised < today else []
    missed = next(iter([*named, *ours]), None)
    return Expectation(estimate.first, estimate.last, today, missed=missed)
