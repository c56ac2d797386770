"""Following what a mail names: orders noted, parcels polled, people told that it is so.

All of it happens inside the transaction of the mail's outcome, whose person is locked.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from mailtrack.clock import Clock
from mailtrack.domain.choosing import choices, may_ask, next_choice
from mailtrack.domain.milestones import ENDS_OF_AN_ORDER, Milestone
from mailtrack.domain.model import OrderId, ParcelId, PollState, SubscriberId, SubscriptionId
from mailtrack.notify.view import NoticeKind
from mailtrack.parsers.reading import ParcelRead, Reading
from mailtrack.store import named_carriers, notices, orders, parcels, subscriptions
from mailtrack.store.subscriptions import Subscription
from mailtrack.tracking import merging

#: How long "suivi enregistré" waits for the first answer of a carrier (real seconds).
FIRST_ANSWER_GRACE_S = 120.0


@dataclass(frozen=True, slots=True)
class SubscriptionService:
    """Lets one person follow what one mail names. `carriers`: codes of those that are on.

    `trace` is the mail's id in the logs, `received_at` when it came. `by_rule`: a rule of their
    mailbox sent it, so that nobody waits for an answer.
    """

    connection: Connection
    carriers: Collection[str]
    clock: Clock
    owner: SubscriberId
    trace: str
    received_at: datetime
    reading: Reading
    by_rule: bool

    def count_new(self) -> int:
        """Count what the mail names and its reader does not follow yet."""
        connection, reading = self.connection, self.reading
        if not reading.parcels:
            known_orders = orders.count_known(connection, self.owner, reading.orders)
            return len(reading.orders) - known_orders
        numbers = {read.number for read in reading.parcels}
        known = {parcels.find_parcel(connection, number) for number in numbers} - {None}
        mine = subscriptions.followed(connection, self.owner, [k for k in known if k])
        return len(numbers) - len(mine)

    def follow(self) -> bool:
        """Follow every parcel, or the orders where none is named; return whether any is new.

        1. The orders are noted. Those that no parcel is named of are what is followed, by the
           steps that mails tell of them.
        2. The parcels are locked before anything is written about them: of two people who come
           to follow the same ones at once one waits, and news that is being taken in finds the
           newcomer.
        3. Each is followed, with its orders, and a carrier asked about it.
        """
        connection, owner, reading, now = (
            self.connection,
            self.owner,
            self.reading,
            self.clock.now(),
        )
        # 1.
        mine = {
            told.number: orders.order_of(
                connection, owner, told.number, told.shop, told.ordered_at, now
            )
            for told in reading.told_of_orders
        }
        bound = {number for read in reading.parcels for number in reading.orders_of(read)}
        alone = {number: order for number, order in mine.items() if number not in bound}
        awaited = [self._follow_order(number, order, now) for number, order in alone.items()]
        is_any_new = any(awaited)
        # 2.
        found = parcels.parcels_of(connection, [read.number for read in reading.parcels], now)
        # 3.
        for read in reading.parcels:
            carried = [mine[number] for number in reading.orders_of(read)]
            is_any_new |= self._follow_parcel(found[read.number], read, carried, now)
        return is_any_new

    def take_up(self) -> list[Subscription]:
        """Let mails come again about what they had stopped before, and name once more."""
        named = named_by(self.connection, self.owner, self.reading)
        stopped = [
            mine
            for mine in sorted(named, key=lambda mine: mine.parcel or 0)
            if mine.muted_at is not None and mine.muted_at <= self.received_at
        ]
        for mine in stopped:
            subscriptions.mute(self.connection, mine.id, None)
            if mine.parcel is not None:
                parcels.wake(self.connection, mine.parcel, self.clock.now())
        return stopped

    def _follow_parcel(
        self, parcel_id: ParcelId, read: ParcelRead, carried: Sequence[OrderId], now: datetime
    ) -> bool:
        """Follow one parcel, which is locked; return whether that is new.

        1. Its orders are joined to it, and whose number the mail says it to be is kept.
        2. Of a newcomer's parcel every carrier is asked anew that knows it or may; a carrier
           that nobody asked yet is asked, too.
        3. A newcomer is owed "suivi enregistré", which tells what happened so far; it waits for
           the first answer of a carrier, where there was none yet.
        4. The step that the mail tells is taken as an event that its reader alone knows of; the
           day that it expects, and where it says that the parcel waits, are theirs alone, too.
        """
        connection, reading = self.connection, self.reading
        # 1.
        for order in carried:
            orders.join_parcel(connection, order, parcel_id)
        subscription, is_new = subscriptions.follow_parcel(
            connection, self.owner, parcel_id, carried, read.items, now, self.trace, read.source
        )
        if read.named_carrier is not None:
            named_carriers.name(connection, subscription, read.number, read.named_carrier)
        # 2.
        if is_new:
            parcels.wake(connection, parcel_id, now)
        self._ask(parcel_id, read, now)
        # 3.
        if is_new:
            tell_at = self.clock.later(FIRST_ANSWER_GRACE_S)
            if parcels.parcel_row(connection, parcel_id).first_answer_at is not None:
                tell_at = now
                merging.catch_up(connection, parcel_id, subscription, now)
            self._owe(NoticeKind.REGISTERED, subscription, tell_at, now)
        # 4.
        if read.milestone not in (None, Milestone.UNKNOWN):
            at = min(self.received_at, now)
            event = subscriptions.mail_event_of(read.milestone, reading.kind or "", at)
            merging.take_in_mail(connection, parcel_id, subscription, event, now)
        if read.expected_on is not None:
            day, source, slot = read.expected_on, read.source or "", read.slot
            subscriptions.expect(connection, subscription, day, source, slot)
        if read.pickup is not None:
            subscriptions.note_pickup(connection, subscription, read.pickup)
        return is_new

    def _ask(self, parcel_id: ParcelId, read: ParcelRead, now: datetime) -> None:
        """Ask whom the mail names, or its number looks like, unless somebody knows the parcel.

        1. Also where others are asked already: somebody else's mail may have named a wrong one.
        2. Who is asked and does not know it is asked no more where all its followers' mails say
           whose it is.
        """
        connection = self.connection
        legs = parcels.legs_of(connection, parcel_id)
        if any(leg.state == PollState.FOUND for leg in legs):
            return
        only = named_carriers.of_parcel(connection, parcel_id).get(read.number, ())
        # 1.
        best = next(choices(read.number, self.carriers, read.carriers, only), None)
        if best is None and not legs:
            best = next_choice(read.number, self.carriers, (), timedelta(0), only)
        if best is not None and parcels.add_leg(connection, parcel_id, best, read.number, now):
            # Nobody could be asked before: the number may have been given up for that.
            parcels.wake(connection, parcel_id, now)
        # 2.
        for leg in legs:
            if leg.number == read.number and not may_ask(leg.carrier, leg.number, only):
                parcels.plan(connection, leg.id, None)

    def _follow_order(self, number: str, order: OrderId, now: datetime) -> bool:
        """Follow an order that has no parcel; return whether that is new.

        1. Each mail of a forward adds what it says: who sold it, what was bought.
        2. The steps are taken as events, as those of a parcel are (`follow`). An end is told in
           place of what to wait for.
        """
        connection = self.connection
        if orders.has_parcel(connection, order):
            return False
        # 1.
        told = [read for read in self.reading.told_of_orders if read.number == number]
        items = [item for read in told for item in read.items]
        mine, new = subscriptions.follow_order(
            connection, self.owner, order, items, now, self.trace, told[0].shop
        )
        # 2.
        at = min(self.received_at, now)
        events = [
            subscriptions.mail_event_of(read.milestone, read.kind, at)
            for read in told
            if read.milestone not in (None, Milestone.UNKNOWN)
        ]
        if new and not any(event.milestone in ENDS_OF_AN_ORDER for event in events):
            self._owe(NoticeKind.ORDER_REGISTERED, mine, now, now)
        if events:
            merging.take_in_order_mail(connection, mine, events, now)
        return new

    def _owe(self, kind: NoticeKind, mine: SubscriptionId, at: datetime, now: datetime) -> None:
        notices.owe(
            self.connection,
            self.owner,
            kind,
            subscription_id=mine,
            at=at,
            now=now,
            prompt=not self.by_rule,
        )


def named_by(connection: Connection, owner: SubscriberId, reading: Reading) -> list[Subscription]:
    """Return the subscriptions of somebody to what a mail names: parcels, or orders alone."""
    found = {parcels.find_parcel(connection, read.number) for read in reading.parcels} - {None}
    named = orders.find(connection, owner, [told.number for told in reading.told_of_orders])
    return [
        mine
        for mine in subscriptions.of_subscriber(connection, owner)
        if (mine.order in named if mine.parcel is None else mine.parcel in found)
    ]
