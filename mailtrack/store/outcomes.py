"""How the way of each parcel ended: counted once, for the forecasts of those that come after it.

Once is when polling ends, or when the parcel is erased before: by then its history is whole, in
whatever order it came, and none of it is counted while it may still change. Whoever has it
polled again afterwards adds nothing.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from mailtrack.domain.model import ParcelId
from mailtrack.domain.stays import delivered_at, stays
from mailtrack.domain.tracking import PARIS
from mailtrack.store import parcels, promises, stage_tallies
from mailtrack.store.schema import parcel

#: Why a parcel is not polled: a reason beside the milestones at which polling ends.
NOBODY_FOLLOWS = "nobody_follows"
NEVER_KNOWN = "never_known"


def end(connection: Connection, parcel_id: ParcelId, why: str, now: datetime) -> None:
    """Stop polling a parcel for good, and count how its way ended; it is locked."""
    parcels.end(connection, parcel_id, why, now)
    count(connection, [parcel_id])


def count(connection: Connection, wanted: Collection[ParcelId]) -> None:
    """Count how the ways of parcels ended, of those that were not counted yet; they are locked.

    1. How long each stayed at its milestones, until a carrier answered for the last time,
    2. and how well it kept what was promised of it, if it was delivered.
    """
    until = func.coalesce(parcel.c.last_answer_at, parcel.c.last_event_at, parcel.c.created_at)
    query = select(parcel.c.id, parcel.c.service, until.label("until")).where(
        parcel.c.id.in_(list(wanted)), ~parcel.c.counted
    )
    due = {ParcelId(row.id): row for row in connection.execute(query)}
    histories = parcels.histories(connection, due.keys())
    # 1.
    ways = (stays(events, due[one].until, due[one].service) for one, events in histories.items())
    stage_tallies.add(connection, (stay for way in ways for stay in way))
    # 2.
    for one, events in sorted(histories.items()):
        delivered = delivered_at(events)
        if delivered is not None:
            promises.score(connection, one, delivered.astimezone(PARIS).date())
    those = parcel.c.id.in_(list(due))
    connection.execute(update(parcel).where(those).values(counted=True))
