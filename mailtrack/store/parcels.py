"""Parcels, the legs that are polled, and their tracking events."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Update,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    union_all,
    update,
)

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import (
    Certainty,
    LegId,
    ParcelId,
    PickupPoint,
    PollResult,
    PollState,
    Reason,
    SubscriberId,
    TrackingEvent,
)
from mailtrack.domain.numbers import service_of
from mailtrack.domain.stage_times import Lane
from mailtrack.domain.witnesses import ALARMS
from mailtrack.store import wordings
from mailtrack.store.announcing import Due, announce
from mailtrack.store.engine import ConflictError, locked
from mailtrack.store.leg_claims import is_out, let_go
from mailtrack.store.schema import (
    Instant,
    leg,
    leg_claim,
    parcel,
    subscription,
    tracking_event,
    wording,
)
from mailtrack.store.upsert import insert_all_ignoring, insert_ignoring, insert_whole

# Statements of every mail and answer, built once (see `store.upsert`).

#: By its own number first; a local one that nobody can be asked about has no leg.
_KNOWN_BY = (
    union_all(
        select(parcel.c.id, literal(0).label("rank")).where(parcel.c.number == bindparam("number")),
        select(leg.c.parcel_id, literal(1)).where(leg.c.number == bindparam("number")),
        select(parcel.c.id, literal(2)).where(parcel.c.local_number == bindparam("number")),
    )
    .order_by("rank", "id")
    .limit(1)
)
_THOSE = parcel.c.id.in_(bindparam("parcels", expanding=True))
_PARCELS = select(parcel).where(_THOSE)
_LOCKED = locked(_PARCELS.order_by(parcel.c.id))
_LEGS = (
    select(leg).where(leg.c.parcel_id.in_(bindparam("parcels", expanding=True))).order_by(leg.c.id)
)
_HISTORIES = (
    select(
        tracking_event,
        *wording.c["source", "code", "text", "place", "milestone", "reason", "certainty"],
    )
    .join(wording, wording.c.id == tracking_event.c.wording_id)
    .where(tracking_event.c.parcel_id.in_(bindparam("parcels", expanding=True)))
    .order_by(tracking_event.c.at, tracking_event.c.id)
)
_HEARD = (
    select(
        tracking_event.c.parcel_id,
        tracking_event.c.fingerprint,
        wording.c.certainty,
        wording.c.milestone,
    )
    .join(wording, wording.c.id == tracking_event.c.wording_id)
    .where(tracking_event.c.parcel_id.in_(bindparam("parcels", expanding=True)))
)
_NOTE_ANSWER = (
    update(leg)
    .where(leg.c.id == bindparam("leg_id"))
    .values(
        state=bindparam("said"),
        asked=leg.c.asked + 1,
        failures=0,
        last_error=bindparam("hint"),
        last_answer_at=bindparam("now"),
    )
)
_PLAN = update(leg).where(leg.c.id == bindparam("leg_id")).values(next_poll_at=bindparam("due"))
_GO_ON = (
    update(parcel)
    .where(parcel.c.id == bindparam("parcel"), parcel.c.ended_at.is_not(None))
    .values(ended_at=None, ended_why=None)
)
_WAKE = (
    update(leg)
    .where(
        leg.c.parcel_id == bindparam("parcel"),
        or_(leg.c.next_poll_at.is_(None), leg.c.next_poll_at > bindparam("now")),
        ~is_out(bindparam("now")),
    )
    .values(next_poll_at=bindparam("now"))
)
_ANSWERED = (
    update(parcel)
    .where(_THOSE)
    .values(
        last_answer_at=bindparam("now"),
        first_answer_at=func.coalesce(parcel.c.first_answer_at, bindparam("now", type_=Instant)),
    )
)
_SAVE_STATE = (
    update(parcel)
    .where(parcel.c.id == bindparam("parcel"))
    .values(
        milestone=bindparam("stage"),
        milestone_at=bindparam("since"),
        reason=bindparam("why"),
        last_event_at=bindparam("last"),
        first_carrier=bindparam("first_by"),
        last_carrier=bindparam("last_by"),
    )
)


#: Between our looking for a parcel and our locking it, it may be erased.
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Leg:
    """One number of a parcel at one carrier, with what is remembered of it."""

    id: LegId
    parcel: ParcelId
    carrier: str
    number: str
    is_local: bool
    state: str
    failures: int
    next_poll_at: datetime | None
    #: Why the last request gave nothing, where it is known.
    last_error: str = ""
    #: How often it was answered, and when last.
    answers: int = 0
    last_answer_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LockedParcels:
    """Parcels that are locked, and which of them each number names."""

    named: Mapping[str, ParcelId]
    rows: Mapping[ParcelId, "ParcelRow"]


@dataclass(frozen=True, slots=True)
class AnsweredLeg:
    """What a carrier said of a leg, and why it knows nothing (`hint`)."""

    leg: LegId
    state: PollState
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ParcelState:
    """What a parcel's history comes to; its service was known from the beginning."""

    milestone: Milestone | None
    current: TrackingEvent | None
    last_event_at: datetime | None
    lane: Lane


