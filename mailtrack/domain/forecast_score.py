"""How good promises were: how often they held, how wide they were, and what they cost.

The pinball loss (Koenker and Bassett 1978) of a quantile q that was told as day x, for a parcel
that came on day y, is q·(y − x) where it came later and (1 − q)·(x − y) where it came earlier:
least for whoever tells the true quantiles, so that nobody gains by being too wide or too sure.
It is counted in days, and says something beside that of a rival alone.

A score holds sums: it is kept for each milestone, and that of a parcel is added when it comes.
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from math import inf

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
class Score:
    """What became of `count` promises; all else are sums, in days but for `held`.

    `published_loss` and `mean_loss` are those of two rivals that would have told other days: the
    fixed ones that the shop publishes, and the mean of what had been seen until then.
    """

    count: int = 0
    held: int = 0
    width: int = 0
    loss: float = 0.0
    published_loss: float = 0.0
    mean_loss: float = 0.0

    def __add__(self, other: "Score") -> "Score":
        return Score(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def coverage(self) -> float:
        """Return the share of promises that held; `SHARE` is what was promised."""
        return self.held / self.count

    @property
    def mean_width(self) -> float:
        """Return how many days an interval has, in the mean."""
        return self.width / self.count

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
