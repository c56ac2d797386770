"""How good promises were: how often they held, how wide they were, and what they cost.

The pinball loss (Koenker and Bassett 1978) of a quantile q that was told as day x, for a parcel
that came on day y, is q·(y − x) where it came later and (1 − q)·(x − y) where it came earlier:
least for whoever tells the true quantiles, so that nobody gains by being too wide or too sure.
It is counted in days, and says something beside that of a rival alone.

A score holds sums: it is kept for each milestone, and that of a parcel is added when it comes.

Days are told whole, so that some intervals hold more than was aimed at, and no shorter one holds
enough: where nine of ten come on the day itself, one day is 90 %. What the shortest would have
held in hindsight says how much of a coverage above `SHARE` is due to that.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from itertools import accumulate
from math import inf
from operator import sub
from typing import Self

from mailtrack.domain.forecast import SHARE, DayCount, Forecast
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.stage_times import Lane, published_days

#: The shares of parcels that are told to come by a forecast's first, middle and high day.
SHARES = ((1 - SHARE) / 2, 0.5, (1 + SHARE) / 2)


@dataclass(frozen=True, slots=True)
class Promise:
    """What was told on one day of a parcel at a milestone.

    `followed_on` is the day of its first milestone, `reached_on` that of this one.
    """

    milestone: Milestone
    lane: Lane
    followed_on: date
    reached_on: date
    made_on: date
    told: Forecast


@dataclass(frozen=True, slots=True)
class Kept:
    """How many of `count` intervals held, and their width in days; both are sums."""

    count: int = 0
    held: int = 0
    width: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def coverage(self) -> float:
        """Return the share of promises that held; `SHARE` is what was promised."""
        return self.held / self.count

    @property
    def mean_width(self) -> float:
        """Return how many days an interval has, in the mean."""
        return self.width / self.count


@dataclass(frozen=True, slots=True)
class Score(Kept):
    """What became of promises; the losses are sums in days.

    `published_loss` and `mean_loss` are those of two rivals that would have told other days: the
    fixed ones that the shop publishes, and the mean of what had been seen until then.
    """

    loss: float = 0.0
    published_loss: float = 0.0
    mean_loss: float = 0.0

    @property
    def ratio(self) -> float:
        """Return our loss divided by that of the better rival: below 1 is better than both."""
        best = min(self.published_loss, self.mean_loss)
        if best:
            return self.loss / best
        return inf if self.loss else 1.0


def score(promise: Promise, delivered_on: date, mean: float | None) -> Score:
    """Return the score of one promise.

    `mean` is what parcels had taken from this milestone to the delivery until it was made, in
    days; None where none had come.
    """
    told = promise.told
    published = _published(promise)
    by_mean = published
    if mean is not None:
        day = max(promise.made_on, promise.reached_on + timedelta(days=round(mean)))
        by_mean = Forecast(day, day, day)
    return Score(
        count=1,
        held=int(told.first <= delivered_on <= told.last),
        width=(told.last - told.first).days + 1,
        loss=pinball_loss(told, delivered_on),
        published_loss=pinball_loss(published, delivered_on),
        mean_loss=pinball_loss(by_mean, delivered_on),
    )


def hindsight(seen: Iterable[tuple[Lane, DayCount]]) -> Kept:
    """Return what the shortest intervals in whole days would have held, one for each lane.

    `seen` is of one milestone. Each interval holds `SHARE` of those that arrived; of several that
    are equally short, the one that holds most. Of few parcels it is too good to be true.
    """
    lanes: dict[Lane, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for lane, count in seen:
        lanes[lane][count.day] += round(count.ended)
    return sum((_shortest(ended) for ended in lanes.values() if any(ended.values())), Kept())


def _shortest(ended: Mapping[int, int]) -> Kept:
    """Return what the shortest interval holds of those that arrived, by day."""
    arrived_by = [0, *accumulate(ended.get(day, 0) for day in range(max(ended) + 1))]
    arrived = arrived_by[-1]
    most_held = (
        (width, max(map(sub, arrived_by[width:], arrived_by)))
        for width in range(1, len(arrived_by))
    )
    width, held = next(one for one in most_held if one[1] >= SHARE * arrived)
    return Kept(arrived, held, width * arrived)


def mean_days(counts: Iterable[DayCount]) -> float | None:
    """Return the mean days of those that arrived, or None where none did."""
    ended = [(count.day, count.ended) for count in counts if count.ended]
    return sum(day * n for day, n in ended) / sum(n for _, n in ended) if ended else None


def pinball_loss(told: Forecast, delivered_on: date) -> float:
    """Return the mean pinball loss of the three quantiles of a forecast, in days."""
    late = [(delivered_on - day).days for day in (told.first, told.middle, told.high)]
    losses = (max(q * days, (q - 1) * days) for q, days in zip(SHARES, late, strict=True))
    return sum(losses) / len(SHARES)


def _published(promise: Promise) -> Forecast:
    """Return what the fixed days would have told, of which none is over."""
    days = published_days(promise.milestone, promise.lane.route)
    since = promise.reached_on if days.from_milestone else promise.followed_on
    first, middle, last = (
        max(promise.made_on, since + timedelta(days=round(number)))
        for number in (days.first, (days.first + days.last) / 2, days.last)
    )
    return Forecast(first, middle, last)
