"""Asking a carrier about claimed legs and taking its answers in.

The answers of one request are one transaction where nothing speaks against it, else one each.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random

import structlog
from sqlalchemy import Connection

from mailtrack.carriers.base import MOST_POSTCODES, Carrier, Declaration, Push, WithPostcode
from mailtrack.clock import Clock
from mailtrack.domain import numbers, scheduling, silence
from mailtrack.domain.choosing import FALLBACKS, choices, may_ask, next_choice
from mailtrack.domain.milestones import STAGES, Milestone, Phase
from mailtrack.domain.model import (
    UNKNOWN_STATES,
    LegId,
    ParcelId,
    PollResult,
    PollState,
    SubscriptionId,
)
from mailtrack.domain.silence import Silence
from mailtrack.errors import AuthError, MailtrackError, PermanentError, QuotaError, TransientError
from mailtrack.notify.view import NoticeKind
from mailtrack.store import (
    budgets,
    followers,
    leg_claims,
    local_parcels,
    named_carriers,
    notices,
    outcomes,
    parcels,
)
from mailtrack.store.engine import Store
from mailtrack.store.leg_claims import ClaimedLeg
from mailtrack.store.local_parcels import Beside
from mailtrack.store.named_carriers import Named
from mailtrack.store.parcels import Leg, ParcelRow
from mailtrack.store.schema import subscription
from mailtrack.tracking import merging

#: How long a carrier that refuses our key is left alone.
AUTH_SILENCE_S = 3600.0
#: Waits after a first, second … failure of one leg.
_RETRY = tuple(timedelta(minutes=m) for m in (5, 15, 45, 120, 360))
#: A carrier that has handed a parcel over is asked more rarely: its last scan comes late.
AFTER_HANDOVER = 0.1
#: Where a postcode is wanted nobody is asked; once it is told, the leg is due at once.
WITHOUT_POSTCODE = 0.01
#: How long nobody else asks about a number whose carrier has just written of itself.
PUSH_LEASE_S = 30.0
#: Why a parcel is not polled: a reason beside the milestones at which polling ends.
NOBODY_FOLLOWS = "nobody_follows"
NEVER_KNOWN = "never_known"
_ONCE = "1"
_ENDS = frozenset(m for m, stage in STAGES.items() if stage.phase is Phase.END)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a carrier said of one leg, whose parcel is locked."""

    row: ParcelRow
    beside: Beside
    leg: ClaimedLeg
    result: PollResult


@dataclass(frozen=True, slots=True)
class _Batch:
    """Answers that one transaction takes in; nobody hears of the parcels of two of them.

    `legs`: all that their parcels have by now; `named`: whom alone the numbers of those may be
    asked of that some carrier does not know.
    """

    connection: Connection
    answers: Mapping[ParcelId, _Answer]
    legs: Mapping[ParcelId, Sequence[Leg]]
    named: Mapping[ParcelId, Named]
    now: datetime

    def named_for(self, parcel_id: ParcelId, number: str) -> Collection[str]:
        """Return the carriers that bind for a number, none where anybody may be asked."""
        return self.named.get(parcel_id, {}).get(number, ())


