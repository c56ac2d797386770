"""Setting right what a clock wrote that was ahead, and keeping it from forgetting too early.

A due time in the far future holds its row up until then. Only due times are changed: of what
happened, nobody can tell any more when. Claims are cut to the length of a new one, so that
work that is under way ends before anybody else begins it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, case, func, literal, or_, select, update

from mailtrack.domain.model import Outcome
from mailtrack.store.leg_claims import polled_carriers
from mailtrack.store.notices import DIGEST
from mailtrack.store.schema import (
    channel_notice,
    housekeeping,
    inbound,
    leg,
    leg_claim,
    notice,
    parcel,
)
from mailtrack.store.upsert import upsert

#: How far the clocks of hosts may differ (real seconds).
SKEW_S = 300.0
#: Nothing is planned for later than this: polls, silences, nights and digests are shorter.
FURTHEST = timedelta(days=2)
#: A summary waits for a morning at most.
_DIGEST_WAITS = timedelta(days=1)
#: A round of housekeeping that comes so late after the last one follows a stop, or a wrong clock.
_JUMP = timedelta(days=1)
#: Rounds that may be left out before that is a jump, where time is sped up.
_ROUNDS = 3

#: Mails that tell the day by another clock.
_WITNESSES = 50

_HOUSEKEEPING = "all"


@dataclass(frozen=True, slots=True)
class Now:
    """The time, when a claim that is made now ends, and what no right clock can have written."""

    at: datetime
    claimed_until: datetime
    ahead: datetime


@dataclass(frozen=True, slots=True)
class SetRight:
    """How many rows were due too late."""

    claims: int = 0
    results: int = 0
    notices: int = 0
    mails: int = 0
    parcels: int = 0

    @property
    def any(self) -> bool:
        return any((self.claims, self.results, self.notices, self.mails, self.parcels))


def set_right(connection: Connection, now: Now, *, went_back: bool) -> SetRight:
    """Let everything be due that a clock which was ahead put off.

    `went_back`: the clock was seen to go back, so that whatever waits may have been put off by
    it. To try too early does no harm: nights, budgets and pauses put it off again. Nothing is
    done where the mailbox's server knows a later day: then it is wrong now.
    """
    if _is_behind(connection, now):
        return SetRight()
    last = last_round(connection)
    went_back = went_back or (last is not None and last.done_at > now.ahead)
    return SetRight(
        claims=_shorten_claims(connection, now),
        parcels=_go_on(connection, now),
        results=_hasten_polls(connection, now, went_back=went_back),
        mails=_hasten_mails(connection, now),
        notices=_hasten_notices(connection, now, went_back=went_back),
    )


def _is_behind(connection: Connection, now: Now) -> bool:
    """Return True if a mail came after `now` by the clock of the mailbox's server."""
    newest = (
        select(inbound.c.received_at)
        .where(or_(inbound.c.outcome.is_(None), inbound.c.outcome != Outcome.QUARANTINED))
        .order_by(inbound.c.id.desc())
        .limit(_WITNESSES)
        .subquery()
    )
    latest = connection.execute(select(func.max(newest.c.received_at))).scalar_one()
    return latest is not None and bool(latest > now.ahead)


def _shorten_claims(connection: Connection, now: Now) -> int:
    statements = (
        update(inbound)
        .where(
            inbound.c.outcome.is_(None),
            inbound.c.claim.is_not(None),
            inbound.c.due_at > now.claimed_until,
        )
        .values(due_at=now.claimed_until),
        update(notice)
        .where(
            notice.c.state == "due",
            notice.c.claim.is_not(None),
            notice.c.next_attempt_at > now.claimed_until,
        )
        .values(next_attempt_at=now.claimed_until),
        update(channel_notice)
        .where(
            channel_notice.c.state == "due",
            channel_notice.c.claim.is_not(None),
            channel_notice.c.next_attempt_at > now.claimed_until,
        )
        .values(next_attempt_at=now.claimed_until),
        update(leg_claim)
        .where(leg_claim.c.until > now.claimed_until)
        .values(until=now.claimed_until),
    )
    return sum(connection.execute(statement).rowcount for statement in statements)


