"""What is done once in a while: reminders that a date calls for, giving up, and forgetting."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import ColumnElement, Connection
from sqlalchemy.sql import Select

from mailtrack.clock import Clock
from mailtrack.domain import scheduling
from mailtrack.domain.milestones import STAGES, Milestone, Phase
from mailtrack.domain.model import PollState, SubscriptionId
from mailtrack.domain.sending_policy import PARIS, SendingPolicy
from mailtrack.domain.silence import PROTECTION
from mailtrack.inbox import questions
from mailtrack.notify.view import NoticeKind
from mailtrack.settings import KeepSettings
from mailtrack.store import clock_skew, erasure, followers, notices, parcels, personal_data
from mailtrack.store.engine import Store
from mailtrack.store.schema import parcel, parcel_order, shop_order, subscription
from mailtrack.store.suppression import Suppression
from mailtrack.tracking.polling import NEVER_KNOWN

#: How long before the last day at a pick-up point a reminder goes out.
PICKUP_NOTICE = timedelta(days=2)
#: A parcel that has come just now was told of just now.
PICKUP_IS_NEW = timedelta(days=1)
PROTECTION_NOTICE = timedelta(days=5)

#: How long an address is kept in whose name somebody wrote, and nobody ever confirmed it.
NEVER_CONFIRMED = timedelta(days=30)
#: Parcels given up in one round; the next one goes on.
ENDS_PER_ROUND = 500

_ONCE = "1"
_ENDED = [m for m, stage in STAGES.items() if stage.phase is Phase.END]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """Does all of it; each step may be done any number of times a day."""

    store: Store
    clock: Clock
    keep: KeepSettings
    sending_policy: SendingPolicy
    suppression: Suppression

    #: Between two rounds, and how long a claim holds (real seconds).
    every_s: float = 600.0
    lease_s: float = 90.0

    def run(self, went_back: bool = False) -> None:
        """Set right what a wrong clock wrote, remind, ask, give up, then forget.

        `went_back`: the clock was seen to go back. After a jump of the clock by more than a day
        nothing is given up or forgotten for a day: one that is ahead would erase what is new.
        """
        now = self.clock.now()
        self._set_right(went_back=went_back)
        for task in (self._remind, self._ask):
            self.store.transact(partial(task, now=now))
        with self.store.write() as connection:
            this = clock_skew.note_round(connection, now, self.clock.later(self.every_s) - now)
        if not this.is_steady():
            log.warning("nothing forgotten", clock_jumped_at=this.steady_since.isoformat())
            return
        for task in (self._give_up, self._forget):
            self.store.transact(partial(task, now=now))
        if not self.store.leave_no_trace():
            log.info("former pages are still in the log of the database: readers hold them")

    def _remind(self, connection: Connection, now: datetime) -> None:
        leaves = self.sending_policy.hold_until(now) or now
        _remind(connection, _pickups(now, leaves), NoticeKind.PICKUP_REMINDER, now)
        _remind(connection, _protections(now), NoticeKind.PROTECTION_ENDING, now)

    def _ask(self, connection: Connection, now: datetime) -> None:
        asked = questions.ask_waiting(connection, now)
        if asked:
            log.info("asked whose mails they are", people=asked)

    def _give_up(self, connection: Connection, now: datetime) -> None:
        _give_up(connection, now)

    def _forget(self, connection: Connection, now: datetime) -> None:
        ended = now - timedelta(days=self.keep.parcel_days)
        forgotten = {
            "raw_mails": erasure.forget_raw(
                connection, now - timedelta(days=self.keep.raw_mail_days)
            ),
            "parcels": erasure.forget_parcels(connection, ended),
            "orders": erasure.forget_orders(connection, ended, ended - PROTECTION),
            "never_confirmed": personal_data.forget_never_confirmed(
                connection, self.suppression, now - NEVER_CONFIRMED, now
            ),
        }
        if any(forgotten.values()):
            log.info("forgotten", **forgotten)

    def _set_right(self, *, went_back: bool) -> None:
        moment = clock_skew.Now(
            at=self.clock.now(),
            claimed_until=self.clock.later(self.lease_s),
            ahead=self.clock.later(clock_skew.SKEW_S),
        )
        late = self.store.transact(partial(clock_skew.set_right, now=moment, went_back=went_back))
        if late.any:
            log.warning("clock was ahead", **asdict(late))


def _remind(connection: Connection, due: Select[int], kind: NoticeKind, now: datetime) -> None:
    for number in connection.scalars(due).all():
        notices.owe_follower(connection, SubscriptionId(number), kind, occurrence=_ONCE, now=now)


def _give_up(connection: Connection, now: datetime) -> None:
    """End the parcels that nobody can be asked about: no answer will ever judge them.

    They are given as long as others: a month, or two where a carrier that is off knew them.
    """
    never_known, silent = now - scheduling.NEVER_KNOWN, now - scheduling.SILENT
    for parcel_id in parcels.unasked(connection, never_known, silent, ENDS_PER_ROUND):
        row = parcels.lock(connection, parcel_id)
        if row is None:
            continue
        legs = parcels.legs_of(connection, parcel_id)
        if any(leg.next_poll_at for leg in legs):
            continue
        if row.milestone in _ENDED:
            parcels.end(connection, parcel_id, row.milestone, now)
            continue
        wait = (subscription.c.parcel_id == parcel_id) & _is_under_way()
        untold = followers.untold(NoticeKind.EXPIRED, _ONCE).where(wait)
        _remind(connection, untold, NoticeKind.EXPIRED, now)
        known = any(leg.state == PollState.FOUND for leg in legs)
        why = row.milestone if known and row.milestone else NEVER_KNOWN
        parcels.end(connection, parcel_id, why, now)


def _is_under_way() -> ColumnElement[bool]:
    """Return True (in SQL) if a parcel has not come to its end, by what its follower knows."""
    return subscription.c.milestone.is_(None) | subscription.c.milestone.not_in(_ENDED)


def _unreminded(kind: NoticeKind) -> Select[int]:
    """Select the subscriptions to parcels whose people are still to be reminded."""
    return followers.untold(kind, _ONCE).join(parcel, parcel.c.id == subscription.c.parcel_id)


def _pickups(now: datetime, leaves: datetime) -> Select[int]:
    """Select who is to be reminded, if the mail leaves by the last day."""
    today = now.astimezone(PARIS).date()
    return _unreminded(NoticeKind.PICKUP_REMINDER).where(
        subscription.c.milestone == Milestone.PICKUP_AVAILABLE,
        subscription.c.milestone_at.is_(None)
        | (subscription.c.milestone_at <= now - PICKUP_IS_NEW),
        parcel.c.pickup_last_day >= leaves.astimezone(PARIS).date(),
        parcel.c.pickup_last_day <= today + PICKUP_NOTICE,
    )


def _protections(now: datetime) -> Select[int]:
    today = now.astimezone(PARIS).date()
    return (
        _unreminded(NoticeKind.PROTECTION_ENDING)
        .join(parcel_order, parcel_order.c.parcel_id == parcel.c.id)
        .join(
            shop_order,
            (shop_order.c.id == parcel_order.c.shop_order_id)
            & (shop_order.c.subscriber_id == subscription.c.subscriber_id),
        )
        .where(
            _is_under_way(),
            shop_order.c.ordered_at > today - PROTECTION,
            shop_order.c.ordered_at <= today - PROTECTION + PROTECTION_NOTICE,
        )
        .distinct()
    )
