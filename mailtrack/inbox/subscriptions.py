"""Following what a mail names: orders noted, parcels polled, people told that it is so.

All of it happens inside the transaction of the mail's outcome, whose person is locked.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from mailtrack.clock import Clock
from mailtrack.domain.choosing import choices, next_choice
from mailtrack.domain.milestones import ENDS_OF_AN_ORDER, Milestone
from mailtrack.domain.model import OrderId, ParcelId, PollState, SubscriberId, SubscriptionId
from mailtrack.notify.view import NoticeKind
from mailtrack.parsers.reading import ParcelRead, Reading
from mailtrack.store import notices, orders, parcels, subscriptions
from mailtrack.store.inbound import StoredMail
from mailtrack.tracking import merging

#: How long "suivi enregistré" waits for the first answer of a carrier (real seconds).
FIRST_ANSWER_GRACE_S = 120.0


@dataclass(frozen=True, slots=True)
class SubscriptionService:
    """Lets one person follow what one mail names. `carriers`: codes of those that are on.

    `by_rule`: a rule of their mailbox sent it, so that nobody waits for an answer.
    """

    connection: Connection
    carriers: Collection[str]
    clock: Clock
    owner: SubscriberId
    stored: StoredMail
    by_rule: bool

    def count_new(self, reading: Reading) -> int:
        """Count what the mail names and its reader does not follow yet."""
        if not reading.parcels:
            return len(reading.orders) - orders.count_known(
                self.connection, self.owner, reading.orders
            )
        numbers = {read.number for read in reading.parcels}
        known = {parcels.find_parcel(self.connection, number) for number in numbers} - {None}
        mine = subscriptions.followed(self.connection, self.owner, [k for k in known if k])
        return len(numbers) - len(mine)

    def follow(self, reading: Reading) -> bool:
        """Follow every parcel, or the orders where none is named; return whether any is new."""
        now = self.clock.now()
        named = dict.fromkeys([*reading.orders, *(o for p in reading.parcels for o in p.orders)])
        mine = {
            number: orders.order_of(
                self.connection, self.owner, number, reading.shop or "", reading.ordered_at, now
            )
            for number in named
        }
        if reading.parcels:
            return self._follow_parcels(reading, mine, now)
        new = [self._await_parcel(order, reading, now) for order in mine.values()]
        return any(new)

    def _follow_parcels(self, reading: Reading, mine: Mapping[str, OrderId], now: datetime) -> bool:
        # Locked before anything is written about them: of two people who come to follow the
        # same parcels at once one waits, and news that is being taken in finds the newcomer.
        numbers = [read.number for read in reading.parcels]
        found = parcels.parcels_of(self.connection, numbers, now)
        new = False
        for read in reading.parcels:
            parcel_id = found[read.number]
            self._poll(parcel_id, read, now)
            carried = [mine[number] for number in read.orders or reading.orders]
            for order in carried:
                orders.join_parcel(self.connection, order, parcel_id)
            subscription, is_new = subscriptions.follow_parcel(
                self.connection,
                self.owner,
                parcel_id,
                carried,
                reading.items,
                now,
                self.stored.trace,
            )
            if is_new:
                self._welcome(parcel_id, subscription, now)
            self._tell_step(parcel_id, subscription, reading, now)
            new |= is_new
        return new

    def _poll(self, parcel_id: ParcelId, read: ParcelRead, now: datetime) -> None:
        """Ask whom the mail names, or its number looks like, unless somebody knows the parcel.

        Also where others are asked already: somebody else's mail may have named a wrong one.
        """
        legs = parcels.legs_of(self.connection, parcel_id)
        if any(leg.state == PollState.FOUND for leg in legs):
            return
        best = next(choices(read.number, self.carriers, read.carriers), None)
        if best is None and not legs:
            best = next_choice(read.number, self.carriers, (), timedelta(0))
        if best is not None and parcels.add_leg(self.connection, parcel_id, best, read.number, now):
            # Nobody could be asked before: the number may have been given up for that.
            parcels.wake(self.connection, parcel_id, now)

    def _welcome(self, parcel_id: ParcelId, mine: SubscriptionId, now: datetime) -> None:
        """Owe a newcomer "suivi enregistré", which tells what happened so far."""
        tell_at = self.clock.later(FIRST_ANSWER_GRACE_S)
        if parcels.parcel_row(self.connection, parcel_id).first_answer_at is not None:
            tell_at = now
            merging.catch_up(self.connection, parcel_id, mine, now)
        parcels.wake(self.connection, parcel_id, now)
        notices.owe(
            self.connection,
            self.owner,
            NoticeKind.REGISTERED,
            subscription_id=mine,
            at=tell_at,
            now=now,
            prompt=not self.by_rule,
        )

    def _tell_step(
        self, parcel_id: ParcelId, mine: SubscriptionId, reading: Reading, now: datetime
    ) -> None:
        """Take the step that the mail tells as an event that its reader alone knows of."""
        if reading.milestone in (None, Milestone.UNKNOWN):
            return
        at = min(self.stored.received_at, now)
        event = subscriptions.mail_event_of(reading.milestone, reading.kind or "", at)
        merging.take_in_mail(self.connection, parcel_id, mine, event, now)

    def _await_parcel(self, order: OrderId, reading: Reading, now: datetime) -> bool:
        """Follow an order that has no parcel; its end is told in place of what to wait for."""
        if orders.has_parcel(self.connection, order):
            return False
        mine, new = subscriptions.follow_order(
            self.connection, self.owner, order, reading.items, now, self.stored.trace
        )
        if reading.milestone in ENDS_OF_AN_ORDER:
            subscriptions.save_state(self.connection, mine, reading.milestone, now)
            notices.owe_follower(self.connection, mine, reading.milestone, occurrence="1", now=now)
        elif new:
            notices.owe(
                self.connection,
                self.owner,
                NoticeKind.ORDER_REGISTERED,
                subscription_id=mine,
                at=now,
                now=now,
                prompt=not self.by_rule,
            )
        return new