@dataclass(frozen=True, slots=True)
class ParcelRow:
    """A parcel's own columns."""

    id: ParcelId
    number: str
    created_at: datetime
    milestone: Milestone | None
    milestone_at: datetime | None
    reason: Reason | None
    local_number: str | None
    estimated_delivery: date | None
    pickup_point: PickupPoint | None
    first_answer_at: datetime | None
    last_answer_at: datetime | None
    last_event_at: datetime | None
    ended_at: datetime | None
    service: str


def find_parcel(connection: Connection, number: str) -> ParcelId | None:
    """Return the parcel known by a number, its own or a local one."""
    found = connection.execute(_KNOWN_BY, {"number": number}).scalar()
    return None if found is None else ParcelId(found)


def lock_named(
    connection: Connection,
    numbers: Collection[str],
    now: datetime,
    also: Iterable[ParcelId] = (),
) -> LockedParcels:
    """Lock the parcels known by numbers, made now where there are none.

    One that is erased while we look is made anew. `also`: others to lock with them.
    """
    rows: dict[ParcelId, ParcelRow] = {}
    for _ in range(_TRIES):
        known = {number: find_parcel(connection, number) for number in numbers}
        for number in sorted(number for number, found in known.items() if found is None):
            made = {"number": number, "created_at": now, "service": service_of(number)}
            new = insert_whole(connection, parcel, made)
            if new is not None:
                # Nobody else sees a row before its transaction ends: it needs no lock.
                rows[ParcelId(new.id)] = _parcel_row(new)
            known[number] = find_parcel(connection, number) if new is None else ParcelId(new.id)
        named = {number: found for number, found in known.items() if found is not None}
        rows |= {
            row.id: row for row in lock_all(connection, {*named.values(), *also} - rows.keys())
        }
        if rows.keys() >= set(known.values()):
            return LockedParcels(named, rows)
    raise ConflictError("A parcel is erased as often as it is stored.")


def add_leg(
    connection: Connection,
    parcel_id: ParcelId,
    carrier: str,
    number: str,
    now: datetime,
    *,
    is_local: bool = False,
) -> bool:
    """Poll a number of a parcel at a carrier from now on; False where that is done already."""
    new = insert_ignoring(
        connection,
        leg,
        {
            "parcel_id": parcel_id,
            "carrier": carrier,
            "number": number,
            "is_local": is_local,
            "next_poll_at": now,
        },
    )
    if new:
        announce(connection, Due.POLLS)
    return new


def lock(connection: Connection, parcel_id: ParcelId) -> ParcelRow | None:
    """Read a parcel and keep other writers off it until the transaction ends.

    None where it was erased.
    """
    return next(iter(lock_all(connection, [parcel_id])), None)


def lock_all(connection: Connection, wanted: Iterable[ParcelId]) -> list[ParcelRow]:
    """Read parcels and keep other writers off them, in the order in which all do that."""
    some = list(wanted)
    rows = connection.execute(_LOCKED, {"parcels": some}) if some else ()
    return [_parcel_row(row) for row in rows]


