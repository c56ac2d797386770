"""When parcels were expected by our own estimates: what was promised, and how well it was kept."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from mailtrack.domain.forecast import Forecast
from mailtrack.domain.forecast_score import Promise, Score
from mailtrack.domain.forecast_score import score as score_of
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import ParcelId
from mailtrack.domain.stage_times import Lane
from mailtrack.domain.tracking import PARIS
from mailtrack.store.schema import forecast_score, promise
from mailtrack.store.upsert import insert_all_ignoring, insert_into

#: Built once: every batch of mails asks it (see `store.upsert`).
_PROMISES = (
    select(promise)
    .where(promise.c.parcel_id.in_(bindparam("parcels", expanding=True)))
    .order_by(promise.c.made_at, promise.c.reached_on)
)
#: The columns of a score, by its fields.
_SUMS = {"count": "parcels"} | {
    name: name for name in ("held", "width", "loss", "published_loss", "mean_loss")
}


@dataclass(frozen=True, slots=True)
class PromiseMade:
    """A promise, when it was made, and what its rival knew then (see `domain.forecast_score`)."""

    promise: Promise
    made_at: datetime
    mean_days: float | None


#: A statement of every answer, built once (see `store.upsert`).
_MADE = select(promise.c.parcel_id, promise.c.milestone).where(
    promise.c.parcel_id.in_(bindparam("parcels", expanding=True))
)


def promised_milestones(
    connection: Connection, wanted: Collection[ParcelId]
) -> set[tuple[ParcelId, Milestone]]:
    """Return at which milestones something was promised of parcels."""
    found = connection.execute(_MADE, {"parcels": list(wanted)})
    return {(ParcelId(row.parcel_id), Milestone(row.milestone)) for row in found}


def add(connection: Connection, made: Mapping[ParcelId, PromiseMade]) -> None:
    """Keep what was promised of parcels; the first word at a milestone stands."""
    rows = [_row(parcel_id, made[parcel_id]) for parcel_id in sorted(made)]
    insert_all_ignoring(connection, promise, rows)


def _row(parcel_id: ParcelId, made: PromiseMade) -> dict[str, Any]:
    one = made.promise
    return {
        "parcel_id": parcel_id,
        "milestone": one.milestone,
        "first_carrier": one.lane.first,
        "last_carrier": one.lane.last,
        "service": one.lane.service,
        "followed_on": one.followed_on,
        "reached_on": one.reached_on,
        "made_at": made.made_at,
        "first_day": one.told.first,
        "middle_day": one.told.middle,
        "last_day": one.told.last,
        "mean_days": made.mean_days,
    }


def promises_of(connection: Connection, parcel_id: ParcelId) -> list[PromiseMade]:
    """Return what was promised of a parcel, in the order in which it was."""
    return promises_of_each(connection, [parcel_id])[parcel_id]


def promises_of_each(
    connection: Connection, wanted: Collection[ParcelId]
) -> dict[ParcelId, list[PromiseMade]]:
    """Return what was promised of parcels, in the order in which it was."""
    found: dict[ParcelId, list[PromiseMade]] = {parcel_id: [] for parcel_id in wanted}
    for row in connection.execute(_PROMISES, {"parcels": list(wanted)}):
        found[row.parcel_id].append(_made(row))
    return found


def _made(row: Row[Any]) -> PromiseMade:
    return PromiseMade(
        Promise(
            milestone=Milestone(row.milestone),
            lane=Lane(row.first_carrier, row.last_carrier, row.service),
            followed_on=row.followed_on,
            reached_on=row.reached_on,
            made_on=row.made_at.astimezone(PARIS).date(),
            told=Forecast(row.first_day, row.middle_day, row.last_day),
        ),
        row.made_at,
        row.mean_days,
    )


def score(connection: Connection, parcel_id: ParcelId, delivered_on: date) -> None:
    """Add how well the promises of a delivered parcel were kept; once for each parcel.

    In one order, since two parcels may be delivered at once.
    """
    made = promises_of(connection, parcel_id)
    for one in sorted(made, key=lambda one: one.promise.milestone):
        scored = score_of(one.promise, delivered_on, one.mean_days)
        sums = {column: getattr(scored, name) for name, column in _SUMS.items()}
        insert = insert_into(connection, forecast_score).values(
            milestone=one.promise.milestone, **sums
        )
        added = {name: forecast_score.c[name] + insert.excluded[name] for name in sums}
        connection.execute(insert.on_conflict_do_update(index_elements=["milestone"], set_=added))


def scores(connection: Connection) -> dict[Milestone, Score]:
    """Return how well promises were kept at each milestone, of all parcels delivered so far."""
    return {
        Milestone(row["milestone"]): Score(**{n: row[column] for n, column in _SUMS.items()})
        for row in connection.execute(select(forecast_score)).mappings()
    }
