"""When parcels are expected by what this installation has seen: promised, and shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from mailtrack.domain.forecast import Forecast, Measure, forecast
from mailtrack.domain.forecast_score import Promise
from mailtrack.domain.milestones import STAGES, Milestone, Phase
from mailtrack.domain.model import ParcelId
from mailtrack.domain.stage_times import Lane
from mailtrack.domain.stays import lane_of
from mailtrack.domain.tracking import PARIS, Change, walk
from mailtrack.notify.expectation import Expectation, ExpectedDay, expectation
from mailtrack.store import parcels, promises, stage_tallies
from mailtrack.store.promises import PromiseMade
from mailtrack.store.stage_tallies import NOTHING_SEEN, Tallies

#: For how long what was read of the tallies is good enough: one parcel more changes little.
REREAD = timedelta(minutes=10)

_OVER = frozenset({Phase.END, Phase.RETURN})


def promise(connection: Connection, changes: Mapping[ParcelId, Change], now: datetime) -> None:
    """Keep when parcels are expected that have come to milestones; the first word stands."""
    made = promises.promised_milestones(connection, changes)
    new = {
        parcel_id: change
        for parcel_id, change in changes.items()
        if change.milestone is not None and (parcel_id, change.milestone) not in made
    }
    if not new:
        return
    reached = {change.milestone for change in new.values() if change.milestone is not None}
    seen = stage_tallies.read_some(connection, reached, Measure.DELIVERY)
    services = {row.id: row.service for row in parcels.parcel_rows(connection, new)}
    told = {one: _promise(change, services[one], seen, now) for one, change in new.items()}
    promises.add(connection, {one: made for one, made in told.items() if made is not None})


def _promise(change: Change, service: str, seen: Tallies, now: datetime) -> PromiseMade | None:
    here, current = change.milestone, change.current
    if here is None or current is None:
        return None
    lane = lane_of(change.events, service)
    told = forecast(here, current.at, now, lane, seen.experience(here, Measure.DELIVERY, lane))
    if told is None:
        return None
    followed, reached, made = (
        at.astimezone(PARIS).date() for at in (walk(change.events)[0].event.at, current.at, now)
    )
    one = Promise(here, lane, followed, reached, made, told)
    return PromiseMade(one, now, seen.mean_days(here))


@dataclass(frozen=True, slots=True)
class Awaited:
    """What is known of a parcel under way, as far as its date follows from it.

    `named`: the days that others name for the delivery, the best known first; `promises`: what
    was promised of it, in the order in which it was.
    """

    milestone: Milestone | None
    reached_at: datetime | None
    lane: Lane
    named: tuple[ExpectedDay, ...] = ()
    promises: Sequence[PromiseMade] = ()


@dataclass(slots=True)
class Forecaster:
    """Tells mails and pages when parcels come; what was seen is read once for many of them."""

    _tallies: Tallies = field(default=NOTHING_SEEN, init=False)
    _read_at: datetime | None = field(default=None, init=False)

    def expected(
        self, connection: Connection, awaited: Awaited, now: datetime
    ) -> Expectation | None:
        """Return when a parcel is expected, None where nobody can say or nothing is to come."""
        here, today = awaited.milestone, now.astimezone(PARIS).date()
        if here is not None and STAGES[here].phase in _OVER:
            return None
        ends = [made.promise.told.last for made in awaited.promises]
        passed = next((day for day in reversed(ends) if day < today), None)
        estimate = self._estimate(connection, awaited, now)
        return expectation(awaited.named, estimate, passed, today)

    def _estimate(self, connection: Connection, awaited: Awaited, now: datetime) -> Forecast | None:
        here, reached_at, lane = awaited.milestone, awaited.reached_at, awaited.lane
        if here is None or reached_at is None:
            return None
        if self._read_at is None or abs(now - self._read_at) > REREAD:
            self._tallies, self._read_at = stage_tallies.read(connection), now
        seen = self._tallies.experience(here, Measure.DELIVERY, lane)
        return forecast(here, reached_at, now, lane, seen)
