"""Following what a mail names: orders noted, parcels polled, people told that it is so.

All of it happens inside the transaction of the mail's outcome.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from mailtrack import histories
from mailtrack.clock import Clock
from mailtrack.domain.choosing import choices, next_choice
from mailtrack.domain.milestones import ENDS_OF_AN_ORDER, Milestone
from mailtrack.domain.model import OrderId, ParcelId, SubscriberId, TrackingEvent
from mailtrack.notify.view import NoticeKind
from mailtrack.parsers.reading import ParcelRead, Reading
from mailtrack.store import notices, parcels, people
from mailtrack.store.inbound import StoredMail

#: How long "suivi enregistré" waits for the first answer of a carrier (real seconds).
FIRST_LOOK_GRACE_S = 120.0


@dataclass(frozen=True, slots=True)
class Subscribing:
    """Lets one person follow what one mail names. `carriers`: codes of those that are on.

    `by_rule`: a rule of their mailbox sent it, so that nobody waits for an answer.
    """

    connection: Connection
    carriers: Collection[str]
    clock: Clock
    owner: SubscriberId
    stored: StoredMail
    by_rule: bool

    def follow(self, reading: Reading) -> bool:
        """Follow every parcel, or the orders where none is named; tell whether any is new."""
        now = self.clock.now()
        orders = self._note_orders(reading, now)
        if reading.parcels:
            return self._follow_parcels(reading, orders, now)
        return self._follow_orders(reading, orders, now)

    def _note_orders(self, reading: Reading, now: datetime) -> Mapping[str, OrderId]:
        numbers = dict.fromkeys([*reading.orders, *(o for p in reading.parcels for o in p.orders)])
        return {
            number: people.order_of(
                self.connection, number, reading.shop or "", reading.ordered_at, now
            )
            for number in numbers
        }

    def _follow_parcels(
        self, reading: Reading, orders: Mapping[str, OrderId], now: datetime
    ) -> bool:
        new = False
        for read in reading.parcels:
            parcel_id = self._parcel(read, now)
            mine = [orders[number] for number in read.orders or reading.orders]
            for order in mine:
                people.join_order(self.connection, parcel_id, order)
            new |= self._subscribe(parcel_id, mine, reading.items, now)
            self._tell_history(parcel_id, reading, now)
        return new

    def _parcel(self, read: ParcelRead, now: datetime) -> ParcelId:
        parcel_id, _ = parcels.parcel_of(self.connection, read.number, now)
        if not parcels.legs_of(self.connection, parcel_id):
            first = next(choices(read.number, self.carriers, read.carriers), None)
            code = first or next_choice(read.number, self.carriers, (), timedelta(0))
            if code is not None:
                parcels.add_leg(self.connection, parcel_id, code, read.number, now)
                # Nobody could be asked before: the number may have been given up for that.
                parcels.wake(self.connection, parcel_id, now)
        return parcel_id

    def _subscribe(
        self,
        parcel_id: ParcelId,
        orders: Sequence[OrderId],
        items: Sequence[str],
        now: datetime,
    ) -> bool:
        mine, new = people.follow_parcel(
            self.connection, self.owner, parcel_id, orders, items, now, self.stored.trace
        )
        if not new:
            return False
        # Locked: news that is being taken in must find the newcomer, or be found by them.
        row = parcels.lock(self.connection, parcel_id)
        if row.first_look_at is None:
            tell_at = self.clock.later(FIRST_LOOK_GRACE_S)
        else:
            tell_at = now
            histories.catch_up(self.connection, parcel_id, mine, now)
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
        return True

    def _tell_history(self, parcel_id: ParcelId, reading: Reading, now: datetime) -> None:
        """Take the step that a shop's mail tells as an event like a carrier's."""
        if reading.milestone in (None, Milestone.UNKNOWN):
            return
        parcels.lock(self.connection, parcel_id)
        event = TrackingEvent(
            at=min(self.stored.received_at, now),
            milestone=reading.milestone,
            source="mail",
            code=reading.kind or "",
            mark=reading.milestone,
        )
        histories.take_in(self.connection, parcel_id, [event], now)

    def _follow_orders(
        self, reading: Reading, orders: Mapping[str, OrderId], now: datetime
    ) -> bool:
        new = False
        for order in orders.values():
            known = people.parcels_of_order(self.connection, order)
            for parcel_id in known:
                new |= self._subscribe(parcel_id, [order], reading.items, now)
            if not known:
                new |= self._wait_for_parcel(order, reading, now)
        return new

    def _wait_for_parcel(self, order: OrderId, reading: Reading, now: datetime) -> bool:
        """Follow an order that has no parcel; its end is told in place of what to wait for."""
        mine, new = people.follow_order(
            self.connection, self.owner, order, reading.items, now, self.stored.trace
        )
        if reading.milestone in ENDS_OF_AN_ORDER:
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