@dataclass(frozen=True, slots=True)
class Poller:
    """Polls carriers. `carriers`: those that are on, `declarations`: their budgets, by code."""

    store: Store
    carriers: Mapping[str, Carrier]
    declarations: Mapping[str, Declaration]
    clock: Clock
    rng: Random

    def poll(self, carrier: str, legs: Sequence[LegId], token: str) -> None:
        """Ask a carrier about claimed legs and take its answers in.

        1. A carrier that was switched off meanwhile is left alone: `rerouting` sees to its
           legs. Legs whose claim has passed on are left out.
        2. One request asks about all of them, and what it says of each is taken in.
        3. Where it failed, the legs are due again later,
        4. but where it failed for good, each is asked about alone: a number that a carrier
           chokes on holds up no other. Only while the carrier may still be asked; the rest is
           due again at once.
        """
        # 1.
        if carrier not in self.carriers:
            return
        with self.store.read() as connection:
            mine = leg_claims.claimed(connection, legs, token)
        if not mine:
            return
        # 2.
        failure = self._ask(carrier, mine, token)
        if failure is None:
            return
        # 3.
        if len(mine) == 1 or not isinstance(failure, PermanentError):
            self._note_failure(carrier, mine, token, failure)
            return
        # 4.
        budget = self.declarations[carrier].budget
        for done, leg in enumerate(mine):
            now = self.clock.now()
            with self.store.write() as connection:
                if not budgets.overdraw(
                    connection,
                    carrier,
                    per_second=budget.per_second,
                    per_day=budget.per_day,
                    now=now,
                ):
                    rest = [other.id for other in mine[done:]]
                    leg_claims.release(connection, rest, token, now)
                    return
            failure = self._ask(carrier, [leg], token)
            if failure is not None:
                self._note_failure(carrier, [leg], token, failure)

    def take_push(self, carrier: str, push: Push) -> None:
        """Take in what a carrier sends of itself, as if we had just asked.

        One without scans, or that was overtaken by what the carrier told since, says nothing:
        pushes come late, twice, and from whoever kept one. Numbers that the carrier has stopped
        are due at once: only a request takes them up again.
        """
        token = secrets.token_hex(8)
        for number, result in push.results.items():
            with self.store.write() as connection:
                known = parcels.newest_event(connection, carrier, number)
                newest = max((event.at for event in result.events), default=None)
                if newest is None or (known is not None and newest < known):
                    continue
                legs = leg_claims.claim_number(
                    connection, carrier, number, token=token, until=self.clock.later(PUSH_LEASE_S)
                )
            self._take_in(legs, {number: result}, token)
        if push.stopped:
            with self.store.write() as connection:
                parcels.hasten(connection, carrier, push.stopped, self.clock.now())

    def _ask(self, carrier: str, legs: Sequence[ClaimedLeg], token: str) -> MailtrackError | None:
        """Ask about legs in one request and take in what it says of each; return why it failed.

        An answer that breaks our reader is a failure for good.
        """
        try:
            results = self._fetch(self.carriers[carrier], legs)
        except MailtrackError as error:
            return error
        except Exception as error:
            log.exception("carrier not understood", carrier=carrier)
            return PermanentError(
                f"The answer of {carrier} broke our reader ({type(error).__name__}): see the log."
            )
        now = self.clock.now()
        with self.store.write() as connection:
            budgets.note_ok(connection, carrier, now)
        self._take_in(legs, results, token)
        return None

    def _fetch(self, carrier: Carrier, legs: Sequence[ClaimedLeg]) -> Mapping[str, PollResult]:
        """Return what a carrier says of legs; with their followers' postcodes where it wants them.

        Where more are known than may be tried, chance decides: no stranger's stand in the way
        of the addressee's for ever.
        """
        if not isinstance(carrier, WithPostcode):
            return carrier.fetch(list(dict.fromkeys(leg.number for leg in legs)))
        results = {}
        for leg in legs:
            with self.store.read() as connection:
                known = followers.postcodes(connection, leg.id)
            few = len(known) <= MOST_POSTCODES
            tried = known if few else self.rng.sample(known, MOST_POSTCODES)
            result = carrier.fetch_for(leg.number, tried)
            if result:
                results[leg.number] = result
        return results

    def _note_failure(
        self, carrier: str, legs: Sequence[ClaimedLeg], token: str, error: MailtrackError
    ) -> None:
        """Let legs that got no answer be due again.

        A carrier that refuses us is left alone so long, and its legs have no part in it. Any
        other failure counts for each leg, which then waits longer and longer.
        """
        log.warning("carrier failed", carrier=carrier, error=str(error), numbers=len(legs))
        now = self.clock.now()
        silence_s = 0.0
        if isinstance(error, QuotaError):
            silence_s = error.retry_after_s
        elif isinstance(error, AuthError):
            silence_s = AUTH_SILENCE_S
        down = isinstance(error, TransientError)
        with self.store.write() as connection:
            budgets.note_error(connection, carrier, str(error), now, silence_s=silence_s, down=down)
            if silence_s:
                free_again = now + timedelta(seconds=silence_s)
                leg_claims.release(connection, [leg.id for leg in legs], token, free_again)
                return
            for leg in legs:
                self._retry_later(connection, leg, token, str(error), now)

    def _retry_later(
        self, connection: Connection, leg: ClaimedLeg, token: str, error: str, now: datetime
    ) -> None:
        wait = _RETRY[min(leg.failures, len(_RETRY) - 1)] * self.rng.uniform(0.8, 1.2)
        leg_claims.note_failure(connection, leg.id, token, error, now + wait)

    # --- the answers of one request ----------------------------------------------------

    def _take_in(
        self, legs: Sequence[ClaimedLeg], results: Mapping[str, PollResult], token: str
    ) -> None:
        """Take in what a carrier said of legs, by their numbers.

        An answer that cannot be stored must not hold up the others: its leg is tried again later.
        Raises TransientError where the store is away, once the others are stored.
        """
        now, failed = self.clock.now(), None
        take_in = partial(self._take_in_some, results, token, now)
        done = self.store.transact_batches(take_in, legs)
        for leg, stored in zip(legs, done, strict=True):
            if isinstance(stored, MailtrackError):
                failed = stored
            elif isinstance(stored, Exception):
                log.error("answer not stored", carrier=leg.carrier, leg=leg.id, exc_info=stored)
                reason = f"The answer cannot be stored ({type(stored).__name__}): see the log."
                with self.store.write() as connection:
                    self._retry_later(connection, leg, token, reason, self.clock.now())
        if failed is not None:
            raise failed

    def _take_in_some(
        self,
        results: Mapping[str, PollResult],
        token: str,
        now: datetime,
        connection: Connection,
        legs: Sequence[ClaimedLeg],
    ) -> list[bool]:
        """Take in what a carrier said of some legs; return of which it said anything to us.

        1. Legs whose claim has passed on, or whose parcel was erased, are left alone. The
           parcels of the others are locked at one go.
        2. Where somebody hears of the parcels of two of them, each takes its turn: what follows
           from the second answer depends on what the first one has left of it.
        3. A number that the answer leaves out waits alone.
        4. The others are taken in at one go.
        """
        # 1.
        claimed = leg_claims.claimed(connection, [leg.id for leg in legs], token)
        locked = local_parcels.lock(connection, {leg.parcel for leg in claimed})
        mine = [leg for leg in claimed if leg.parcel in locked.rows]
        # 2.
        families = [{leg.parcel, *locked.beside[leg.parcel].values()} for leg in mine]
        if sum(map(len, families)) > len(set().union(*families)):
            take_in = partial(self._take_in_some, results, token, now, connection)
            return [taken for leg in legs for taken in take_in([leg])]
        # 3.
        for leg in mine:
            if leg.number not in results:
                error = f"{leg.carrier} left this number out of its answer"
                self._retry_later(connection, leg, token, error, now)
        # 4.
        answers = [
            _Answer(locked.rows[leg.parcel], locked.beside[leg.parcel], leg, results[leg.number])
            for leg in mine
            if leg.number in results
        ]
        if answers:
            self._take_in_apart(connection, answers, now)
        taken_in = {answer.leg.id for answer in answers}
        return [leg.id in taken_in for leg in legs]

    def _take_in_apart(
        self, connection: Connection, answers: Sequence[_Answer], now: datetime
    ) -> None:
        """Take in answers about parcels of which nobody hears of two.

        1. The answers are noted, and the legs that they lead to are added.
        2. One is shown if it says something, or if no other guess is left.
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
        batch = _Batch(connection, of_parcel, legs, named, now)
        grown = [one for one in of_parcel if self._add_legs(batch, one)]
        if grown:
            batch = replace(batch, legs=legs | parcels.legs_of_each(connection, grown))
        # 2.
        _show(batch)
        # 3.
        events = {one: answer.result.events for one, answer in of_parcel.items()}
        doubtful = merging.take_in(connection, events, now)
        for answer in answers:
            if answer.beside:
                local_parcels.settle(connection, answer.row.id)
        # 4.
        self._plan(batch, doubtful)

    def _add_legs(self, batch: _Batch, parcel_id: ParcelId) -> bool:
        """Add the legs that an answer leads to; return False where it leads to none.

        1. The local carrier's: whomever a local number may belong to. Where we can ask none of
           them, a fallback's, unless one follows the parcel already: there, a second number
           would cost.
        2. The next guess, where the carrier does not know the number; none but those whom its
           followers' mails name, where they do.
        """
        connection, now = batch.connection, batch.now
        answer, legs = batch.answers[parcel_id], batch.legs[parcel_id]
        leg, result, on = answer.leg, answer.result, self.carriers.keys()
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

    def _plan(self, batch: _Batch, doubtful: Collection[ParcelId]) -> None:
        """Tell people of a long silence, and set when each leg of the parcels is asked next.

        Polling ends where nobody waits any more, or nothing is left to wait for. `doubtful`: the
        parcels of which an alarm waits for a witness.
        """
        connection, now = batch.connection, batch.now
        waiting = followers.who_wait_for(connection, batch.answers)
        carriers = {leg.carrier for legs in batch.legs.values() for leg in legs}
        prices = budgets.prices_h(connection, carriers)
        planned: dict[LegId, datetime | None] = {}
        for row in parcels.parcel_rows(connection, batch.answers):
            stage, since = _stage(row, waiting[row.id])
            _tell_silence(batch, row, stage, since)
            if not waiting[row.id]:
                outcomes.end(connection, row.id, NOBODY_FOLLOWS, now)
                continue
            context = scheduling.PollContext(stage, since, is_doubtful=row.id in doubtful)
            polls = self._next_polls(batch, row.id, context, prices)
            if polls is None:
                outcomes.end(connection, row.id, stage or NEVER_KNOWN, now)
            else:
                planned |= polls
        parcels.plan_each(connection, planned)

    def _next_polls(
        self,
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
            due = scheduling.next_poll(mine, batch.now, self.rng)
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


def _show(batch: _Batch) -> None:
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


def _tell_silence(batch: _Batch, row: ParcelRow, stage: Milestone | None, since: datetime) -> None:
    """Owe word of a silence that is to be told, once, to all who hear of the parcel.

    Not to whom another parcel, that they hear of beside it, has told something later; nor that
    a carrier does not know a number which is another's, as their own mails say.
    """
    verdict = silence.assess_silence(stage, since, batch.now)
    if verdict is Silence.USUAL:
        return
    # Mostly they were told: the whole question takes long to put together.
    if not followers.is_untold(batch.connection, row.id, verdict, _ONCE):
        return
    # Whose own mail told the end waits for nothing more.
    ended = subscription.c.milestone.in_(_ENDS)
    untold = followers.untold(verdict, _ONCE).where(
        local_parcels.hears_last_from(row), ended.is_not(True)
    )
    leg = batch.answers[row.id].leg
    is_guess = leg.carrier not in FALLBACKS and not numbers.names_its_carrier(leg.number)
    if verdict is Silence.NOT_FOUND and is_guess:
        untold = untold.where(~named_carriers.means_another(leg.number, leg.carrier))
    for number in batch.connection.scalars(untold).all():
        notices.owe_follower(
            batch.connection,
            SubscriptionId(number),
            verdict,
            occurrence=_ONCE,
            now=batch.now,
        )


def _weight(leg: Leg, *, handed_over: bool) -> float:
    """Return how much the next poll of a leg is worth."""
    if leg.state == PollState.NEEDS_POSTCODE:
        return WITHOUT_POSTCODE
    return AFTER_HANDOVER if handed_over and not leg.is_local else 1.0


def _stage(
    row: ParcelRow, waiting: Sequence[tuple[Milestone | None, datetime]]
) -> tuple[Milestone | None, datetime]:
    """Return where a parcel stands, and since when nothing has happened.

    By its carriers' word; None where no carrier knows its number, which may be wrong whatever
    a shop wrote of it. At its end, too, where all who still hear of it know of one by their own
    mails; the end that one of them knows of makes nobody else wait for longer.
    """
    if waiting and all(milestone in _ENDS for milestone, _ in waiting):
        return max(waiting, key=lambda told: told[1])
    if row.last_event_at is not None:
        return row.milestone, row.last_event_at
    return row.milestone, max(
        (at for milestone, at in waiting if milestone is not None and milestone not in _ENDS),
        default=row.created_at,
    )
