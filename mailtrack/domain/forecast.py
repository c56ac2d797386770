"""When a parcel comes: an interval that eight of ten of its like keep to.

How long parcels take from a milestone to the delivery (or to the next milestone) is a survival
curve by days, told by its hazards: h(d), the share of those still on their way that arrive on
day d. It begins as the table of `stage_times` has it, drawn through its three quantiles: h₀.
Each parcel that was seen moves it:

    h(d) = (m·h₀(d) + ended(d)) / (m + at_risk(d))

as if m parcels that keep to the table had been seen besides. at_risk(d) counts those that were
still on their way on day d, ended(d) those of them that arrived on it. One that left sight
(returned, lost, given up) is at risk until then and never ends: it is censored. Left out, it
would make the others look faster than they are. With m = 3, a table that lets a fifth of those
who wait arrive on day 4, and ten that waited of which four arrived: h(4) = (0.6 + 4) / 13 = 35 %.

Without m this is the estimator of Kaplan and Meier (1958, JASA 53). With it, it is the posterior
mean where each h(d) has a beta prior of the weight of m parcels: Hjort's beta process in
discrete time (1990, Ann. Statist. 18), a beta-Stacy process of Walker and Muliere (1997,
Ann. Statist. 25). In the older form of Susarla and Van Ryzin (1976, JASA 71) the prior weighs
m·S₀(d−1), with S₀ the share that is still on its way: far out next to nothing, and a single late
parcel would be believed there.

The formula is used twice: parcels of other lanes of the same route move the table, and those of
the lane itself move the result. So a lane that nobody has seen is told by its like, and one that
is often seen by itself.

What was waited already is a condition: the hazards of the days to come are all that counts, and
no quantile of "at least w days" falls as w grows. The calendar comes last: who would come on a
Sunday comes on Monday.
"""

from collections import defaultdict
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
PSEUDO_PARCELS = 3.0
#: How many parcels all those of another lane weigh at most: they are one draw among lanes. If
#: parcels of a lane are nearly as alike as one is to itself, n of them say as much as
#: n / (1 + (n − 1)·ρ) of them that are not, with ρ near 1 (Kish 1965, Survey Sampling, 8.2).
FOREIGN_PARCELS = 1.0
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
    ended: float = 0
    left: float = 0


@dataclass(frozen=True, slots=True)
class Experience:
    """What an installation has seen of one milestone and measure: of a lane, and of its like."""

    own: tuple[DayCount, ...] = ()
    others: tuple[DayCount, ...] = ()


NOTHING = Experience()


@dataclass(frozen=True, slots=True)
class Forecast:
    """Days in France between which eight parcels of ten come, both included.

    Half of them have come by `middle`, and nine of ten by `high`. People are told `first` and
    `last` alone.
    """

    first: date
    middle: date
    high: date

    @property
    def last(self) -> date:
        """Return the last day that people are told: never the first, that would be a promise."""
        return max(self.high, delivery_day(self.first + timedelta(days=1)))


