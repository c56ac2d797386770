"""What is done once in a while: reminders that a date calls for, giving up, and forgetting."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import ColumnElement, Connection, func, literal_column
from sqlalchemy.sql import Select

from mailtrack.clock import Clock
from mailtrack.domain import scheduling
from mailtrack.domain.buyer_protection import LONGEST
from mailtrack.domain.channels import PROOF_KEPT, ChannelKind, EndReason
from mailtrack.domain.invitations import LASTS as INVITATION_KEPT
from mailtrack.domain.milestones import ENDED, Milestone
from mailtrack.domain.model import ChannelId, OrderId, PollState, SubscriptionId
from mailtrack.domain.pickup_times import LONGEST_HOLD
from mailtrack.domain.sending_policy import PARIS, SendingPolicy
from mailtrack.inbox import questions
from mailtrack.inbox.sharing import Sharing
from mailtrack.jobs.channel_delivering import end_channel
from mailtrack.notify.view import NoticeKind
from mailtrack.settings import KeepSettings
from mailtrack.store import (
    calendars,
    channels,
    clock_skew,
    erasure,
    followers,
    invitations,
    local_parcels,
    notices,
    orders,
    outcomes,
    parcels,
    personal_data,
    subscription_details,
)
from mailtrack.store.engine import Store
from mailtrack.store.outcomes import NEVER_KNOWN
from mailtrack.store.schema import (
    parcel,
    parcel_order,
    shared_subscription,
    shop_order,
    subscription,
)
from mailtrack.store.suppression import Suppression
from mailtrack.tracking import lateness
from mailtrack.tracking.calendar_keeping import refresh
from mailtrack.tracking.pickup import usual_hold_of
from mailtrack.tracking.view_builder import ViewBuilder

#: How long before the last day at a pick-up point a reminder goes out.
PICKUP_NOTICE = timedelta(days=2)
#: A parcel that has come just now was told of just now.
PICKUP_IS_NEW = timedelta(days=1)
#: Orders looked at in one round; the next one goes on.
RECALLED_PER_ROUND = 2_000

#: How long a number may be said to be one's own that was asked about.
QUESTION_KEPT = timedelta(days=30)
#: Parcels given up in one round; the next one goes on.
ENDS_PER_ROUND = 500
#: How long a calendar may say what was known; programs look every few hours at most.
CALENDAR_LASTS = timedelta(hours=1)
CALENDARS_PER_ROUND = 500

_ONCE = "1"
#: The parcel that has the local number of one.
_LOCAL = parcel.alias()
#: The subscription of who invited somebody to follow one.
_SOURCE = subscription.alias()
#: Carriers know better than a mail; many do not tell a last day.
_LAST_DAY = func.coalesce(
    _LOCAL.c.pickup_last_day,
    parcel.c.pickup_last_day,
    subscription.c.pickup_last_day,
    _SOURCE.c.pickup_last_day,
)

#: Written out, as in its index: what a parameter holds is not known when a plan is made.
_AT_PICKUP: ColumnElement[str] = literal_column(f"'{Milestone.PICKUP_AVAILABLE}'")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Housekeeping:
    """Does all of it; each step may be done any number of times a day."""

    store: Store
    clock: Clock
    keep: KeepSettings
    sending_policy: SendingPolicy
    suppression: Suppression
    views: ViewBuilder
    sharing: Sharing

    #: The kinds of channels that the operator offers.
    channel_kinds: frozenset[ChannelKind] = frozenset()
    #: Between two rounds, and how long a claim holds (real seconds).
    every_s: float = 600.0
    lease_s: float = 90.0

    def run(self, went_back: bool = False) -> None:
        """Set right what a wrong clock wrote, remind, ask, give up, then forget.

        `went_back`: the clock was seen to go back.

        1. What a clock that was ahead wrote is set right.
        2. Who is to be reminded of a date is, and who waits to be asked about a mail; calendars
           follow what is known, and people what is shared with them; channels that are offered
           no more are ended.
        3. After a jump of the clock by more than a day nothing is called late, given up or
           forgotten for a day: one that is ahead would erase what is new.
        4. Who follows what is late is told, and parcels that nobody can be asked about are
           given up.
        5. What was kept for long enough is forgotten, also by the files of the database.
        """
        now = self.clock.now()
        # 1.
        moment = clock_skew.Now(
            at=now,
            claimed_until=self.clock.later(self.lease_s),
            ahead=self.clock.later(clock_skew.SKEW_S),
        )
        late = self.store.transact(partial(clock_skew.set_right, now=moment, went_back=went_back))
        if late.any:
            log.warning("clock was ahead", **asdict(late))
        # 2.
        self.store.transact(partial(self._remind, now=now))
        asked = self.store.transact(partial(questions.ask_waiting, now=now))
        if asked:
            log.info("asked whose mails they are", people=asked)
        shared = self.sharing.catch_up(self.store)
        if shared:
            log.info("followed by invitation", parcels=shared)
        self._refresh_calendars(now)
        self._end_switched_off(now)
        # 3.
        with self.store.write() as connection:
            this = clock_skew.note_round(connection, now, self.clock.later(self.every_s) - now)
        if not this.is_steady():
            log.warning("nothing forgotten", clock_jumped_at=this.steady_since.isoformat())
            return
        # 4.
        self.store.transact(partial(lateness.tell, now=now))
        self.store.transact(partial(_give_up, now=now))
        # 5.
        forgotten = self.store.transact(partial(self._forget, now=now))
        if any(forgotten.values()):
            log.info("forgotten", **forgotten)
        if not self.store.truncate_log():
            log.info("former pages are still in the log of the database: readers hold them")

    def _remind(self, connection: Connection, now: datetime) -> None:
        """Owe the reminders that a date calls for: a last day to pick up, a protection's end."""
        today = now.astimezone(PARIS).date()
        # A mail that leaves after the last day comes too late.
        leaves = (self.sending_policy.hold_until(now) or now).astimezone(PARIS).date()
        _remind_of_pickups(connection, leaves, today + PICKUP_NOTICE, now)
        if ending := orders.to_recall(connection, today, RECALLED_PER_ROUND):
            for following in _awaiting(ending):
                _owe_each(connection, following, NoticeKind.PROTECTION_ENDING, now)

    def _refresh_calendars(self, now: datetime) -> None:
        """Bring calendars up to date, a transaction for each: their people may click meanwhile."""
        with self.store.read() as connection:
            stale = calendars.stale(connection, now - CALENDAR_LASTS, now, CALENDARS_PER_ROUND)
        for owner in stale:
            self.store.transact(partial(refresh, owner=owner, views=self.views, now=now))

    def _end_switched_off(self, now: datetime) -> None:
        """End the channels of kinds that are switched off: their news go by mail again."""
        with self.store.read() as connection:
            found = channels.switched_off(connection, self.channel_kinds)

        def end(connection: Connection, number: ChannelId) -> None:
            channels.lock_owner(connection, number)
            for one in channels.by_ids(connection, [number]).values():
                end_channel(connection, one, EndReason.SWITCHED_OFF, now)

        for number in found:
            self.store.transact(partial(end, number=number))

    def _forget(self, connection: Connection, now: datetime) -> dict[str, int]:
        """Erase what was kept for long enough; return how many rows of each kind."""
        ended = now - timedelta(days=self.keep.parcel_days)
        raw_before = now - timedelta(days=self.keep.raw_mail_days)
        return {
            "raw_mails": erasure.forget_raw(connection, raw_before),
            "parcels": erasure.forget_parcels(connection, ended),
            "questions": erasure.forget_questions(connection, now - QUESTION_KEPT),
            "invitations": invitations.forget(connection, now - INVITATION_KEPT),
            "channels": channels.forget_unproven(connection, now - PROOF_KEPT),
            "orders": erasure.forget_orders(connection, ended, ended - LONGEST),
            "never_confirmed": personal_data.forget_never_confirmed(
                connection, self.suppression, now
            ),
        }


