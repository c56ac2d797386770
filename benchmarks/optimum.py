"""The best that any polling rule can do who knows the itineraries: dynamic programming.

It knows the rate of scans by milestone, age and hour of the week, and weighs each wait against
all that may follow: V(a) = min over waits k of price + expected delay until a+k + P(nothing came)
V(a+k). By the parcels on which it is tried it is a limit and no rule to use; by others it shows
what a rule may know of these.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.stage_times import times_of

if TYPE_CHECKING:
    from benchmarks.delay import Parcel

#: Hours since the last scan at which another rate begins.
_AGES_H = np.array([0, 0.5, 1, 2, 3, 4, 6, 8, 12, 18, 24, 36, 48, 72, 96, 144, 216, 336])
#: Hours of a working day, then those of Saturdays and Sundays.
_HOURS = 48
#: How many hours of exposure the product of the age's rate and the hour's weighs in each cell.
_SHRINKAGE_H = 40.0
#: Milestones at which scans come within hours are planned by the quarter hour.
_QUICK = frozenset({Milestone.OUT_FOR_DELIVERY})
_LONGEST_WAIT_H = 24
#: Price of what is left where planning ends, in requests.
_REST = 10.0

#: The share of parcels that are scanned in a step, by its age and the step of the week at which
#: the last scan came.
_Shares = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """What parcels have shown; `rest` shows the milestones at which they never were."""

    shares: Mapping[Milestone, _Shares]
    rest: "Lessons | None" = None

    def of(self, milestone: Milestone) -> _Shares:
        if milestone not in self.shares and self.rest is not None:
            return self.rest.of(milestone)
        return self.shares[milestone]


def learn(parcels: Sequence["Parcel"], rest: Lessons | None = None) -> Lessons:
    """Return what these parcels show of each milestone."""
    shape = len(_AGES_H), _HOURS
    scans: dict[Milestone, NDArray[np.float64]] = defaultdict(lambda: np.zeros(shape))
    exposure: dict[Milestone, NDArray[np.float64]] = defaultdict(lambda: np.zeros(shape))
    for parcel in parcels:
        for one, following in pairwise(parcel):
            at = one.at_h
            while at < following.at_h:
                until = min(following.at_h, at // 1 + 1)
                exposure[one.milestone][_cell(at - one.at_h, at)] += until - at
                at = until
            scans[one.milestone][_cell(following.at_h - one.at_h, following.at_h)] += 1
    shares = {
        milestone: _shares(_smoothed(scans[milestone], exposure[milestone]), _step(milestone))
        for milestone in exposure
    }
    return Lessons(shares, rest)


@cache
def rule(known: Lessons, price_h: float) -> Callable[[Milestone, float, float], float]:
    """Return the best waits in hours at a price of a request."""
    plans: dict[Milestone, NDArray[np.int64]] = {}

    def wait(milestone: Milestone, age_h: float, now: float) -> float:
        step_h = _step(milestone)
        if milestone not in plans:
            importance = times_of(milestone).importance
            plans[milestone] = _plan(known.of(milestone), importance, price_h, step_h)
        plan = plans[milestone]
        age = min(round(age_h / step_h), len(plan) - 1)
        begun = (round(now / step_h) - age) % plan.shape[1]
        return float(plan[age, begun]) * step_h

    return wait


def _step(milestone: Milestone) -> float:
    return 0.25 if milestone in _QUICK else 1.0


def _cell(age_h: float, at_h: float) -> tuple[int, int]:
    is_weekend = at_h // 24 % 7 >= 5
    return int(np.searchsorted(_AGES_H, age_h, side="right")) - 1, int(at_h % 24) + 24 * is_weekend


def _smoothed(scans: NDArray[np.float64], exposure: NDArray[np.float64]) -> NDArray[np.float64]:
    by_age = (scans.sum(axis=1) + 0.01) / (exposure.sum(axis=1) + 1)
    expected = (by_age[:, None] * exposure).sum(axis=0)
    by_hour = (scans.sum(axis=0) + 5) / (expected + 5)
    product = by_age[:, None] * by_hour
    rates: NDArray[np.float64] = (scans + _SHRINKAGE_H * product) / (exposure + _SHRINKAGE_H)
    return rates


def _shares(rates: NDArray[np.float64], step_h: float) -> _Shares:
    """Return the shares by age and step of the week, of rates by cell."""
    last = int((4 if step_h < 1 else 30) * 24 / step_h) + int(_LONGEST_WAIT_H / step_h)
    begun = np.arange(int(168 / step_h)) * step_h
    cells = [
        [rates[_cell(age * step_h, at)] for at in (begun + age * step_h) % 168]
        for age in range(last)
    ]
    shares: _Shares = 1 - np.exp(-np.array(cells) * step_h)
    return shares


def _plan(scanned: _Shares, importance: float, price_h: float, step_h: float) -> NDArray[np.int64]:
    """Return the best wait in steps, by age and by the step of the week at which it began."""
    last, week = scanned.shape
    waits = int(_LONGEST_WAIT_H / step_h)
    ages = last - waits
    value = np.full((last + 1, week), price_h * _REST)
    best = np.ones((ages, week), dtype=np.int64)
    for age in range(ages - 1, -1, -1):
        delay, silent, least = np.zeros(week), np.ones(week), np.full(week, np.inf)
        for steps in range(1, waits + 1):
            now = scanned[age + steps - 1]
            delay += importance * step_h * ((1 - silent) + silent * now / 2)
            silent = silent * (1 - now)
            cost = price_h + delay + silent * value[age + steps]
            best[age][cost < least] = steps
            least = np.minimum(least, cost)
        value[age] = least
    return best
