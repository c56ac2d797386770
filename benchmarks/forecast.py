"""Promising delivery days to bootstrapped parcels, beside what two simple rivals would promise.

`itineraries.json` holds the hours at which real parcels reached their milestones. Each stage of a
bootstrapped parcel takes as long as that of a real one of its route, times the pace of its lane,
times chance; vans leave in the morning of delivery days. Some parcels fall silent for good.
Time is replayed: a promise knows those parcels alone whose end was seen before it was made.

`held` and `days` are the coverage and the mean width of what was told, `best` and `of` those of
the shortest intervals in whole days that hindsight would have told, one for each lane.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import stdev

from rich.console import Console
from rich.table import Table

from mailtrack.domain.delivery_days import delivery_day
from mailtrack.domain.forecast import (
    LAST_HOUR,
    NOTHING,
    PARIS,
    DayCount,
    experience_of,
    forecast,
)
from mailtrack.domain.forecast_score import Kept, Promise, Score, hindsight, mean_days, score
from mailtrack.domain.milestones import STAGES, Milestone
from mailtrack.domain.stage_times import Lane, Route

BEGINNING = datetime(2025, 1, 6, 9, tzinfo=UTC)
#: Parcels set out during this time; those of the first third are not scored.
PERIOD = timedelta(days=360)
LANES_PER_ROUTE = 3
PARCELS_PER_LANE = 150
SEEDS = (1, 2, 3)
#: Log-standard deviations: how lanes of a route differ, and stages of a lane.
LANE_SPREAD, STAGE_SPREAD = 0.3, 0.25
#: Shares of parcels that are lost, and of rounds on which nobody opens.
LOST, FAILED = 0.03, 0.06
#: Lost parcels leave sight after this.
GIVEN_UP = timedelta(days=60)
VAN_LEAVES = 8

_COLUMNS = ("promises", "held", "days", "best", "of", "loss", "published", "mean", "ratio")

Hours = dict[Milestone, float]
Scores = dict[Milestone, Score]
#: What the shortest intervals in whole days would have held.
Best = dict[Milestone, Kept]
_Days = dict[tuple[Milestone, Lane], dict[tuple[int, bool], int]]


@dataclass(frozen=True, slots=True)
class Itinerary:
    """When a real parcel reached each milestone, in hours since the first."""

    route: Route
    hours: Hours


@dataclass(frozen=True, slots=True)
class Journey:
    """A bootstrapped parcel: its milestones, and how it ended."""

    lane: Lane
    reached: tuple[tuple[Milestone, datetime], ...]
    ended_at: datetime
    is_delivered: bool


def itineraries() -> list[Itinerary]:
    """Return the real ones."""
    rows = json.loads(Path(__file__).with_name("itineraries.json").read_text("utf-8"))
    return [
        Itinerary(Route(row["route"]), {Milestone(m): h for m, h in row["hours"].items()})
        for row in rows
    ]


def journeys(known: Sequence[Itinerary], rng: Random) -> list[Journey]:
    """Return parcels of several lanes of each route, in the order in which they set out."""
    found = []
    for route in sorted({itinerary.route for itinerary in known}):
        alike = [itinerary for itinerary in known if itinerary.route is route]
        for number in range(LANES_PER_ROUTE):
            lane = Lane(f"{route}-{number}", service=route)
            pace = rng.lognormvariate(0, LANE_SPREAD)
            found += [_journey(alike, lane, pace, rng) for _ in range(PARCELS_PER_LANE)]
    return sorted(found, key=lambda journey: journey.reached[0][1])


def _journey(alike: Sequence[Itinerary], lane: Lane, pace: float, rng: Random) -> Journey:
    at = BEGINNING + PERIOD * rng.random()
    milestones = list(rng.choice(alike).hours)
    lost_at = rng.randrange(len(milestones) - 1) if rng.random() < LOST else None
    reached: list[tuple[Milestone, datetime]] = []
    for number, milestone in enumerate(milestones):
        if milestone is Milestone.OUT_FOR_DELIVERY:
            at = _morning(at)
        if milestone is Milestone.DELIVERED:
            break
        reached.append((milestone, at))
        if number == lost_at:
            return Journey(lane, tuple(reached), at + GIVEN_UP, is_delivered=False)
        hours = rng.choice([taken for i in alike for taken in _stays(i, milestone)])
        at += timedelta(hours=hours * pace * rng.lognormvariate(0, STAGE_SPREAD))
    if rng.random() < FAILED:
        reached.append((Milestone.DELIVERY_FAILED, at))
        at = _morning(at) + timedelta(hours=3)
    return Journey(lane, tuple(reached), _on_a_round(at), is_delivered=True)


def _stays(itinerary: Itinerary, milestone: Milestone) -> Iterator[float]:
    """Yield how long a real parcel stayed at a milestone, if it was there."""
    hours = [*itinerary.hours.values()]
    for number, known in enumerate(itinerary.hours):
        if known is milestone:
            yield hours[number + 1] - hours[number]


def _morning(at: datetime) -> datetime:
    """Return when the next vans leave."""
    local = at.astimezone(PARIS)
    day = delivery_day(local.date() + timedelta(days=local.hour >= VAN_LEAVES))
    return datetime(day.year, day.month, day.day, VAN_LEAVES, tzinfo=PARIS).astimezone(UTC)


def _on_a_round(at: datetime) -> datetime:
    """Return the moment itself if vans are out, or else one in their next round."""
    local = at.astimezone(PARIS)
    is_out = VAN_LEAVES <= local.hour < LAST_HOUR and delivery_day(local.date()) == local.date()
    return at if is_out else _morning(at) + timedelta(hours=3)


@dataclass(slots=True)
class Seen:
    """What an installation has seen so far: per milestone and lane, days and how they ended."""

    days: _Days = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))

    def add(self, journey: Journey) -> None:
        """Count a parcel whose end is known now."""
        end = _day(journey.ended_at)
        for milestone, at in journey.reached:
            self.days[milestone, journey.lane][(end - _day(at)).days, journey.is_delivered] += 1

    def at(self, milestone: Milestone) -> list[tuple[Lane, DayCount]]:
        """Return what was seen of one milestone, lane by lane."""
        return [
            (lane, DayCount(day, ended=n) if is_delivered else DayCount(day, left=n))
            for (known, lane), days in self.days.items()
            if known is milestone
            for (day, is_delivered), n in days.items()
        ]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the promises made to some parcels, and what was possible in hindsight."""

    scores: Scores
    best: Best


