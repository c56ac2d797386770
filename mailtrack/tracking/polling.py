"""Asking a carrier about claimed legs and taking its answers in, one transaction each."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import structlog
from sqlalchemy import Connection

from mailtrack.carriers.base import Carrier, Declaration, Push
from mailtrack.clock import Clock
from mailtrack.domain import numbers, scheduling, silence
from mailtrack.domain.choosing import FALLBACKS, next_choice
from mailtrack.domain.milestones import STAGES, Milestone, Phase
from mailtrack.domain.model import LegId, ParcelId, PollResult, PollState, SubscriptionId
from mailtrack.domain.silence import Silence
from mailtrack.errors import AuthError, MailtrackError, PermanentError, QuotaError, TransientError
from mailtrack.notify.view import NoticeKind
from mailtrack.store import budgets, followers, leg_claims, notices, parcels
from mailtrack.store.engine import Store
from mailtrack.store.leg_claims import ClaimedLeg
from mailtrack.store.parcels import Leg, ParcelRow
from mailtrack.store.schema import subscription
from mailtrack.tracking import merging

#: How long a carrier that refuses our key is left alone.
AUTH_SILENCE_S = 3600.0
#: Waits after a first, second … failure of one leg.
_RETRY = tuple(timedelta(minutes=m) for m in (5, 15, 45, 120, 360))
#: A carrier that has handed a parcel over is asked more rarely: its last scan comes late.
AFTER_HANDOVER = 0.1
#: How long nobody else asks about a number whose carrier has just written of itself.
PUSH_LEASE_S = 30.0
#: Why a parcel is not polled: a reason beside the milestones at which polling ends.
NOBODY_FOLLOWS = "nobody_follows"
NEVER_KNOWN = "never_known"
_ENDS = frozenset(m for m, stage in STAGES.items() if stage.phase is Phase.END)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Poller:
    """Polls carriers. `carriers`: those that are on, `declarations`: their budgets, by code."""

    store: Store
    carriers: Mapping[str, Carrier]
    declarations: Mapping[str, Declaration]
    clock: Clock
    rng: Random

    def poll(self, carrier: str, legs: Sequence[LegId], token: str) -> None:
        """Ask a carrier about claimed legs; legs whose claim has passed on are left out.

        A carrier that was switched off meanwhile is left alone: `rerouting` sees to its legs.
        """
        if carrier not in self.carriers:
            return
        with self.store.read() as connection:
            mine = leg_claims.claimed(connection, legs, token)
        if mine:
            self._ask(carrier, mine, token)

    def take_push(self, carrier: str, push: Push) -> None:
        """Take in what a carrier sends of itself, as if we had just asked.

        Numbers that it has stopped are due at once: only a request takes them up again.
        """
        token = secrets.token_hex(8)
        for number, result in push.results.items():
            with self.store.write() as connection:
                legs = leg_claims.claim_number(
                    connection, carrier, number, token=token, until=self.clock.later(PUSH_LEASE_S)
                )
            for leg in legs:
                self._take_in_or_put_off(leg, result, token)
        if push.stopped:
            with self.store.write() as connection:
                parcels.hasten(connection, carrier, push.stopped, self.clock.now())

    def _ask(self, carrier: str, mine: Sequence[ClaimedLeg], token: str) -> None:
        try:
            results = self._fetch(carrier, mine)
        except MailtrackError as error:
            if isinstance(error, PermanentError) and len(mine) > 1:
                self._ask_apart(carrier, mine, token)
            else:
                self._take_in_failure(carrier, mine, token, error)
            return
        now = self.clock.now()
        with self.store.write() as connection:
            budgets.note_ok(connection, carrier, now)
        for leg in mine:
            self._take_in_or_put_off(leg, results.get(leg.number), token)

    def _ask_apart(self, carrier: str, mine: Sequence[ClaimedLeg], token: str) -> None:
        """Ask about each leg alone: a number that a carrier chokes on holds up no other.

        Only while the carrier may still be asked; the rest is due again at once.
        """
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
            self._ask(carrier, [leg], token)

    def _fetch(self, carrier: str, legs: Sequence[ClaimedLeg]) -> Mapping[str, PollResult]:
        try:
            return self.carriers[carrier].fetch(list(dict.fromkeys(leg.number for leg in legs)))
        except MailtrackError:
            raise
        except Exception as error:
            log.exception("carrier not understood", carrier=carrier)
            raise PermanentError(
                f"The answer of {carrier} broke our reader ({type(error).__name__}): see the log."
            ) from error

    def _take_in_failure(
        self, carrier: str, legs: Sequence[ClaimedLeg], token: str, error: MailtrackError
    ) -> None:
        log.warning("carrier failed", carrier=carrier, error=str(error), numbers=len(legs))
        now = self.clock.now()
        silence_s = _silence_s(error)
        with self.store.write() as connection:
            budgets.note_error(
                connection,
                carrier,
                str(error),
                now,
                silence_s=silence_s,
                down=isinstance(error, TransientError),
            )
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

    def _take_in_or_put_off(self, leg: ClaimedLeg, result: PollResult | None, token: str) -> None:
        """Take an answer in; one that cannot be stored must not hold up the others."""
        try:
            self._take_in(leg, result, token)
        except MailtrackError:
            raise
        except Exception as error:
            log.exception("answer not stored", carrier=leg.carrier, leg=leg.id)
            reason = f"The answer cannot be stored ({type(error).__name__}): see the log."
            with self.store.write() as connection:
                self._retry_later(connection, leg, token, reason, self.clock.now())

    def _take_in(self, leg: ClaimedLeg, result: PollResult | None, token: str) -> None:
        now = self.clock.now()

        def take_in(connection: Connection) -> None:
            parcel_id = leg_claims.parcel_of_leg(connection, leg.id, token)
            if parcel_id is None or parcels.lock(connection, parcel_id) is None:
                return
            if result is None:
                error = f"{leg.carrier} left this number out of its answer"
                self._retry_later(connection, leg, token, error, now)
                return
            parcels.note_answer(connection, leg.id, result.state, now)
            self._follow_on(connection, parcel_id, leg, result, now)
            if _may_be_shown(connection, parcel_id, result):
                parcels.save_result(connection, parcel_id, result, now)
                notices.hasten(connection, parcel_id, NoticeKind.REGISTERED, now)
            merging.take_in(connection, parcel_id, result.events, now)
            self._plan(connection, parcel_id, leg.id, now)

        self.store.transact(take_in)

    def _follow_on(
        self,
        connection: Connection,
        parcel_id: ParcelId,
        leg: ClaimedLeg,
        result: PollResult,
        now: datetime,
    ) -> None:
        """Add the legs that an answer leads to: the local carrier's, or the next guess."""
        if result.local_number and result.local_number != leg.number:
            self._hand_over(connection, parcel_id, leg, result, now)
        if result.state in (PollState.NOT_FOUND, PollState.REJECTED):
            self._guess_again(connection, parcel_id, leg, now)

    def _hand_over(
        self,
        connection: Connection,
        parcel_id: ParcelId,
        leg: ClaimedLeg,
        result: PollResult,
        now: datetime,
    ) -> None:
        number = result.local_number or ""
        codes = self._carriers_of(connection, parcel_id, number) - {leg.carrier}
        if result.state is PollState.PENDING:
            # A placeholder: the same carrier knows the parcel by its new number only.
            codes.add(leg.carrier)
        for code in sorted(codes):
            parcels.add_leg(connection, parcel_id, code, number, now, is_local=True)

    def _carriers_of(self, connection: Connection, parcel_id: ParcelId, number: str) -> set[str]:
        """Return whom a local number may belong to, or a fallback where we can ask none of them.

        A fallback that follows the parcel already needs no second number, which would cost.
        """
        known = {candidate.carrier for candidate in numbers.detect(number)}
        codes = known & self.carriers.keys()
        asked = {leg.carrier for leg in parcels.legs_of(connection, parcel_id)}
        if codes or not known or asked & set(FALLBACKS) & self.carriers.keys():
            return codes
        fallback = next_choice(number, self.carriers.keys(), (), timedelta(0))
        return {fallback} if fallback else codes

    def _guess_again(
        self, connection: Connection, parcel_id: ParcelId, leg: ClaimedLeg, now: datetime
    ) -> None:
        legs = parcels.legs_of(connection, parcel_id)
        tried = {other.carrier for other in legs if other.number == leg.number}
        unknown_for = now - parcels.parcel_row(connection, parcel_id).created_at
        code = next_choice(leg.number, self.carriers.keys(), tried, unknown_for)
        if code is not None:
            parcels.add_leg(connection, parcel_id, code, leg.number, now)

    def _plan(
        self, connection: Connection, parcel_id: ParcelId, asked: LegId, now: datetime
    ) -> None:
        """Set when each leg of a parcel is asked next; news on one hastens the others."""
        row = parcels.parcel_row(connection, parcel_id)
        waiting = followers.who_wait(connection, parcel_id)
        stage, since = _stage(row, waiting)
        legs = parcels.legs_of(connection, parcel_id)
        self._judge_silence(connection, row.id, stage, since, now)
        if not waiting:
            parcels.end(connection, parcel_id, NOBODY_FOLLOWS, now)
            return
        for leg in legs:
            context = scheduling.PollContext(
                milestone=stage,
                since=since,
                weight=_weight(leg, legs),
                price_h=budgets.price_h(connection, leg.carrier),
            )
            due = scheduling.next_poll(context, now, self.rng)
            if due is None:
                parcels.end(connection, parcel_id, stage or NEVER_KNOWN, now)
                return
            self._plan_leg(connection, leg, legs, asked, due)

    def _plan_leg(
        self, connection: Connection, leg: Leg, legs: Sequence[Leg], asked: LegId, due: datetime
    ) -> None:
        if _is_dead_end(leg, legs):
            parcels.plan(connection, leg.id, None)
        elif leg.id == asked or (leg.next_poll_at is not None and due < leg.next_poll_at):
            parcels.plan(connection, leg.id, due)

    def _judge_silence(
        self,
        connection: Connection,
        parcel_id: ParcelId,
        stage: Milestone | None,
        since: datetime,
        now: datetime,
    ) -> None:
        verdict = silence.assess_silence(stage, since, now)
        if verdict is Silence.USUAL:
            return
        occurrence = since.date().isoformat() if verdict is Silence.STALLED else "1"
        # Whose own mail told the end waits for nothing more.
        ended = subscription.c.milestone.in_(_ENDS)
        untold = followers.untold(verdict, occurrence).where(
            subscription.c.parcel_id == parcel_id, ended.is_not(True)
        )
        for number in connection.scalars(untold).all():
            notices.owe_follower(
                connection, SubscriptionId(number), verdict, occurrence=occurrence, now=now
            )


