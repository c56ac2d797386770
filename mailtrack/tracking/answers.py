"""Taking in what a carrier said of some legs, in one transaction and by few statements.

What is read of a batch is read at one go, and so is what is written: most of what an answer
costs is the number of statements, however many rows each of them has.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import Connection

from mailtrack.domain import numbers, scheduling, silence
from mailtrack.domain.choosing import FALLBACKS, choices, may_ask, next_choice
from mailtrack.domain.milestones import ENDED, Milestone
from mailtrack.domain.model import (
    UNKNOWN_STATES,
    LegId,
    ParcelId,
    PollResult,
    PollState,
    SubscriptionId,
)
from mailtrack.domain.silence import Silence
from mailtrack.notify.view import NoticeKind
from mailtrack.store import (
    budgets,
    followers,
    local_parcels,
    named_carriers,
    notices,
    outcomes,
    parcels,
)
from mailtrack.store.followers import Standing
from mailtrack.store.leg_claims import ClaimedLeg
from mailtrack.store.local_parcels import Beside
from mailtrack.store.named_carriers import Named
from mailtrack.store.outcomes import NEVER_KNOWN, NOBODY_FOLLOWS
from mailtrack.store.parcels import Leg, ParcelRow
from mailtrack.store.schema import subscription
from mailtrack.tracking import merging

#: A carrier that has handed a parcel over is asked more rarely: its last scan comes late.
AFTER_HANDOVER = 0.1
#: Where a postcode is wanted nobody is asked; once it is told, the leg is due at once.
WITHOUT_POSTCODE = 0.01
_ONCE = "1"


@dataclass(frozen=True, slots=True)
class LegAnswer:
    """What a carrier said of one leg, whose parcel is locked."""

    row: ParcelRow
    beside: Beside
    leg: ClaimedLeg
    result: PollResult


@dataclass(frozen=True, slots=True)
class _Batch:
    """Answers that one transaction takes in; nobody hears of the parcels of two of them.

    `legs`: all that their parcels have by now; `named`: whom alone the numbers of those may be
    asked of that some carrier does not know; `on`: the carriers that may be asked at all.
    """

    connection: Connection
    answers: Mapping[ParcelId, LegAnswer]
    legs: Mapping[ParcelId, Sequence[Leg]]
    named: Mapping[ParcelId, Named]
    on: frozenset[str]
    rng: Random
    now: datetime

    def named_for(self, parcel_id: ParcelId, number: str) -> Collection[str]:
        """Return the carriers that bind for a number, none where anybody may be asked."""
        return self.named.get(parcel_id, {}).get(number, ())


def take_in(
    connection: Connection,
    answers: Sequence[LegAnswer],
    on: frozenset[str],
    rng: Random,
    now: datetime,
) -> None:
    """Take in answers about parcels of which nobody hears of two.

    `on`: the codes of the carriers that may be asked.

    1. The answers are noted, and the legs that they lead to are added.
    2. What one says is saved as the parcel's if it says something, or no other guess is left.
    3. Their events are merged, and the parcels' followers are owed what follows. A local
       number that their mails gave a parcel is settled once its own carriers know it by that.
    4. Every leg of the parcels is planned.
    """
    # 1.
    said = [parcels.AnsweredLeg(x.leg.id, x.result.state, x.result.hint) for x in answers]
    parcels.note_answers(connection, said, now)
    of_parcel = {answer.leg.parcel: answer for answer in answers}
    legs = parcels.legs_of_each(connection, of_parcel)
    unknown = [
        one for one, theirs in legs.items() if any(x.state in UNKNOWN_STATES for x in theirs)
    ]
    named = named_carriers.of_each(connection, unknown)
    batch = _Batch(connection, of_parcel, legs, named, on, rng, now)
    grown = [one for one in of_parcel if _add_legs(batch, one)]
    if grown:
        batch = replace(batch, legs=legs | parcels.legs_of_each(connection, grown))
    # 2.
    _save_results(batch)
    # 3.
    events = {one: answer.result.events for one, answer in of_parcel.items()}
    unwitnessed = merging.take_in(connection, events, now)
    for answer in answers:
        if answer.beside:
            local_parcels.settle(connection, answer.row.id)
    # 4.
    _plan(batch, unwitnessed)


def _add_legs(batch: _Batch, parcel_id: ParcelId) -> bool:
    """Add the legs that an answer leads to; return False where it leads to none.

    1. The local carrier's: whomever a local number may belong to. Where we can ask none of
       them, a fallback's, unless one follows the parcel already: there, a second number
       would cost.
    2. The next guess, where the carrier does not know the number; none but those whom its
       followers' mails name, where they do.
    """
    connection, now = batch.connection, batch.now
    answer, legs = batch.answers[parcel_id], batch.legs[parcel_id]
    leg, result, on = answer.leg, answer.result, batch.on
    added = []
    # 1.
    local = result.local_number
    if local and local != leg.number:
        asked = {other.carrier for other in legs}
        codes = set(choices(local, on))
        if numbers.detect(local) and not codes and not asked & set(FALLBACKS) & on:
            fallback = next_choice(local, on, (), timedelta(0))
            codes = {fallback} if fallback else codes
        codes.discard(leg.carrier)
        if result.state is PollState.PENDING:
            # A placeholder: the same carrier knows the parcel by its new number only.
            codes.add(leg.carrier)
        added += [
            parcels.add_leg(connection, parcel_id, code, local, now, is_local=True)
            for code in sorted(codes)
        ]
    # 2.
    if result.state in UNKNOWN_STATES:
        about = [other for other in legs if other.number == leg.number]
        unasked = {x.carrier for x in about if x.state == PollState.NEEDS_POSTCODE}
        tried = {x.carrier for x in about} - unasked
        unknown_for = now - answer.row.created_at
        only = batch.named_for(parcel_id, leg.number)
        guess = next_choice(leg.number, on, tried, unknown_for, only, unasked)
        if guess is not None:
            added.append(parcels.add_leg(connection, parcel_id, guess, leg.number, now))
    return any(added)


def _plan(batch: _Batch, unwitnessed: Collection[ParcelId]) -> None:
    """Tell people of a long silence, and set when each leg of the parcels is asked next.

    Polling ends where nobody waits any more, or nothing is left to wait for. `unwitnessed`: the
    parcels of which an alarm waits for a witness.
    """
    connection, now = batch.connection, batch.now
    waiting = followers.who_wait_for(connection, batch.answers)
    carriers = {leg.carrier for legs in batch.legs.values() for leg in legs}
    prices = budgets.prices_h(connection, carriers)
    planned: dict[LegId, datetime | None] = {}
    for row in parcels.parcel_rows(connection, batch.answers):
        milestone, since = _standing(row, waiting[row.id])
        _tell_silence(batch, row, milestone, since)
        if not waiting[row.id]:
            outcomes.end(connection, row.id, NOBODY_FOLLOWS, now)
            continue
        context = scheduling.PollContext(milestone, since, is_doubtful=row.id in unwitnessed)
        polls = _next_polls(batch, row.id, context, prices)
        if polls is None:
            outcomes.end(connection, row.id, milestone or NEVER_KNOWN, now)
        else:
            planned |= polls
    parcels.plan_each(connection, planned)


def _next_polls(
    batch: _Batch,
    parcel_id: ParcelId,
    context: scheduling.PollContext,
    prices: Mapping[str, float],
) -> dict[LegId, datetime | None] | None:
    """Return when legs of a parcel are asked next, or None where all polling ends.

    1. A wrong guess is asked no more while another carrier is left to ask, or where mails
       say whose number it is. What is planned no more is at a carrier that is off, or was a
       wrong guess itself.
    2. The leg that was asked is due when that is worth a request again; news on it
       hastens the others.
    """
    asked, legs = batch.answers[parcel_id].leg, batch.legs[parcel_id]
    left = [leg for leg in legs if leg.next_poll_at is not None]
    handed_over = any(leg.is_local and leg.state == PollState.FOUND for leg in left)
    known_numbers = {leg.number for leg in left if leg.state == PollState.FOUND}
    others_left = any(leg.state != PollState.REJECTED for leg in left)
    polls: dict[LegId, datetime | None] = {}
    for leg in legs:
        if leg.next_poll_at is None and leg.id != asked.id:
            continue
        mine = replace(
            context,
            weight=_weight(leg, handed_over=handed_over),
            price_h=prices[leg.carrier],
        )
        due = scheduling.next_poll(mine, batch.now, batch.rng)
        if due is None:
            return None
        # 1.
        is_meant = may_ask(leg.carrier, leg.number, batch.named_for(parcel_id, leg.number))
        if (leg.state == PollState.REJECTED and others_left) or (
            leg.state == PollState.NOT_FOUND and (leg.number in known_numbers or not is_meant)
        ):
            polls[leg.id] = None
        # 2.
        elif leg.id == asked.id or leg.next_poll_at is None or due < leg.next_poll_at:
            polls[leg.id] = due
    return polls


def _save_results(batch: _Batch) -> None:
    """Show the answers that say something, and those after which no other guess is left."""
    shown = {
        parcel_id: answer.result
        for parcel_id, answer in batch.answers.items()
        if answer.result.state in (PollState.FOUND, PollState.PENDING)
        or all(leg.state for leg in batch.legs[parcel_id] if leg.next_poll_at is not None)
    }
    parcels.save_results(batch.connection, shown, batch.now)
    for parcel_id in shown:
        if batch.answers[parcel_id].row.first_answer_at is None:
            # "Suivi enregistré" has waited for this.
            notices.hasten(batch.connection, parcel_id, NoticeKind.REGISTERED, batch.now)


def _tell_silence(
    batch: _Batch, row: ParcelRow, milestone: Milestone | None, since: datetime
) -> None:
    """Owe word of a silence that is to be told, once, to all who hear of the parcel.

    Not to whom another parcel, that they hear of beside it, has told something later; nor that
    a carrier does not know a number which is another's, as their own mails say.
    """
    verdict = silence.assess_silence(milestone, since, batch.now)
    if verdict is Silence.USUAL:
        return
    # Mostly they were told: the whole question takes long to put together.
    if not followers.is_untold(batch.connection, row.id, verdict, _ONCE):
        return
    # Whose own mail told the end waits for nothing more.
    ended = subscription.c.milestone.in_(ENDED)
    untold = followers.untold(verdict, _ONCE).where(
        local_parcels.hears_last_from(row), ended.is_not(True)
    )
    leg = batch.answers[row.id].leg
    is_guess = leg.carrier not in FALLBACKS and not numbers.names_its_carrier(leg.number)
    if verdict is Silence.NOT_FOUND and is_guess:
        untold = untold.where(~named_carriers.means_another(leg.number, leg.carrier))
    for row_id in batch.connection.scalars(untold).all():
        notices.owe_follower(
            batch.connection,
            SubscriptionId(row_id),
            verdict,
            occurrence=_ONCE,
            now=batch.now,
        )


def _weight(leg: Leg, *, handed_over: bool) -> float:
    """Return how much the next poll of a leg is worth."""
    if leg.state == PollState.NEEDS_POSTCODE:
        return WITHOUT_POSTCODE
    return AFTER_HANDOVER if handed_over and not leg.is_local else 1.0


def _standing(row: ParcelRow, waiting: Sequence[Standing]) -> Standing:
    """Return where a parcel stands, and since when nothing has happened.

    By its carriers' word; None where no carrier knows its number, which may be wrong whatever
    a shop wrote of it. At its end, too, where all who still hear of it know of one by their own
    mails; the end that one of them knows of makes nobody else wait for longer.
    """
    if waiting and all(milestone in ENDED for milestone, _ in waiting):
        return max(waiting, key=lambda told: told[1])
    if row.last_event_at is not None:
        return row.milestone, row.last_event_at
    return row.milestone, max(
        (at for milestone, at in waiting if milestone is not None and milestone not in ENDED),
        default=row.created_at,
    )
