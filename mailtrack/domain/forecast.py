"""When a parcel comes: an interval that eight of ten of its like keep to.

How long it takes from a milestone to the next, or to the door, is a survival curve by days,
told by its hazards: h(d), the share of those still on their way that arrive on day d. It
begins as the table of `stage_times` has it, drawn through its three quantiles. Each parcel
seen since then moves it:

    h(d) = (m·h₀(d) + ended(d)) / (m + at_risk(d))

as if m parcels that behave as the table says had been seen, too. at_risk(d) is how many were
still on their way on day d; one that left sight (returned, lost, given up) counts in it until
then and never in `ended`, so that slow parcels are not forgotten. Without m this is the curve of
Kaplan and Meier (1958); with it, it is the mean of what may be true where every h(d) has a beta
prior that weighs m parcels: the beta process of Hjort (1990), the discrete case of Walker and
Muliere's beta-Stacy (1997). In Susarla and Van Ryzin's older form (1976) the prior weighs
m·S₀(d−1), which is next to nothing far out, where one late parcel would then be believed alone.

It is done twice: parcels of other lanes of the same route move the table, those of the lane
itself move the result. A lane that nobody has seen is so told by its like, one that is often
seen by itself.

What has been waited already is a condition: the hazards of the days to come are all that
counts, and quantiles of "at least w days" never fall as w grows. The calendar comes last: who
would come on a Sunday comes on Monday.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import accumulate, pairwise
from math import log
from statistics import NormalDist
from zoneinfo import ZoneInfo

from mailtrack.domain import stage_times
from mailtrack.domain.delivery_days import delivery_day
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.stage_times import Lane, Spread

PARIS = ZoneInfo("Europe/Paris")

#: The share of parcels that come within an interval.
SHARE = 0.8
#: Who has not come by this hour does not come on that day any more.
LAST_HOUR = 20
#: Days after which no parcel is told apart from those that take for ever.
HORIZON = 120
#: A parcel that waits longer at one milestone is not forecast any more.
LONGEST_WAIT = timedelta(days=90)
#: How many parcels the prior weighs on each day.
PSEUDO_PARCELS = 8.0
#: A parcel that outlives this share of its like is slow.
SLOW_SHARE = 0.9
#: Nobody is called slow sooner than that, however fast the others are.
SOONEST_SLOW_DAYS = 3

_BELL = NormalDist()
#: The share of those still on their way that arrive on a day, from day 0 on.
_Hazards = tuple[float, ...]


class Measure(StrEnum):
    """What is waited for: the next milestone, or the delivery."""

    STAY = "stay"
    DELIVERY = "delivery"


@dataclass(frozen=True, slots=True)
class DayCount:
    """Parcels of one milestone, lane and measure, by days since they reached it.

    `day` is the difference of dates in France. `ended` arrived on it; `left` was seen for the
    last time on it (returned, lost, given up).
    """

    day: int
    ended: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class Experience:
    """What an installation has seen of one milestone and measure: of a lane, and of its like."""

    own: tuple[DayCount, ...] = ()
    others: tuple[DayCount, ...] = ()


NOTHING = Experience()


@dataclass(frozen=True, slots=True)
class Forecast:
    """Days in France between which eight parcels of ten come, both included.

    By `middle` half of them have come; people are told the interval alone.
    """

    first: date
    middle: date
    last: date


def experience_of(lane: Lane, seen: Iterable[tuple[Lane, DayCount]]) -> Experience:
    """Return what the counts of one milestone and measure say of a lane.

    Lanes of another route are left out: they go too differently.
    """
    alike = [(other, count) for other, count in seen if other.route is lane.route]
    return Experience(
        own=tuple(count for other, count in alike if other == lane),
        others=tuple(count for other, count in alike if other != lane),
    )


def forecast(
    milestone: Milestone,
    reached_at: datetime,
    now: datetime,
    lane: Lane,
    experience: Experience = NOTHING,
) -> Forecast | None:
    """Return when a parcel comes, or None where that cannot be said.

    `experience` is of `Measure.DELIVERY`. The interval begins today at the earliest, and has two
    days at least: we never promise a day of our own making.
    """
    spread = stage_times.to_delivery(milestone, lane.route)
    if spread is None or now - reached_at > LONGEST_WAIT:
        return None
    reached, local = reached_at.astimezone(PARIS).date(), now.astimezone(PARIS)
    # The day of today is over once the vans are back.
    today = local.date() + timedelta(days=local.hour >= LAST_HOUR)
    hazards = _hazards(spread, experience)
    waited = max(0, (today - reached).days)
    low, high = _interval(hazards, waited)
    first, middle, last = (
        delivery_day(max(today, reached + timedelta(days=days)))
        for days in (low, _quantile(hazards, waited, 0.5), high)
    )
    return Forecast(first, middle, max(last, delivery_day(first + timedelta(days=1))))


def slow_since(
    milestone: Milestone, reached_at: datetime, lane: Lane, experience: Experience = NOTHING
) -> datetime | None:
    """Return from when on a parcel outlives nine of ten of its like at this milestone.

    None where nothing is awaited. `experience` is of `Measure.STAY`; without any, these are the
    days of `stage_times`.
    """
    days = quantile(milestone, Measure.STAY, SLOW_SHARE, lane, experience)
    if days is None:
        return None
    return reached_at + timedelta(days=max(days, SOONEST_SLOW_DAYS))


def quantile(
    milestone: Milestone,
    measure: Measure,
    share: float,
    lane: Lane,
    experience: Experience = NOTHING,
    waited: int = 0,
) -> int | None:
    """Return the days from a milestone within which this share of parcels arrives.

    Of those that have waited for `waited` days already. None where nothing is awaited; `HORIZON`
    stands for ever.
    """
    spread = _spread(milestone, measure, lane)
    return None if spread is None else _quantile(_hazards(spread, experience), waited, share)


def _spread(milestone: Milestone, measure: Measure, lane: Lane) -> Spread | None:
    if measure is Measure.DELIVERY:
        return stage_times.to_delivery(milestone, lane.route)
    return stage_times.stay(milestone)


@lru_cache(maxsize=1024)
def _hazards(spread: Spread, experience: Experience) -> _Hazards:
    """Return what is believed after the prior, the like of a lane, and the lane itself."""
    return _updated(_updated(_prior(spread), experience.others), experience.own)


@lru_cache(maxsize=256)
def _prior(spread: Spread) -> _Hazards:
    """Return the hazards of a log-normal curve of two halves, drawn through three quantiles.

    Somebody who takes two and a half days arrives on the second or the third day by the
    calendar: the day counts until its middle.
    """
    alive = [1.0, *(1 - _share_within(spread, day + 0.5) for day in range(HORIZON))]
    return tuple(1 - later / earlier if earlier > 0 else 1.0 for earlier, later in pairwise(alive))


def _share_within(spread: Spread, days: float) -> float:
    """Return the share of parcels that take no longer; `statistics` has the bell curve."""
    side = spread.high if days > spread.middle else spread.low
    scale = abs(log(side / spread.middle)) / _BELL.inv_cdf((1 + SHARE) / 2)
    return _BELL.cdf(log(days / spread.middle) / scale)


def _updated(hazards: _Hazards, counts: Sequence[DayCount]) -> _Hazards:
    """Return the hazards after parcels were seen, by the formula at the top."""
    if not counts:
        return hazards
    ended, gone = [0] * HORIZON, [0] * HORIZON
    for count in counts:
        day = min(max(count.day, 0), HORIZON - 1)
        ended[day] += count.ended
        gone[day] += count.ended + count.left
    at_risk = reversed(list(accumulate(reversed(gone))))
    return tuple(
        (PSEUDO_PARCELS * hazard + arrived) / (PSEUDO_PARCELS + waiting)
        for hazard, arrived, waiting in zip(hazards, ended, at_risk, strict=True)
    )


def _arrivals(hazards: _Hazards, waited: int) -> Iterator[tuple[int, float, float]]:
    """Yield each day with the shares that have come before it and by its end.

    Of those who have waited so long. Who comes after the horizon comes on its day.
    """
    alive = 1.0
    for day in range(waited, HORIZON):
        left = alive * (1 - hazards[day])
        yield day, 1 - alive, 1 - left
        alive = left
    yield max(waited, HORIZON), 1 - alive, 1.0


def _quantile(hazards: _Hazards, waited: int, share: float) -> int:
    return next(day for day, _, by in _arrivals(hazards, waited) if by >= share)


def _interval(hazards: _Hazards, waited: int) -> tuple[int, int]:
    """Return the first and the last day of those between which `SHARE` comes.

    A day at the edge belongs to it if most of those do who come on it: with every day that it
    touches, an interval of a few days would hold nine of ten and be wider than promised.
    """
    days = [(day, (before + by) / 2) for day, before, by in _arrivals(hazards, waited)]
    first = next(day for day, share in days if share >= (1 - SHARE) / 2)
    return first, max(day for day, share in days if share <= (1 + SHARE) / 2)