def replay(parcels: Sequence[Journey], scored: Sequence[Journey], *, learns: bool) -> Outcome:
    """Return what became of the promises made to some parcels.

    What was seen are the `parcels` whose end came before a promise; it is used where `learns`.
    """
    ends = sorted(parcels, key=lambda journey: journey.ended_at)
    promised = sorted(
        ((at, milestone, journey) for journey in scored for milestone, at in journey.reached),
        key=lambda row: row[0],
    )
    seen, done = Seen(), 0
    found: Scores = defaultdict(Score)
    for at, milestone, journey in promised:
        while done < len(ends) and ends[done].ended_at < at:
            seen.add(ends[done])
            done += 1
        if journey.is_delivered:
            found[milestone] += _scored(at, milestone, journey, seen, learns=learns)
    known_by_now = Seen()
    for journey in scored:
        known_by_now.add(journey)
    return Outcome(found, {one: hindsight(known_by_now.at(one)) for one in found})


def _scored(
    at: datetime, milestone: Milestone, journey: Journey, seen: Seen, *, learns: bool
) -> Score:
    counts = seen.at(milestone)
    known = experience_of(journey.lane, counts) if learns else NOTHING
    told = forecast(milestone, at, at, journey.lane, known)
    assert told is not None
    day = _day(at)
    promise = Promise(milestone, journey.lane, _day(journey.reached[0][1]), day, day, told)
    return score(promise, _day(journey.ended_at), mean_days(count for _, count in counts))


