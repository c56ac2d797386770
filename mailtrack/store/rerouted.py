"""Which numbers have lost their carrier, and how far new carriers have caught up."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, exists, func, or_, select

from mailtrack.domain.model import ParcelId, PollState
from mailtrack.store.leg_claims import is_out
from mailtrack.store.schema import catch_up, leg, parcel
from mailtrack.store.upsert import upsert

#: Parcels that one step goes past, however few of them are to be looked at.
SPAN = 20_000


@dataclass(frozen=True, slots=True)
class Span:
    """Some parcels up to `last`: `parcels` are those that nobody knows by one of their numbers."""

    parcels: Sequence[ParcelId]
    last: ParcelId


def planned_at(
    connection: Connection, carriers: Collection[str], now: datetime, most: int
) -> list[ParcelId]:
    """Return up to `most` parcels with a leg that is planned at carriers, and out at nobody's."""
    planned = (
        select(leg.c.parcel_id)
        .where(leg.c.carrier.in_(carriers), leg.c.next_poll_at.is_not(None), ~is_out(now))
        .order_by(leg.c.next_poll_at)
        .limit(most)
    )
    return sorted({ParcelId(row_id) for row_id in connection.scalars(planned)})


def next_span(connection: Connection, carrier: str, most: int) -> Span | None:
    """Return what a carrier has still to be asked about, None where it has caught up.

    At most `most` parcels, among the next `SPAN`.
    """
    so_far = select(catch_up.c.parcel_id).where(catch_up.c.carrier == carrier)
    reached: int = connection.execute(so_far).scalar_one_or_none() or 0
    newest: int = connection.execute(select(func.max(parcel.c.id))).scalar_one() or 0
    last = min(reached + SPAN, newest)
    if last <= reached:
        return None
    of_parcel, other = leg.c.parcel_id == parcel.c.id, leg.alias()
    known = exists().where(
        other.c.parcel_id == leg.c.parcel_id,
        other.c.number == leg.c.number,
        other.c.state == PollState.FOUND,
        other.c.next_poll_at.is_not(None),
    )
    query = (
        select(parcel.c.id)
        .where(
            parcel.c.id > reached,
            parcel.c.id <= last,
            parcel.c.ended_at.is_(None),
            or_(exists().where(of_parcel, ~known), ~exists().where(of_parcel)),
        )
        .order_by(parcel.c.id)
        .limit(most)
    )
    found = [ParcelId(row_id) for row_id in connection.scalars(query)]
    return Span(found, found[-1] if len(found) == most else ParcelId(last))


def note(connection: Connection, carrier: str, last: ParcelId) -> None:
    """Remember how far a carrier has caught up."""
    upsert(connection, catch_up, {"carrier": carrier}, {"parcel_id": last})


def forget(connection: Connection, on: Collection[str]) -> None:
    """Let carriers that are off begin anew when they are switched on."""
    connection.execute(delete(catch_up).where(catch_up.c.carrier.not_in(on)))