def experience_of(lane: Lane, seen: Iterable[tuple[Lane, DayCount]]) -> Experience:
    """Return what the counts of one milestone and measure say of a lane.

    Lanes of another route are left out: they go too differently. Each of the same route has the
    weight of `FOREIGN_PARCELS` at most: parcels of one lane are alike, and a hundred of them
    say little more of another lane than a few.
    """
    own: list[DayCount] = []
    others: dict[Lane, list[DayCount]] = defaultdict(list)
    for other, count in seen:
        if other == lane:
            own.append(count)
        elif other.route is lane.route:
            others[other].append(count)
    # One count for each day: many lanes are then told as quickly as one.
    ended: dict[int, float] = defaultdict(float)
    left: dict[int, float] = defaultdict(float)
    for counts in others.values():
        parcels = sum(count.ended + count.left for count in counts)
        weight = FOREIGN_PARCELS / max(FOREIGN_PARCELS, parcels)
        for count in counts:
            ended[count.day] += count.ended * weight
            left[count.day] += count.left * weight
    days = sorted(ended)
    return Experience(tuple(own), tuple(DayCount(day, ended[day], left[day]) for day in days))


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
    waited = max(0, (today - reached).days)
    earliest, latest = (1 - SHARE) / 2, (1 + SHARE) / 2
    arrivals: dict[date, tuple[float, float]] = {}
    for days, before, by in _arrivals(_hazards(spread, experience), waited):
        day = delivery_day(reached + timedelta(days=days))
        if before > latest and day not in arrivals:
            break  # nobody is told of who comes later
        arrivals[day] = arrivals.get(day, (before,))[0], by
    # A day at the edge belongs to the interval if most of those do who come on it: with every
    # day that it touches, one of a few days would hold nine of ten.
    return Forecast(
        first=next(d for d, (before, by) in arrivals.items() if (before + by) / 2 >= earliest),
        middle=next(d for d, (_, by) in arrivals.items() if by >= 0.5),
        high=max(d for d, (before, by) in arrivals.items() if (before + by) / 2 <= latest),
    )


def slow_since(
    milestone: Milestone, reached_at: datetime, experience: Experience = NOTHING
) -> datetime | None:
    """Return from when on a parcel outlives nine of ten of its like at this milestone.

    None where nothing is awaited. `experience` is of `Measure.STAY`; without any, these are the
    days of `stage_times`.
    """
    spread = stage_times.stay(milestone)
    if spread is None:
        return None
    arrivals = _arrivals(_hazards(spread, experience))
    days = next(day for day, _, by in arrivals if by >= SLOW_SHARE)
    return reached_at + timedelta(days=max(days, SOONEST_SLOW_DAYS))


@lru_cache(maxsize=1024)
def _hazards(spread: Spread, experience: Experience) -> _Hazards:
    """Return the hazards after the prior, the like of a lane, and the lane itself."""
    return _updated(_updated(_prior(spread), experience.others), experience.own)


@lru_cache(maxsize=256)
def _prior(spread: Spread) -> _Hazards:
    """Return the hazards of a log-normal curve of two halves, drawn through three quantiles.

    Somebody who takes two and a half days arrives on the second or the third day by the
    calendar: the day counts until its middle.
    """
    alive = [1.0, *(_share_beyond(spread, day + 0.5) for day in range(HORIZON))]
    return tuple(1 - later / earlier for earlier, later in pairwise(alive))


def _share_beyond(spread: Spread, days: float) -> float:
    """Return the share of parcels that take longer."""
    side = spread.high if days > spread.middle else spread.low
    scale = abs(log(side / spread.middle)) / _BELL.inv_cdf((1 + SHARE) / 2)
    return _BELL.cdf(-log(days / spread.middle) / scale)


def _updated(hazards: _Hazards, counts: Sequence[DayCount]) -> _Hazards:
    """Return the hazards after parcels were seen, by the formula at the top."""
    if not counts:
        return hazards
    ended, gone = [0.0] * (HORIZON + 1), [0.0] * (HORIZON + 1)
    for count in counts:
        day = min(max(count.day, 0), HORIZON)
        ended[day] += count.ended
        gone[day] += count.ended + count.left
    at_risk = reversed(list(accumulate(reversed(gone))))
    return tuple(
        (PSEUDO_PARCELS * hazard + arrived) / (PSEUDO_PARCELS + waiting)
        # Hazards end before the horizon: who went at it was on the way on all their days.
        for hazard, arrived, waiting in zip(hazards, ended, at_risk, strict=False)
    )


def _arrivals(hazards: _Hazards, waited: int = 0) -> Iterator[tuple[int, float, float]]:
    """Yield each day with the shares that have come before it and by its end.

    Of those who have waited so long. Who comes after the horizon comes on its day.
    """
    alive = 1.0
    for day in range(waited, HORIZON):
        left = alive * (1 - hazards[day])
        yield day, 1 - alive, 1 - left
        alive = left
    yield max(waited, HORIZON), 1 - alive, 1.0
