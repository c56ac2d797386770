"""How long parcels stayed at each milestone, counted by days: what forecasts learn from.

Rows are few: milestones, carriers and days are bounded. They outlive the parcels, and hold
nothing of any one of them.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from mailtrack.domain.forecast import HORIZON, DayCount, Experience, Measure, experience_of
from mailtrack.domain.forecast_score import mean_days
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.stage_times import Lane
from mailtrack.domain.stays import Stay
from mailtrack.store.schema import stage_tally
from mailtrack.store.upsert import insert_into

#: Statements of every answer, built once (see `store.upsert`).
_SEEN = select(stage_tally)
_SEEN_OF_SOME = _SEEN.where(
    stage_tally.c.milestone.in_(bindparam("milestones", expanding=True)),
    stage_tally.c.measure == bindparam("measured"),
)
_KEY = ("milestone", "measure", "first_carrier", "last_carrier", "service", "day")


@dataclass(frozen=True, slots=True)
class Tallies:
    """What was seen of all lanes, by milestone and measure."""

    by_stage: Mapping[tuple[Milestone, Measure], tuple[tuple[Lane, DayCount], ...]]
    #: What follows for a lane, worked out once for all its parcels.
    _experiences: dict[tuple[Milestone, Measure, Lane], Experience] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def experience(self, milestone: Milestone, measure: Measure, lane: Lane) -> Experience:
        """Return what was seen of one milestone, in a lane and in its like."""
        key = (milestone, measure, lane)
        if key not in self._experiences:
            seen = self.by_stage.get((milestone, measure), ())
            self._experiences[key] = experience_of(lane, seen)
        return self._experiences[key]

    def mean_days(self, milestone: Milestone) -> float | None:
        """Return what parcels took from a milestone to the delivery, None where none came."""
        seen = self.by_stage.get((milestone, Measure.DELIVERY), ())
        return mean_days(count for _, count in seen)


NOTHING_SEEN = Tallies(MappingProxyType({}))


def add(connection: Connection, seen: Iterable[Stay]) -> None:
    """Count stays; each must come once, since no tally knows whose they were.

    In one order, since two parcels may end at once.
    """
    counts: Counter[tuple[tuple[str | int, ...], bool]] = Counter()
    for stay in seen:
        lane, day = stay.lane, min(stay.day, HORIZON)
        key = (stay.milestone, stay.measure, lane.first, lane.last, lane.service, day)
        counts[key, stay.ended] += 1
    insert = insert_into(connection, stage_tally)
    added = {name: stage_tally.c[name] + insert.excluded[name] for name in ("ended", "left")}
    statement = insert.on_conflict_do_update(index_elements=_KEY, set_=added)
    rows = [
        dict(zip(_KEY, key, strict=True)) | {"ended": counts[key, True], "left": counts[key, False]}
        for key in sorted({key for key, _ in counts})
    ]
    if rows:
        connection.execute(statement, rows)


def read(connection: Connection) -> Tallies:
    """Return what was seen."""
    return _tallies(connection.execute(_SEEN))


def read_some(
    connection: Connection, milestones: Collection[Milestone], measure: Measure
) -> Tallies:
    """Return what was seen of some milestones, by one measure."""
    wanted = {"milestones": list(milestones), "measured": measure}
    return _tallies(connection.execute(_SEEN_OF_SOME, wanted))


def _tallies(rows: Iterable[Row[Any]]) -> Tallies:
    found: dict[tuple[Milestone, Measure], list[tuple[Lane, DayCount]]] = {}
    for row in rows:
        lane = Lane(row.first_carrier, row.last_carrier, row.service)
        stage = found.setdefault((Milestone(row.milestone), Measure(row.measure)), [])
        stage.append((lane, DayCount(row.day, row.ended, row.left)))
    return Tallies({stage: tuple(seen) for stage, seen in found.items()})