def parcel_rows(connection: Connection, wanted: Collection[ParcelId]) -> list[ParcelRow]:
    """Read parcels."""
    return [_parcel_row(row) for row in connection.execute(_PARCELS, {"parcels": list(wanted)})]


def _parcel_row(row: Row[Any]) -> ParcelRow:
    point = (
        PickupPoint(row.pickup_name, row.pickup_address or "", row.pickup_last_day)
        if row.pickup_name
        else None
    )
    return ParcelRow(
        id=ParcelId(row.id),
        number=row.number,
        created_at=row.created_at,
        milestone=Milestone(row.milestone) if row.milestone else None,
        milestone_at=row.milestone_at,
        reason=Reason(row.reason) if row.reason else None,
        local_number=row.local_number,
        estimated_delivery=row.estimated_delivery,
        pickup_point=point,
        first_answer_at=row.first_answer_at,
        last_answer_at=row.last_answer_at,
        last_event_at=row.last_event_at,
        ended_at=row.ended_at,
        service=row.service,
    )


def legs_of(connection: Connection, parcel_id: ParcelId) -> list[Leg]:
    """Return a parcel's legs, oldest first."""
    return legs_of_each(connection, [parcel_id])[parcel_id]


def legs_of_each(connection: Connection, wanted: Collection[ParcelId]) -> dict[ParcelId, list[Leg]]:
    """Return the legs of parcels, oldest first."""
    legs: dict[ParcelId, list[Leg]] = {parcel_id: [] for parcel_id in wanted}
    for row in connection.execute(_LEGS, {"parcels": list(wanted)}):
        legs[row.parcel_id].append(
            Leg(
                id=LegId(row.id),
                parcel=ParcelId(row.parcel_id),
                carrier=row.carrier,
                number=row.number,
                is_local=row.is_local,
                state=row.state,
                failures=row.failures,
                next_poll_at=row.next_poll_at,
                last_error=row.last_error,
                answers=row.asked,
                last_answer_at=row.last_answer_at,
            )
        )
    return legs


def note_answers(connection: Connection, answers: Collection[AnsweredLeg], now: datetime) -> None:
    """Record what carriers said of legs; the next polls are planned apart."""
    said = [{"leg_id": one.leg, "said": one.state, "hint": one.hint, "now": now} for one in answers]
    connection.execute(_NOTE_ANSWER, said)


def plan(connection: Connection, leg_id: LegId, next_poll_at: datetime | None) -> None:
    """Set when a leg is asked next; None for never."""
    plan_each(connection, {leg_id: next_poll_at})


def plan_each(connection: Connection, due: Mapping[LegId, datetime | None]) -> None:
    """Set when legs are asked next; None for never."""
    if due:
        planned = [{"leg_id": leg_id, "due": due[leg_id]} for leg_id in sorted(due)]
        connection.execute(_PLAN, planned)


def hasten(connection: Connection, carrier: str, numbers: Collection[str], now: datetime) -> None:
    """Let numbers that are still polled at a carrier be due now."""
    connection.execute(
        update(leg)
        .where(
            leg.c.carrier == carrier,
            leg.c.number.in_(numbers),
            leg.c.next_poll_at > now,
            ~is_out(now),
        )
        .values(next_poll_at=now)
    )


def newest_event(connection: Connection, carrier: str, number: str) -> datetime | None:
    """Return when the newest scan was that a carrier told of a number, None where it told none."""
    told = select(tracking_event.c.at).join(leg, leg.c.parcel_id == tracking_event.c.parcel_id)
    said = told.join(wording, wording.c.id == tracking_event.c.wording_id)
    mine = said.where(leg.c.carrier == carrier, leg.c.number == number, wording.c.source == carrier)
    return connection.scalar(mine.order_by(tracking_event.c.at.desc()).limit(1))


