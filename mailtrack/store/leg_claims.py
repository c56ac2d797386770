"""Who asks about which leg: claims that lapse, in a table of their own.

Like `claims`, but a claim leaves the leg itself alone: legs lie far from each other on
the disk, and a tick that writes to each would cost more the more of them are stored.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    delete,
    exists,
    func,
    literal,
    literal_column,
    select,
    update,
)

from mailtrack.domain.model import LegId, ParcelId
from mailtrack.domain.scheduling import EARLIEST, is_nearly_due
from mailtrack.store.schema import leg, leg_claim
from mailtrack.store.upsert import insert_into

#: Legs looked at for each that is wanted before its time.
LOOKED_AT = 4

#: Statements of every answer, built once (see `store.upsert`).
_LEGS: BindParameter[Any] = bindparam("legs", expanding=True)
_LET_GO = delete(leg_claim).where(
    leg_claim.c.leg_id.in_(_LEGS), leg_claim.c.token == bindparam("token")
)
_CLAIMED = (
    select(leg.c.id, leg.c.parcel_id, leg.c.carrier, leg.c.number, leg.c.failures)
    .join(leg_claim, leg_claim.c.leg_id == leg.c.id)
    .where(leg.c.id.in_(_LEGS), leg_claim.c.token == bindparam("token"))
    .order_by(leg.c.id)
)


def _each_polled_carrier() -> Select[tuple[str]]:
    """Select the carriers that anything is to be asked of, each by one look into an index."""
    first = select(func.min(leg.c.carrier).label("carrier")).where(leg.c.next_poll_at.is_not(None))
    found = first.cte("polled", recursive=True)
    after = first.where(leg.c.carrier > found.c.carrier).correlate(found).scalar_subquery()
    found = found.union_all(select(after).where(found.c.carrier.is_not(None)))
    return select(found.c.carrier).where(found.c.carrier.is_not(None))


_POLLED_CARRIERS = _each_polled_carrier()


@dataclass(frozen=True, slots=True)
class ClaimedLeg:
    """A leg that was handed out to be polled."""

    id: LegId
    parcel: ParcelId
    carrier: str
    number: str
    failures: int


def polled_carriers(connection: Connection) -> Sequence[str]:
    """Return the carriers that anything is to be asked of, now or later."""
    return [row.carrier for row in connection.execute(_POLLED_CARRIERS)]


def count_failing(connection: Connection) -> Counter[str]:
    """Count, by carrier, the legs that failed when they were asked last and are to be asked again.

    Counted here: in the order of carriers SQLite would look through all that is to be asked.
    """
    failing = leg.c.next_poll_at.is_not(None), leg.c.failures > literal_column("0")
    return Counter(connection.scalars(select(leg.c.carrier).where(*failing)))


def count_due(connection: Connection, carrier: str, now: datetime, most: int) -> int:
    """Count the legs due at a carrier, up to `most`."""
    due = select(leg.c.id).where(*_is_due(carrier, now)).limit(most).subquery()
    return connection.execute(select(func.count()).select_from(due)).scalar_one()


def _is_due(carrier: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return leg.c.carrier == carrier, leg.c.next_poll_at <= now, ~is_out(now)


def is_out(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Return the condition that somebody is asking about a leg at this moment."""
    return exists().where(leg_claim.c.leg_id == leg.c.id, leg_claim.c.until > now)


def claim_legs(
    connection: Connection, carrier: str, *, token: str, now: datetime, until: datetime, limit: int
) -> list[LegId]:
    """Claim legs that are due at a carrier, longest due first."""
    due = (
        select(leg.c.id, *_claim(token, until))
        .where(*_is_due(carrier, now))
        .order_by(leg.c.next_poll_at)
        .limit(limit)
    )
    return _take(connection, due, leg_claim.c.until <= now)