def _day(at: datetime) -> date:
    return at.astimezone(PARIS).date()


def learned(rng: Random, *, learns: bool) -> list[Outcome]:
    """Return what became of later parcels of lanes whose earlier ones were seen."""
    parcels = journeys(itineraries(), rng)
    later = BEGINNING + PERIOD / 3
    return [replay(parcels, [j for j in parcels if j.reached[0][1] > later], learns=learns)]


def left_out(rng: Random) -> list[Outcome]:
    """Return what became of parcels that all go like one itinerary, where the others were seen."""
    known, found = itineraries(), []
    for one in known:
        parcels = journeys([other for other in known if other is not one], rng)
        strangers = [
            replace(journey, lane=replace(journey.lane, first="stranger"))
            for journey in journeys([one], rng)
        ]
        later = BEGINNING + PERIOD * 2 / 3
        scored = [j for j in strangers if j.reached[0][1] > later]
        found.append(replay(parcels, scored, learns=True))
    return found


def _together(many: Sequence[Outcome]) -> Outcome:
    """Return the sums by milestone, in the order of a parcel's way."""
    reached = [one for one in STAGES if any(one in outcome.scores for outcome in many)]
    return Outcome(
        {one: sum((each.scores.get(one, Score()) for each in many), Score()) for one in reached},
        {one: sum((each.best.get(one, Kept()) for each in many), Kept()) for one in reached},
    )


def main() -> None:
    """Print three tables: with what was seen, by the prior alone, and of strangers.

    What held of strangers has its standard error: they are as many as the itineraries, however
    many parcels go like one.
    """
    console = Console()
    parts: dict[str, Callable[[Random], list[Outcome]]] = {
        "later parcels of known lanes": lambda rng: learned(rng, learns=True),
        "the same, by the prior alone": lambda rng: learned(rng, learns=False),
        "itineraries left out, others seen": left_out,
    }
    for title, measured in parts.items():
        with console.status(title):
            by_seed = [measured(Random(seed)) for seed in SEEDS]
        console.print(_table(title, [_together(alike) for alike in zip(*by_seed, strict=True)]))


def _table(title: str, groups: Sequence[Outcome]) -> Table:
    """Return a table of all groups: there are as many witnesses of a coverage as groups."""
    table = Table("milestone", *_COLUMNS, title=title)
    # On its last day a parcel is told two days of which the first is nearly sure.
    reached = tuple(_together(groups).scores)
    earlier = tuple(one for one in reached if one is not Milestone.OUT_FOR_DELIVERY)
    rows = {str(one): (one,) for one in reached} | {"all": reached, "before the van": earlier}
    for name, stages in rows.items():
        scores = [sum((g.scores.get(m, Score()) for m in stages), Score()) for g in groups]
        best = sum((g.best.get(m, Kept()) for g in groups for m in stages), Kept())
        one = sum(scores, Score())
        table.add_row(
            name,
            f"{one.count}",
            f"{one.coverage:.0%}{_error(scores)}",
            f"{one.mean_width:.1f}",
            f"{best.coverage:.0%}",
            f"{best.mean_width:.1f}",
            f"{one.loss / one.count:.2f}",
            f"{one.published_loss / one.count:.2f}",
            f"{one.mean_loss / one.count:.2f}",
            f"{one.ratio:.2f}",
        )
    return table


def _error(groups: Sequence[Score]) -> str:
    """Return the standard error of a coverage, by groups of parcels that are alike."""
    if len(groups) == 1:
        return ""
    shares = [group.coverage for group in groups if group.count]
    return f" ± {stdev(shares) / len(shares) ** 0.5:.0%}" if len(shares) > 1 else " ± ?"
