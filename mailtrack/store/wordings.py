"""How carriers say what happened: kept once, however many parcels it is said of.

A carrier has a few hundred ways to say things, at a few hundred places, and a store has millions
of events. Somebody may be named in one of them, so a wording goes with the last event that has
it, in the same transaction.

An event's writer holds its wordings (FOR KEY SHARE, as the foreign key does), and who erases one
holds it alone: either the event is there when we look whether anything has it, or its writer
finds the wording gone and writes it anew (PostgreSQL).
"""

import hashlib
from collections.abc import Collection, Iterable

from sqlalchemy import Connection, bindparam, delete, exists, select

from mailtrack.domain.model import ParcelId, TrackingEvent
from mailtrack.store.engine import ConflictError
from mailtrack.store.schema import tracking_event, wording
from mailtrack.store.upsert import insert_all_ignoring

#: Statements of every answer, built once (see `store.upsert`).
_HELD = (
    select(wording.c.digest, wording.c.id)
    .where(wording.c.digest.in_(bindparam("digests", expanding=True)))
    .order_by(wording.c.id)
    .with_for_update(read=True, key_share=True)
)
_USED = (
    select(tracking_event.c.wording_id)
    .distinct()
    .where(tracking_event.c.parcel_id.in_(bindparam("parcels", expanding=True)))
)
_IS_USED = exists().where(tracking_event.c.wording_id == wording.c.id)
_UNUSED = select(wording.c.id).where(
    wording.c.id.in_(bindparam("numbers", expanding=True)), ~_IS_USED
)

#: Between our storing a wording and our holding it, it may be erased.
_TRIES = 5
_SEPARATOR = "\x1f"


def fingerprint_key(event: TrackingEvent) -> int:
    """Return the number by which a parcel's event is known: 64 bits of its fingerprint's hash.

    Migration 0028 has the same in SQL.
    """
    digest = hashlib.sha256(event.fingerprint[:255].encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def digest_of(event: TrackingEvent) -> bytes:
    """Return by what the wording of an event is known; migration 0028 has the same in SQL."""
    said = (event.source, event.code, event.text, event.place)
    meant = (event.milestone, event.reason or "", event.certainty)
    return hashlib.sha256(_SEPARATOR.join((*said, *meant)).encode()).digest()[:16]


def hold(connection: Connection, events: Iterable[TrackingEvent]) -> dict[bytes, int]:
    """Return the wordings of events by their digests, noted now where they are new.

    Nobody erases them before the transaction ends.
    """
    wanted = {digest_of(event): event for event in events}
    for _ in range(_TRIES):
        rows = connection.execute(_HELD, {"digests": list(wanted)}).all()
        held = {bytes(row.digest): int(row.id) for row in rows}
        missing = sorted(wanted.keys() - held.keys())
        if not missing:
            return held
        new = [_row(digest, wanted[digest]) for digest in missing]
        insert_all_ignoring(connection, wording, new)
    raise ConflictError("A wording is erased as often as it is stored.")


def _row(digest: bytes, event: TrackingEvent) -> dict[str, object]:
    return {
        "digest": digest,
        "source": event.source,
        "code": event.code,
        "text": event.text,
        "place": event.place,
        "milestone": event.milestone,
        "reason": event.reason,
        "certainty": event.certainty,
    }


def used_by(connection: Connection, parcels: Collection[ParcelId]) -> list[int]:
    """Return the wordings of all that carriers told of some parcels."""
    return list(connection.scalars(_USED, {"parcels": list(parcels)}))


def forget_unused(connection: Connection, candidates: Collection[int]) -> None:
    """Erase those of some wordings that no event has any more.

    1. Most are in use: nobody waits for these.
    2. The others are held alone, and looked at once more.
    """
    # 1.
    unused = connection.scalars(_UNUSED, {"numbers": list(candidates)}).all()
    if not unused:
        return
    # 2.
    alone = select(wording.c.id).where(wording.c.id.in_(unused)).order_by(wording.c.id)
    mine = connection.scalars(alone.with_for_update()).all()
    connection.execute(delete(wording).where(wording.c.id.in_(mine), ~_IS_USED))
