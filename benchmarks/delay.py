"""How late news is told at the same number of requests: our rule beside others and the optimum.

`python -m benchmarks.delay` draws parcels from documented itineraries (`scans.json`: milestones
and hours alone), by resampling how long each milestone lasted and at which hours scans come, and
polls them by each rule. Every rule has one knob, the price of a request or an interval: it is
tried at several, and what is printed lies between two of them.

The optimum that has seen these very itineraries knows what nobody can know beforehand. So one
stands beside it that has learned from the others alone: it is what the best rule of any kind may
reach with so few itineraries to learn from.
"""

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import optimum
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.scheduling import LONGEST, SHORTEST, PollContext, next_poll
from mailtrack.domain.stage_times import times_of

#: Itineraries are left out in so many folds, and so many parcels are drawn from those of a fold.
FOLDS = 4
PARCELS = 75
#: Parcels from which an optimum learns what it knows of each milestone.
LESSONS = 1500
REQUESTS_A_DAY = (2.0, 3.4, 8.0)
#: Settings of a knob, from the dear request (or long interval) to the cheap one.
SETTINGS = 14
#: A Monday's midnight in France, in winter: hours are counted from here.
MONDAY = datetime(2026, 1, 4, 23, tzinfo=UTC)
_LONGEST_H = LONGEST / timedelta(hours=1)
_SHORTEST_H = SHORTEST / timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Scan:
    """What a carrier noted, and when: hours since a Monday's midnight."""

    at_h: float
    milestone: Milestone


#: Returns the hours until the next request: at a milestone, so long after its scan, at an hour.
Rule = Callable[[Milestone, float, float], float]
Parcel = Sequence[Scan]


@dataclass(frozen=True, slots=True)
class Fold:
    """Parcels like some itineraries, and what the others, and all of them, show."""

    parcels: Sequence[Parcel]
    others: optimum.Lessons
    all: optimum.Lessons


@dataclass(frozen=True, slots=True)
class Family:
    """Rules that differ by their knob, which makes requests rarer from `low` to `high`."""

    name: str
    low: float
    high: float
    make: Callable[[float, Fold], Rule]


def main() -> None:
    """Print the delay of each rule, in hours and in times of the optimum that has seen all."""
    for news_alone in (False, True):
        console = Console()
        what = "changes of milestone alone are" if news_alone else "every scan is"
        names = (family.name for family in FAMILIES)
        table = Table("requests a day", *names, title=f"hours until {what} seen")
        with console.status("replaying, several minutes …"):
            for row in _rows(load(news_alone=news_alone)):
                table.add_row(*row)
        console.print(table)


def _rows(known: Sequence[Parcel]) -> Iterator[list[str]]:
    folds = _folds(known)
    curves = [_curve(family, folds) for family in FAMILIES]
    for target in REQUESTS_A_DAY:
        delays = [_at(curve, target) for curve in curves]
        yield [f"{target:g}", *(f"{hours:.2f} ({hours / delays[-1]:.2f})" for hours in delays)]


def _folds(known: Sequence[Parcel]) -> list[Fold]:
    rng = Random(1)
    of_all = optimum.learn(draw(known, LESSONS, rng))
    folds: list[Fold] = []
    for fold in range(FOLDS):
        others = [parcel for n, parcel in enumerate(known) if n % FOLDS != fold]
        learned = optimum.learn(draw(others, LESSONS, rng), of_all)
        folds.append(Fold(draw(known[fold::FOLDS], PARCELS, rng), learned, of_all))
    return folds


def load(*, news_alone: bool) -> list[Parcel]:
    """Return the documented itineraries; `news_alone` leaves out scans that change nothing."""
    parcels: list[Parcel] = []
    for told in json.loads((Path(__file__).parent / "scans.json").read_text()):
        scans: list[Scan] = []
        for code, hours in told["scans"]:
            if not (news_alone and scans and scans[-1].milestone == code):
                scans.append(Scan(told["begins_h"] + hours, Milestone(code)))
        if len(scans) > 1:
            parcels.append(scans)
    return parcels