def _silence_s(error: MailtrackError) -> float:
    if isinstance(error, QuotaError):
        return error.retry_after_s
    return AUTH_SILENCE_S if isinstance(error, AuthError) else 0.0


def _may_be_shown(connection: Connection, parcel_id: ParcelId, result: PollResult) -> bool:
    """Return True if this answer may be shown: it says something, or no other guess is left."""
    if result.state in (PollState.FOUND, PollState.PENDING):
        return True
    legs = parcels.legs_of(connection, parcel_id)
    return all(leg.state for leg in legs if leg.next_poll_at is not None)


def _stage(
    row: ParcelRow, waiting: Sequence[tuple[Milestone | None, datetime]]
) -> tuple[Milestone | None, datetime]:
    """Return where a parcel stands, and since when nothing has happened.

    By its carriers' word; None where no carrier knows its number, which may be wrong whatever
    a shop wrote of it. At its end, too, where all who still hear of it know of one by their own
    mails.
    """
    if waiting and all(milestone in _ENDS for milestone, _ in waiting):
        return max(waiting, key=lambda told: told[1])
    if row.last_event_at is not None:
        return row.milestone, row.last_event_at
    return row.milestone, max(
        (at for milestone, at in waiting if milestone is not None), default=row.created_at
    )


def _weight(leg: Leg, legs: Sequence[Leg]) -> float:
    handed_over = any(x.is_local and x.state == PollState.FOUND for x in legs if x.next_poll_at)
    return AFTER_HANDOVER if handed_over and not leg.is_local else 1.0


def _is_dead_end(leg: Leg, legs: Sequence[Leg]) -> bool:
    """Return True if a leg was a wrong guess: another carrier is left to ask.

    What is planned no more is at a carrier that is off, or was a wrong guess itself.
    """
    left = [x for x in legs if x.next_poll_at is not None]
    if leg.state == PollState.REJECTED:
        return any(x.state != PollState.REJECTED for x in left)
    known_elsewhere = any(x.number == leg.number and x.state == PollState.FOUND for x in left)
    return leg.state == PollState.NOT_FOUND and known_elsewhere
