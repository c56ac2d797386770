"""The parcels, as an operator asks for them: where each is, what it went through, what is next."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from mailtrack.admin import states
from mailtrack.admin.filters import Filter, about, owner_of, parcels_with
from mailtrack.admin.notices import told
from mailtrack.admin.table import Cell, Table
from mailtrack.domain.model import ParcelId
from mailtrack.store.schema import leg, parcel, subscription, tracking_event, wording

#: Where a parcel may stand beside its milestones.
_ALSO: Mapping[str, ColumnElement[bool]] = {
    states.NO_MILESTONE: parcel.c.milestone.is_(None),
    states.ENDED: parcel.c.ended_at.is_not(None),
    states.POLLED: parcel.c.ended_at.is_(None),
}


def parcel_list(connection: Connection, wanted: Filter) -> Table:
    """Return the parcels that were made last."""
    chosen = wanted.of(parcel.c.id, parcel.c.created_at)
    if wanted.number:
        chosen.append(parcel.c.id.in_(parcels_with(connection, wanted.number)))
    if wanted.address:
        owner = owner_of(connection, wanted.address)
        theirs = select(subscription.c.id).where(
            subscription.c.subscriber_id == owner,
            parcel.c.id.in_((subscription.c.parcel_id, subscription.c.local_parcel_id)),
        )
        chosen.append(theirs.exists())
    if wanted.state in _ALSO:
        chosen.append(_ALSO[wanted.state])
    elif wanted.state:
        chosen.append(parcel.c.milestone == wanted.state)
    query = select(parcel).where(*chosen).order_by(parcel.c.id.desc()).limit(wanted.limit)
    rows = [tuple(_summary(row).values()) for row in connection.execute(query)]
    columns = ("number", "milestone", "since", "local number", "polled", "ended")
    return Table("Parcels", columns, rows)


def _summary(row: Row[Any]) -> dict[str, Cell]:
    return {
        "number": row.number,
        "milestone": row.milestone or "",
        "since": row.milestone_at,
        "local number": row.local_number or "",
        "polled": row.last_answer_at,
        "ended": row.ended_why or "",
    }


def one_parcel(connection: Connection, number: str) -> list[Table]:
    """Return all that is known of the parcels with a number; raises PermanentError."""
    tables: list[Table] = []
    for parcel_id in parcels_with(connection, number):
        row = connection.execute(select(parcel).where(parcel.c.id == parcel_id)).one()
        values = _summary(row) | {
            "reason": row.reason,
            "known since": row.created_at,
            "first answer": row.first_answer_at,
            "last event": row.last_event_at,
            "expected": row.estimated_delivery,
            "waits at": ", ".join(filter(None, (row.pickup_name, row.pickup_address))),
            "waits until": row.pickup_last_day,
            "ended at": row.ended_at,
        }
        tables += [
            Table.of_one("Parcels", values),
            _legs(connection, parcel_id),
            _history(connection, parcel_id),
            _followers(connection, parcel_id),
            told(connection, about([parcel_id]), "Notices"),
        ]
    return tables


def _legs(connection: Connection, parcel_id: ParcelId) -> Table:
    """Return who is asked about which number, what they said last and when they are asked next."""
    names: Mapping[str, ColumnElement[Any]] = {
        "carrier": leg.c.carrier,
        "number": leg.c.number,
        "said": leg.c.state,
        "asked": leg.c.asked,
        "failures": leg.c.failures,
        "answered": leg.c.last_answer_at,
        "next poll": leg.c.next_poll_at,
        "error": leg.c.last_error,
    }
    query = select(*names.values()).where(leg.c.parcel_id == parcel_id).order_by(leg.c.id)
    return Table("Legs", tuple(names), [tuple(row) for row in connection.execute(query)])


def _history(connection: Connection, parcel_id: ParcelId) -> Table:
    """Return what carriers told, newest first."""
    names: Mapping[str, ColumnElement[Any]] = {
        "at": tracking_event.c.at,
        **{name: wording.c[name] for name in ("milestone", "source", "code", "text", "place")},
        "seen": tracking_event.c.seen_at,
    }
    query = (
        select(*names.values())
        .join(wording, wording.c.id == tracking_event.c.wording_id)
        .where(tracking_event.c.parcel_id == parcel_id)
        .order_by(tracking_event.c.at.desc(), tracking_event.c.id.desc())
    )
    return Table("History", tuple(names), [tuple(row) for row in connection.execute(query)])


def _followers(connection: Connection, parcel_id: ParcelId) -> Table:
    names: Mapping[str, ColumnElement[Any]] = {
        "person": subscription.c.subscriber_id,
        "since": subscription.c.created_at,
        "stopped": subscription.c.muted_at,
        "milestone": subscription.c.milestone,
        "named by": subscription.c.named_by,
        "trace": subscription.c.trace,
    }
    query = select(*names.values()).where(about([parcel_id])).order_by(subscription.c.id)
    return Table("Followers", tuple(names), [tuple(row) for row in connection.execute(query)])