def ask_with_postcode(connection: Connection, owner: SubscriberId, now: datetime) -> None:
    """Let somebody's parcels be due now where a carrier waits for a postcode.

    Not where another postcode was wrong: whoever tries out one after another learns nothing
    sooner by it.
    """
    mine = subscription.c.subscriber_id == owner
    parcel_ids = select(subscription.c.parcel_id).where(mine)
    local_ids = select(subscription.c.local_parcel_id).where(mine)
    connection.execute(
        update(leg)
        .where(
            leg.c.parcel_id.in_(parcel_ids) | leg.c.parcel_id.in_(local_ids),
            leg.c.state == PollState.NEEDS_POSTCODE,
            leg.c.next_poll_at > now,
            ~is_out(now),
        )
        .values(next_poll_at=now)
    )


def history(connection: Connection, parcel_id: ParcelId) -> list[TrackingEvent]:
    """Return every event of a parcel, oldest first."""
    return histories(connection, [parcel_id])[parcel_id]


def histories(
    connection: Connection, wanted: Collection[ParcelId]
) -> dict[ParcelId, list[TrackingEvent]]:
    """Return every event of parcels, oldest first."""
    events: dict[ParcelId, list[TrackingEvent]] = {parcel_id: [] for parcel_id in wanted}
    for row in connection.execute(_HISTORIES, {"parcels": list(wanted)}):
        events[row.parcel_id].append(
            TrackingEvent(
                at=row.at,
                milestone=Milestone(row.milestone),
                source=row.source,
                code=row.code,
                text=row.text,
                place=row.place,
                at_certain=row.at_certain,
                reason=Reason(row.reason) if row.reason else None,
                mark=row.mark,
                certainty=Certainty(row.certainty),
            )
        )
    return events


def of_news(
    connection: Connection, told: Mapping[ParcelId, Collection[TrackingEvent]]
) -> list[ParcelId]:
    """Return the parcels of which carriers told anything that their histories may not hold.

    Or not as surely, or of which an alarm waits for a witness (`domain.witnesses`). Most answers
    bring nothing, and it takes no history to know that.
    """
    heard: dict[ParcelId, dict[int, str]] = {parcel_id: {} for parcel_id in told}
    unwitnessed = set()
    for row in connection.execute(_HEARD, {"parcels": list(told)}):
        heard[row.parcel_id][row.fingerprint] = row.certainty
        if row.certainty == Certainty.READ and row.milestone in ALARMS:
            unwitnessed.add(row.parcel_id)
    return [
        parcel_id
        for parcel_id, events in told.items()
        if parcel_id in unwitnessed
        or any(
            heard[parcel_id].get(wordings.fingerprint_key(event))
            not in (Certainty.KNOWN, event.certainty)
            for event in events
        )
    ]


def add_events_of_each(
    connection: Connection, events: Mapping[ParcelId, Collection[TrackingEvent]], now: datetime
) -> None:
    """Add events to the histories of parcels; those that are known stay as they were."""
    new = [(parcel_id, event) for parcel_id, told in events.items() for event in told]
    if not new:
        return
    held = wordings.hold(connection, (event for _, event in new))
    rows = [
        {
            "parcel_id": parcel_id,
            "fingerprint": wordings.fingerprint_key(event),
            "wording_id": held[wordings.digest_of(event)],
            "at": event.at,
            "at_certain": event.at_certain,
            "mark": event.mark,
            "seen_at": now,
        }
        for parcel_id, event in new
    ]
    insert_all_ignoring(connection, tracking_event, rows)


def note_certainty(
    connection: Connection, parcel_id: ParcelId, events: Iterable[TrackingEvent]
) -> None:
    """Note how sure the meaning of events is that a parcel's history holds already."""
    some = tuple(events)
    if not some:
        return
    former = wordings.used_by(connection, [parcel_id])
    held = wordings.hold(connection, some)
    for event in some:
        connection.execute(
            update(tracking_event)
            .where(
                tracking_event.c.parcel_id == parcel_id,
                tracking_event.c.fingerprint == wordings.fingerprint_key(event),
            )
            .values(wording_id=held[wordings.digest_of(event)])
        )
    wordings.forget_unused(connection, former)