def claim_nearly_due(
    connection: Connection, carrier: str, *, token: str, now: datetime, until: datetime, limit: int
) -> list[LegId]:
    """Claim legs whose time has nearly come at a carrier, soonest due first.

    Those that a carrier failed to answer keep their wait. Of the legs that follow in time
    only so many are looked at, so that a tick stays short.
    """
    following = (
        select(leg.c.id, leg.c.last_answer_at, leg.c.next_poll_at)
        .where(
            leg.c.carrier == carrier,
            leg.c.next_poll_at > now,
            leg.c.next_poll_at < now + EARLIEST,
            leg.c.last_answer_at.is_not(None),
            leg.c.failures == 0,
            ~is_out(now),
        )
        .order_by(leg.c.next_poll_at)
        .limit(limit * LOOKED_AT)
    )
    early = [
        row.id
        for row in connection.execute(following)
        if is_nearly_due(row.last_answer_at, row.next_poll_at, now)
    ]
    chosen = select(leg.c.id, *_claim(token, until)).where(leg.c.id.in_(early[:limit]))
    return _take(connection, chosen, leg_claim.c.until <= now) if early else []


def claim_number(
    connection: Connection, carrier: str, number: str, *, token: str, until: datetime
) -> list[ClaimedLeg]:
    """Claim the legs of a number at a carrier, whoever holds them: newer word has come."""
    legs = select(leg.c.id, *_claim(token, until)).where(
        leg.c.carrier == carrier, leg.c.number == number
    )
    return claimed(connection, _take(connection, legs), token)


def _claim(token: str, until: datetime) -> tuple[ColumnElement[Any], ...]:
    return literal(token), literal(until, leg_claim.c.until.type)


def _take(
    connection: Connection, legs: Select[Any], free: ColumnElement[bool] | None = None
) -> list[LegId]:
    """Store claims; where there is one already, only if it is `free`."""
    claim = insert_into(connection, leg_claim).from_select(["leg_id", "token", "until"], legs)
    taken = claim.on_conflict_do_update(
        index_elements=["leg_id"],
        set_={"token": claim.excluded.token, "until": claim.excluded.until},
        where=free,
    ).returning(leg_claim.c.leg_id)
    return [LegId(leg_id) for leg_id in connection.scalars(taken)]


def claimed(connection: Connection, legs: Sequence[LegId], token: str) -> list[ClaimedLeg]:
    """Return those of the legs that are still claimed by `token`."""
    return [
        ClaimedLeg(LegId(row.id), ParcelId(row.parcel_id), row.carrier, row.number, row.failures)
        for row in connection.execute(_CLAIMED, {"legs": list(legs), "token": token})
    ]


def is_held(token: str) -> ColumnElement[bool]:
    """Return the condition that the claim on a leg is still the one with this token."""
    return exists().where(leg_claim.c.leg_id == leg.c.id, leg_claim.c.token == token)


def let_go(connection: Connection, *which: ColumnElement[bool]) -> None:
    """Forget claims."""
    connection.execute(delete(leg_claim).where(*which))


def let_go_of(connection: Connection, legs: Sequence[LegId], token: str) -> None:
    """Forget the claims on some legs, unless somebody else has claimed them meanwhile."""
    connection.execute(_LET_GO, {"legs": list(legs), "token": token})


def release(connection: Connection, legs: Sequence[LegId], token: str, at: datetime) -> None:
    """Give legs back unasked, due at `at`."""
    connection.execute(
        update(leg).where(leg.c.id.in_(legs), is_held(token)).values(next_poll_at=at)
    )
    let_go(connection, leg_claim.c.leg_id.in_(legs), leg_claim.c.token == token)


def note_failure(
    connection: Connection, leg_id: LegId, token: str, error: str, next_poll_at: datetime
) -> None:
    """Record that a leg got no answer and when it is tried again."""
    connection.execute(
        update(leg)
        .where(leg.c.id == leg_id, is_held(token))
        .values(failures=leg.c.failures + 1, last_error=error, next_poll_at=next_poll_at)
    )
    let_go(connection, leg_claim.c.leg_id == leg_id, leg_claim.c.token == token)