def _remind_of_pickups(connection: Connection, after: date, until: date, now: datetime) -> None:
    """Remind who has a parcel to fetch until one of some days: its last one, or the usual one."""
    came, kind = subscription.c.milestone_at, NoticeKind.PICKUP_REMINDER
    # By the index over those that wait, and not in the order of all: they are sorted below.
    waiting = (
        followers.untold(kind, _ONCE)
        .join(parcel, parcel.c.id == subscription.c.parcel_id)
        .outerjoin(_LOCAL, _LOCAL.c.id == subscription.c.local_parcel_id)
        .outerjoin(shared_subscription, shared_subscription.c.subscription_id == subscription.c.id)
        .outerjoin(_SOURCE, _SOURCE.c.id == shared_subscription.c.source_id)
        .where(subscription.c.milestone == _AT_PICKUP)
        .order_by(None)
    )
    told = waiting.where(
        came.is_(None) | (came <= now - PICKUP_IS_NEW), _LAST_DAY.between(after, until)
    )
    _owe_each(connection, told, kind, now)
    untold = waiting.where(
        came <= now - PICKUP_IS_NEW, came >= now - LONGEST_HOLD, _LAST_DAY.is_(None)
    )
    some = [SubscriptionId(number) for number in connection.scalars(untold)]
    known = subscription_details.read(connection, some)
    for mine in sorted(known):
        hold = usual_hold_of(known[mine])
        if hold and after <= hold.last_day <= until:
            notices.owe_follower(connection, mine, kind, occurrence=_ONCE, now=now)