def draw(known: Sequence[Parcel], count: int, rng: Random) -> list[Parcel]:
    """Return parcels that go as known ones do, with waits and hours of any of them.

    A wait of more than half a day ends at an hour at which such scans come, every second one on
    a Monday rather than on a Sunday.
    """
    waits: dict[Milestone, list[float]] = defaultdict(list)
    hours: dict[Milestone, list[float]] = defaultdict(list)
    for parcel in known:
        for one, following in pairwise(parcel):
            waits[one.milestone].append(following.at_h - one.at_h)
            hours[following.milestone].append(following.at_h % 24)
    parcels: list[Parcel] = []
    for _ in range(count):
        like = rng.choice(known)
        at = rng.randrange(7) * 24 + like[0].at_h % 24
        scans = [Scan(at, like[0].milestone)]
        for one, following in pairwise(like):
            own = following.at_h - one.at_h
            wait = rng.choice(waits[one.milestone]) if rng.random() < 0.7 else own
            wait = max(_SHORTEST_H, wait * math.exp(rng.gauss(0, 0.25)))
            scanned = at + wait
            if wait > 12:
                scanned = scanned // 24 * 24 + rng.choice(hours[following.milestone])
                scanned += 24 * (scanned <= at + 1)
                scanned += 24 * (scanned // 24 % 7 == 6 and rng.random() < 0.5)
            at = scanned
            scans.append(Scan(at, following.milestone))
        parcels.append(scans)
    return parcels


def _curve(family: Family, folds: Sequence[Fold]) -> list[tuple[float, float]]:
    """Return the requests a parcel and day, and the mean delay in hours, at each setting."""
    return [
        _replay([(fold.parcels, family.make(knob, fold)) for fold in folds])
        for knob in np.geomspace(family.high, family.low, SETTINGS)
    ]


def _at(curve: Sequence[tuple[float, float]], target: float) -> float:
    """Return the delay at so many requests a day, which lies between two settings."""
    requests, delays = np.log(sorted(curve)).T
    if not requests[0] <= math.log(target) <= requests[-1]:
        raise ValueError(f"No setting makes {target:g} requests a day.")
    return float(np.exp(np.interp(math.log(target), requests, delays)))


def _replay(rules: Sequence[tuple[Sequence[Parcel], Rule]]) -> tuple[float, float]:
    """Return the requests a parcel and day, and the mean delay of a scan, weighted, in hours."""
    requests, days, delay, weights = 0, 0.0, 0.0, 0.0
    for scans, rule in ((scans, rule) for parcels, rule in rules for scans in parcels):
        days += (scans[-1].at_h - scans[0].at_h) / 24
        now, seen = scans[0].at_h + 0.5, 0
        while seen < len(scans) - 1:
            now += rule(scans[seen].milestone, now - scans[seen].at_h, now)
            requests += 1
            while seen < len(scans) - 1 and scans[seen + 1].at_h <= now:
                weight = times_of(scans[seen].milestone).importance
                seen += 1
                delay += weight * (now - scans[seen].at_h)
                weights += weight
    return requests / days, delay / weights


def ours(price_h: float) -> Rule:
    """Return the rule of `scheduling`, without its spread, at a price of a request."""

    @cache
    def wait(milestone: Milestone, age_h: int, hour: float) -> float:
        now = MONDAY + timedelta(hours=hour)
        context = PollContext(milestone, now - timedelta(hours=age_h), price_h=price_h)
        due = next_poll(context, now, _Middle())
        return (due - now) / timedelta(hours=1) if due else _LONGEST_H

    return lambda milestone, age_h, now: wait(milestone, int(age_h), now % 168 // 0.5 * 0.5)


def _growing(share: float) -> Rule:
    """Return a rule that waits a share of how long nothing has come for: 1 doubles each time."""
    return lambda _, age_h, __: min(_LONGEST_H, max(_SHORTEST_H, share * age_h))


class _Middle(Random):
    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


#: The optimum that has seen all is the last one: the others are told in times of it.
FAMILIES = (
    Family("fixed interval", 1, 24, lambda interval_h, _: lambda *_: interval_h),
    Family("longer each time", 0.02, 8, lambda share, _: _growing(share)),
    Family("ours", 0.05, 6, lambda price_h, _: ours(price_h)),
    Family("optimum by others", 0.05, 6, lambda price_h, fold: optimum.rule(fold.others, price_h)),
    Family("optimum", 0.05, 6, lambda price_h, fold: optimum.rule(fold.all, price_h)),
)


if __name__ == "__main__":
    main()
