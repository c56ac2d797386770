"""How late news is told at the same number of requests: our rule beside others and the optimum.

`python -m benchmarks.delay` draws parcels from documented itineraries (`scans.json`: milestones
and hours alone), by resampling how long each milestone lasted and at which hours scans come, and
polls them by each rule. Every rule has one knob, the price of a request or an interval; it is
turned until the rule makes as many requests a parcel and day as the others.
"""

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table

from benchmarks import optimum
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.scheduling import LONGEST, SHORTEST, PollContext, next_poll
from mailtrack.domain.stage_times import times_of

SEEDS = (1, 2)
PARCELS = 150
#: Parcels from which the optimum learns what it knows of each milestone.
LESSONS = 2000
REQUESTS_A_DAY = (2.0, 3.4, 8.0)
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


def main() -> None:
    """Print the delay of each rule, in hours and in times of the optimum."""
    for news_alone in (False, True):
        console = Console()
        what = "changes of milestone alone" if news_alone else "every scan"
        names = ("fixed interval", "twice as long each time", "ours")
        table = Table("requests a day", *names, "optimum", title=f"hours until {what} is seen")
        with console.status("replaying …"):
            for row in _rows(load(news_alone=news_alone)):
                table.add_row(*row)
        console.print(table)


def _rows(known: Sequence[Parcel]) -> Iterator[list[str]]:
    for target in REQUESTS_A_DAY:
        sums: dict[str, float] = defaultdict(float)
        for seed in SEEDS:
            parcels = draw(known, PARCELS, Random(seed))
            lessons = optimum.learn(draw(known, LESSONS, Random(100 + seed)))
            makers: dict[str, Callable[[float], Rule]] = {
                "fixed": _fixed,
                "doubling": _doubling,
                "ours": ours,
                "optimum": partial(optimum.rule, lessons),
            }
            for name, maker in makers.items():
                sums[name] += delay_at(maker, parcels, target) / len(SEEDS)
        best = sums["optimum"]
        told = [f"{hours:.2f} ({hours / best:.2f})" for hours in sums.values()]
        yield [f"{target:g}", *told]


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


def replay(parcels: Sequence[Parcel], rule: Rule) -> tuple[float, float]:
    """Return the requests a parcel and day, and the mean delay of a scan, weighted, in hours."""
    requests, days, delay, weights = 0, 0.0, 0.0, 0.0
    for scans in parcels:
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


def delay_at(maker: Callable[[float], Rule], parcels: Sequence[Parcel], target: float) -> float:
    """Return the delay of a rule whose knob is turned until it makes so many requests a day."""
    low, high = 1e-3, 60.0
    requests = delay = 0.0
    for _ in range(20):
        knob = math.sqrt(low * high)
        requests, delay = replay(parcels, maker(knob))
        if abs(requests / target - 1) < 0.01:
            break
        low, high = (knob, high) if requests > target else (low, knob)
    return delay * requests / target


def ours(price_h: float) -> Rule:
    """Return the rule of `scheduling`, without its spread, at a price of a request."""

    @cache
    def wait(milestone: Milestone, age_h: int, hour: float) -> float:
        now = MONDAY + timedelta(hours=hour)
        context = PollContext(milestone, now - timedelta(hours=age_h), price_h=price_h)
        due = next_poll(context, now, _Middle())
        return (due - now) / timedelta(hours=1) if due else _LONGEST_H

    return lambda milestone, age_h, now: wait(milestone, int(age_h), now % 168 // 0.5 * 0.5)


def _fixed(interval_h: float) -> Rule:
    return lambda *_: interval_h


def _doubling(first_h: float) -> Rule:
    """Return a rule that waits as long as nothing has come for, from a first wait on."""
    return lambda _, age_h, __: min(_LONGEST_H, max(first_h, age_h))


class _Middle(Random):
    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


if __name__ == "__main__":
    main()