def _awaiting(ordered: Sequence[OrderId]) -> tuple[Select[int], Select[int]]:
    """Select what holds some orders, is under way, and is to be reminded of.

    Parcels, and orders that have none.
    """
    untold = followers.untold(NoticeKind.PROTECTION_ENDING, _ONCE).where(_is_under_way())
    due = shop_order.c.id.in_(ordered)
    carried = (
        untold.join(parcel_order, parcel_order.c.parcel_id == subscription.c.parcel_id)
        .join(
            shop_order,
            (shop_order.c.id == parcel_order.c.shop_order_id)
            & (shop_order.c.subscriber_id == subscription.c.subscriber_id),
        )
        .where(due)
        .distinct()
    )
    alone = untold.join(shop_order, shop_order.c.id == subscription.c.shop_order_id).where(
        subscription.c.parcel_id.is_(None), due
    )
    return carried, alone


def _owe_each(connection: Connection, due: Select[int], kind: NoticeKind, now: datetime) -> None:
    for number in sorted(connection.scalars(due)):
        notices.owe_follower(connection, SubscriptionId(number), kind, occurrence=_ONCE, now=now)


def _give_up(connection: Connection, now: datetime) -> None:
    """End the parcels that nobody can be asked about: no answer will ever judge them.

    They are given as long as others: a month, or two where a carrier that is off knew them or a
    mail told a step of theirs.
    """
    never_known, silent = now - scheduling.NEVER_KNOWN, now - scheduling.SILENT
    for parcel_id in parcels.unasked(connection, never_known, silent, ENDS_PER_ROUND):
        row = parcels.lock(connection, parcel_id)
        if row is None:
            continue
        legs = parcels.legs_of(connection, parcel_id)
        if any(leg.next_poll_at for leg in legs):
            continue
        if row.milestone in ENDED:
            outcomes.end(connection, parcel_id, row.milestone, now)
            continue
        wait = local_parcels.hears_last_from(row) & _is_under_way()
        untold = followers.untold(NoticeKind.EXPIRED, _ONCE).where(wait)
        _owe_each(connection, untold, NoticeKind.EXPIRED, now)
        known = any(leg.state == PollState.FOUND for leg in legs)
        why = row.milestone if known and row.milestone else NEVER_KNOWN
        outcomes.end(connection, parcel_id, why, now)


def _is_under_way() -> ColumnElement[bool]:
    """Return the condition that something has not come to its end, as its follower knows."""
    return subscription.c.milestone.is_(None) | subscription.c.milestone.not_in(ENDED)