def _go_on(connection: Connection, now: Now) -> int:
    """Go on with parcels that were given up on a day that has not come."""
    wrong = parcel.c.ended_at > now.ahead
    mine = select(parcel.c.id).where(wrong)
    connection.execute(update(leg).where(leg.c.parcel_id.in_(mine)).values(next_poll_at=now.at))
    done = connection.execute(update(parcel).where(wrong).values(ended_at=None, ended_why=None))
    return done.rowcount


def _hasten_polls(connection: Connection, now: Now, *, went_back: bool) -> int:
    """Let legs be due that wait for too long, or were answered by the wrong clock.

    One statement for each way to be wrong, so that each finds its rows by an index.
    """
    waits = leg.c.next_poll_at > now.at
    # Without `waits`, which this is, too: SQLite would look from there on.
    further = leg.c.next_poll_at > now.at + FURTHEST
    wrong: list[ColumnElement[bool]] = [
        waits & (leg.c.last_answer_at > now.ahead),
        *((leg.c.carrier == carrier) & further for carrier in polled_carriers(connection)),
    ]
    if went_back:
        wrong.append(waits & or_(leg.c.last_answer_at.is_(None), leg.c.failures > 0))
    return sum(
        connection.execute(update(leg).where(which).values(next_poll_at=now.at)).rowcount
        for which in wrong
    )


def _hasten_mails(connection: Connection, now: Now) -> int:
    done = connection.execute(
        update(inbound)
        .where(
            inbound.c.outcome.is_(None),
            inbound.c.claim.is_(None),
            inbound.c.due_at > now.claimed_until,
        )
        .values(due_at=now.at)
    )
    return done.rowcount


def _hasten_notices(connection: Connection, now: Now, *, went_back: bool) -> int:
    morning = now.at + _DIGEST_WAITS
    waits = notice.c.next_attempt_at
    wrong: ColumnElement[bool] = or_(notice.c.created_at > now.ahead, waits > now.at + FURTHEST)
    done = connection.execute(
        update(notice)
        .where(
            notice.c.state == "due",
            notice.c.claim.is_(None),
            waits > now.at,
            or_(notice.c.kind != DIGEST, waits > morning),
            *([] if went_back else [wrong]),
        )
        .values(
            next_attempt_at=case(
                (notice.c.kind == DIGEST, literal(morning, waits.type)),
                else_=literal(now.at, waits.type),
            )
        )
    )
    return done.rowcount + _hasten_channels(connection, now, went_back=went_back)


def _hasten_channels(connection: Connection, now: Now, *, went_back: bool) -> int:
    waits = channel_notice.c.next_attempt_at
    done = connection.execute(
        update(channel_notice)
        .where(
            channel_notice.c.state == "due",
            channel_notice.c.claim.is_(None),
            waits > (now.at if went_back else now.at + FURTHEST),
        )
        .values(next_attempt_at=now.at)
    )
    return done.rowcount


# --- forgetting ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Round:
    """When the housekeeping was done last, and since when without a jump of the clock."""

    done_at: datetime
    steady_since: datetime

    def is_steady(self) -> bool:
        """Return True if the clock has gone on evenly for a day, so that its dates count."""
        return self.done_at - self.steady_since >= _JUMP


def last_round(connection: Connection) -> Round | None:
    """Return the last round of housekeeping, None before the first."""
    query = select(housekeeping.c.done_at, housekeeping.c.steady_since).where(
        housekeeping.c.name == _HOUSEKEEPING
    )
    row = connection.execute(query).one_or_none()
    return Round(row.done_at, row.steady_since) if row else None


def note_round(connection: Connection, now: datetime, usual: timedelta) -> Round:
    """Note a round of housekeeping; `usual`: how long after the last one it should come.

    The first round has nothing to be compared with and is believed.
    """
    last = last_round(connection)
    if last is None:
        this = Round(now, now - _JUMP)
    elif timedelta(0) <= now - last.done_at <= max(_JUMP, usual * _ROUNDS):
        this = Round(now, last.steady_since)
    else:
        this = Round(now, now)
    key = {"name": _HOUSEKEEPING}
    upsert(
        connection, housekeeping, key, {"done_at": this.done_at, "steady_since": this.steady_since}
    )
    return this