def save_states(connection: Connection, states: Mapping[ParcelId, ParcelState]) -> None:
    """Store what the histories of parcels come to."""
    known = [
        {
            "parcel": parcel_id,
            "stage": state.milestone,
            "since": state.current and state.current.at,
            "why": state.current and state.current.reason,
            "last": state.last_event_at,
            "first_by": state.lane.first,
            "last_by": state.lane.last,
        }
        for parcel_id, state in states.items()
    ]
    connection.execute(_SAVE_STATE, known)


def save_results(
    connection: Connection, results: Mapping[ParcelId, PollResult], now: datetime
) -> None:
    """Store what answers told besides events; what they left out stays as it was."""
    connection.execute(_ANSWERED, {"parcels": list(results), "now": now})
    for parcel_id, result in results.items():
        told: dict[str, object] = {}
        if result.local_number:
            told["local_number"] = result.local_number
        if result.estimated_delivery:
            told["estimated_delivery"] = result.estimated_delivery
        if result.pickup_point:
            told["pickup_name"] = result.pickup_point.name
            told["pickup_address"] = result.pickup_point.address
            told["pickup_last_day"] = result.pickup_point.last_day
        if told:
            connection.execute(_saving(tuple(told)), {"parcel": parcel_id, **told})


@cache
def _saving(columns: tuple[str, ...]) -> Update:
    statement = update(parcel).where(parcel.c.id == bindparam("parcel"))
    return statement.values({name: bindparam(name) for name in columns})


def end(connection: Connection, parcel_id: ParcelId, why: str, now: datetime) -> None:
    """Stop polling a parcel for good."""
    connection.execute(
        update(parcel).where(parcel.c.id == parcel_id).values(ended_at=now, ended_why=why)
    )
    connection.execute(update(leg).where(leg.c.parcel_id == parcel_id).values(next_poll_at=None))
    # A claim that nobody comes back for would keep `wake` from its leg.
    legs = select(leg.c.id).where(leg.c.parcel_id == parcel_id)
    let_go(connection, leg_claim.c.leg_id.in_(legs))


def unasked(
    connection: Connection, before: datetime, known_before: datetime, most: int
) -> list[ParcelId]:
    """Return up to `most` parcels that no carrier is asked about any more, quiet since a moment.

    In the order in which all lock them. `known_before`: the moment for those that a carrier knew,
    or a mail told a step of. Quiet: no mail told anything of them, and nobody has come to follow
    them.
    """
    of_parcel = leg.c.parcel_id == parcel.c.id
    asked = exists().where(of_parcel, leg.c.next_poll_at.is_not(None))
    # No EXISTS: beside OR, PostgreSQL may read all legs for it.
    known = select(leg.c.id).where(of_parcel, leg.c.state == PollState.FOUND).limit(1)
    newcomer = exists().where(
        subscription.c.parcel_id == parcel.c.id,
        or_(subscription.c.created_at > before, subscription.c.milestone_at > known_before),
    )
    given_up = select(parcel.c.id).where(parcel.c.ended_at.is_(None), ~asked, ~newcomer)
    found: list[ParcelId] = []
    # Those that were heard of, and the others: one after the other, each by its part of the index.
    for since, unheard in (
        (parcel.c.last_event_at, true()),
        (parcel.c.created_at, parcel.c.last_event_at.is_(None)),
    ):
        for_long = or_(since <= known_before, known.scalar_subquery().is_(None))
        query = given_up.where(unheard, since <= before, for_long).limit(most - len(found))
        found += map(ParcelId, connection.scalars(query))
    return sorted(found)


def wake(connection: Connection, parcel_id: ParcelId, now: datetime) -> None:
    """Poll a parcel again, now: somebody follows it (anew)."""
    connection.execute(_GO_ON, {"parcel": parcel_id})
    connection.execute(_WAKE, {"parcel": parcel_id, "now": now})
    announce(connection, Due.POLLS)
