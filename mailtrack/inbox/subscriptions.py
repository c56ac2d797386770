"""Following what a mail names: orders noted, parcels polled, people told that it is so.

All of it happens inside the transaction of the mail's outcome, whose person is locked.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from mailtrack.clock import Clock
from mailtrack.domain.choosing import choices, may_ask, next_choice
from mailtrack.domain.milestones import ENDS_OF_AN_ORDER, Milestone
from mailtrack.domain.model import (
    Candidate,
    OrderId,
    ParcelId,
    PollState,
    SubscriberId,
    SubscriptionId,
)
from mailtrack.notify.view import NoticeKind
from mailtrack.parsers.reading import ParcelRead, Reading
from mailtrack.store import local_parcels, named_carriers, notices, orders, parcels, subscriptions
from mailtrack.store.local_parcels import FollowedAs
from mailtrack.store.parcels import Leg, ParcelRow
from mailtrack.store.subscriptions import Subscription
from mailtrack.tracking import merging

#: How long "suivi enregistré" waits for the first answer of a carrier (real seconds).
FIRST_ANSWER_GRACE_S = 120.0
#: How soon a carrier is asked again that somebody names anew.
ASKED_AGAIN_AFTER = timedelta(hours=1)


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

    def followed(self) -> Mapping[str, FollowedAs]:
        """Return what its reader follows already by the numbers that the mail names."""
        return local_parcels.followed_as(self.connection, self.owner, self._numbers)

    def count_new(self, followed: Mapping[str, FollowedAs]) -> int:
        """Count what the mail names and its reader does not follow yet."""
        connection, reading = self.connection, self.reading
        if not reading.parcels:
            known_orders = orders.count_known(connection, self.owner, reading.orders)
            return len(reading.orders) - known_orders
        return len({read.number for read in reading.parcels} - followed.keys())

    def follow(self, followed: Mapping[str, FollowedAs]) -> bool:
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
        locked = self._lock(followed, now)
        # 3.
        for read in reading.parcels:
            carried = [mine[number] for number in reading.orders_of(read)]
            is_any_new |= self._follow_parcel(locked, read, carried, now)
        return is_any_new

    def take_up(self) -> list[Subscription]:
        """Let mails come again about what they had stopped before, and name once more."""
        if not subscriptions.any_stopped(self.connection, self.owner):
            return []
        named = named_by(self.connection, self.owner, self.reading)
        stopped = [
            mine
            for mine in named
            if mine.muted_at is not None and mine.muted_at <= self.received_at
        ]
        for mine in stopped:
            subscriptions.mute(self.connection, mine.id, None)
        for parcel_id in sorted({one for mine in stopped for one in mine.parcels}):
            parcels.wake(self.connection, parcel_id, self.clock.now())
        return stopped

    @property
    def _numbers(self) -> set[str]:
        local = (read.local_number for read in self.reading.parcels if read.local_number)
        return {*local, *(read.number for read in self.reading.parcels)}

    def _lock(self, followed: Mapping[str, FollowedAs], now: datetime) -> "_NamedParcels":
        """Return the parcels that the mail names, locked with those that its reader has of them.

        What they follow by a number already is it, whoever wrote the mail: also where it is but
        the local number of theirs.
        """
        theirs = {one.parcel for one in followed.values()}
        pairs = local_parcels.pairs_of(self.connection, self.owner, theirs)
        locked = parcels.lock_named(self.connection, self._numbers, now, pairs)
        known = {number: FollowedAs(one, one) for number, one in locked.named.items()}
        return _NamedParcels({**known, **followed}, locked.rows)

    def _follow_parcel(
        self, locked: "_NamedParcels", read: ParcelRead, carried: Sequence[OrderId], now: datetime
    ) -> bool:
        """Follow one of the parcels that the mail names, locked; return whether that is new.

        1. Its orders are joined to it, and whose number the mail says it to be is kept.
        2. Of a newcomer's parcel every carrier is asked anew that knows it or may; a carrier
           that nobody asked yet is asked, too; and so for the local number that the mail names,
           by which it is known from now on.
        3. A newcomer is owed "suivi enregistré", which tells what happened so far; it waits for
           the first answer of a carrier, where one is asked and there was none yet. What is known
           of a local number that is new is news to the others.
        4. The step that the mail tells is taken as an event that its reader alone knows of; the
           day that it expects, and where it says that the parcel waits, are theirs alone, too.
        """
        connection, known = self.connection, locked.known
        parcel_id = known[read.number].parcel
        local = known[read.local_number].numbered if read.local_number else None
        # 1.
        for order in carried:
            orders.join_parcel(connection, order, parcel_id)
        subscription, is_new = subscriptions.follow_parcel(
            connection,
            self.owner,
            parcel_id,
            carried,
            read.items,
            now,
            self.trace,
            read.source,
            local,
        )
        if read.named_carrier is not None:
            named_carriers.name(connection, subscription, read.number, read.named_carrier)
        # 2.
        row = locked.rows[known[read.number].numbered]
        is_asked = self._ask(row, read.number, read.carriers, now, anew=is_new)
        hears_anew = False
        if read.local_number is not None and local is not None:
            hears_anew = self._hear_of(locked.rows[local], read.local_number, subscription, now)
            # In the mail's own table: a parcel after this one may bear that number.
            known |= local_parcels.followed_as(connection, self.owner, [read.local_number])
        # 3.
        if is_new:
            told = any(one.last_event_at is not None for one in locked.rows.values())
            merging.catch_up(connection, parcel_id, subscription, now, carriers_told=told)
            waits = row.first_answer_at is None and (is_asked or hears_anew)
            tell_at = self.clock.later(FIRST_ANSWER_GRACE_S) if waits else now
            self._owe(NoticeKind.REGISTERED, subscription, tell_at, now)
        elif hears_anew and local is not None:
            merging.take_in_local(connection, local, subscription, now)
        # 4.
        self._take_in(parcel_id, read, subscription, now)
        return is_new

    def _take_in(
        self, parcel_id: ParcelId, read: ParcelRead, mine: SubscriptionId, now: datetime
    ) -> None:
        """Take in what the mail tells: the step, the expected day, and where the parcel waits."""
        connection = self.connection
        if read.milestone not in (None, Milestone.UNKNOWN):
            at = min(self.received_at, now)
            event = subscriptions.mail_event_of(
                read.milestone, self.reading.kind or "", at, read.source or ""
            )
            merging.take_in_mail(connection, parcel_id, mine, event, now)
        if read.expected_on is not None:
            day, source, slot = read.expected_on, read.source or "", read.slot
            subscriptions.expect(connection, mine, day, source, slot)
        if read.pickup is not None:
            subscriptions.note_pickup(connection, mine, read.pickup)

    def _hear_of(self, local: ParcelRow, number: str, mine: SubscriptionId, now: datetime) -> bool:
        """Let a subscription hear of its local number, and ask about that; False where it does.

        Nor where its reader follows that one by itself: they would be told everything twice.
        """
        connection = self.connection
        by_itself = subscriptions.follows(connection, self.owner, local.id)
        if by_itself or not local_parcels.attach(connection, mine, local.id):
            return False
        self._ask(local, number, (), now, anew=True)
        return True

    def _ask(
        self,
        parcel: ParcelRow,
        number: str,
        said: Iterable[Candidate],
        now: datetime,
        *,
        anew: bool,
    ) -> bool:
        """Ask whom the mail names, or a number looks like, unless somebody knows the parcel.

        Returns whether anybody is asked whose answer is to be waited for.

        1. Who was asked before is asked anew where somebody comes to follow it (`anew`).
        2. Also where others are asked already: somebody else's mail may have named a wrong one.
        3. Who is asked and does not know it is asked no more where all its followers' mails say
           whose it is.
        """
        connection = self.connection
        legs = parcels.legs_of(connection, parcel.id)
        # 1.
        if anew and (legs or parcel.ended_at is not None):
            parcels.wake(connection, parcel.id, now)
        if any(leg.state == PollState.FOUND for leg in legs):
            return True
        only = named_carriers.of_parcel(connection, parcel.id).get(number, ())
        # 2.
        best = next(choices(number, self.carriers, said, only), None)
        if best is None and not legs:
            best = next_choice(number, self.carriers, (), timedelta(0), only)
        is_local = number != parcel.number
        is_new = best is not None and parcels.add_leg(
            connection, parcel.id, best, number, now, is_local=is_local
        )
        if is_new and parcel.ended_at is not None and not anew:
            # Nobody could be asked before: the number was given up for that.
            parcels.wake(connection, parcel.id, now)
        # 3.
        _ask_no_more(connection, legs, number, only)
        return is_new or any(
            leg.carrier in self.carriers
            and (leg.number != number or may_ask(leg.carrier, number, only))
            for leg in legs
        )

    def _follow_order(self, number: str, order: OrderId, now: datetime) -> bool:
        """Follow an order that has no parcel; return whether that is new.

        1. Each mail of a forward adds what it says: who sold it, what was bought.
        2. The steps are taken as events, as those of a parcel are (`_take_in`). An end is told in
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
            subscriptions.mail_event_of(read.milestone, read.kind, at, read.shop)
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


@dataclass(frozen=True, slots=True)
class _NamedParcels:
    """The parcels that a mail names, by number, and the rows of all that are locked."""

    known: dict[str, FollowedAs]
    rows: Mapping[ParcelId, ParcelRow]


def name_carrier(
    connection: Connection,
    mine: SubscriptionId,
    parcel_id: ParcelId,
    carrier: str | None,
    carriers: Collection[str],
    now: datetime,
) -> None:
    """Take somebody's click for whose number it is, as a mail of theirs; None takes that back.

    `parcel_id`: what the subscription is to; `carriers`: codes of those that are on. The
    subscription's person must be locked.

    1. Whom they name is asked as well, though another knows such a number: it may be the number
       of somebody else's parcel there. Whoever was asked lately is asked again no sooner for it.
    2. Who is not meant is asked no more where all its followers say whose it is.
    """
    row = parcels.lock(connection, parcel_id)
    if row is None:
        return
    if carrier is None:
        named_carriers.forget(connection, mine, row.number)
        return
    named_carriers.name(connection, mine, row.number, carrier)
    legs = parcels.legs_of(connection, parcel_id)
    # 1.
    if carrier in carriers:
        is_new = parcels.add_leg(connection, parcel_id, carrier, row.number, now)
        if is_new and row.ended_at is not None:
            parcels.wake(connection, parcel_id, now)
        for leg in legs:
            if (leg.carrier, leg.number, leg.next_poll_at) == (carrier, row.number, None):
                asked_at = leg.last_answer_at or now - ASKED_AGAIN_AFTER
                parcels.plan(connection, leg.id, max(now, asked_at + ASKED_AGAIN_AFTER))
    # 2.
    only = named_carriers.of_parcel(connection, parcel_id).get(row.number, ())
    _ask_no_more(connection, legs, row.number, only)


def _ask_no_more(
    connection: Connection, legs: Iterable[Leg], number: str, only: Collection[str]
) -> None:
    """Plan no more polls of a number at carriers that are not meant (see `may_ask`)."""
    for leg in legs:
        if leg.number == number and not may_ask(leg.carrier, leg.number, only):
            parcels.plan(connection, leg.id, None)


def named_by(connection: Connection, owner: SubscriberId, reading: Reading) -> list[Subscription]:
    """Return the subscriptions of somebody to what a mail names: parcels, or orders alone."""
    numbers = {read.number for read in reading.parcels}
    known = local_parcels.followed_as(connection, owner, numbers)
    found = {one.parcel for one in known.values()}
    named = orders.find(connection, owner, [told.number for told in reading.told_of_orders])
    return [
        mine
        for mine in subscriptions.of_subscriber(connection, owner)
        if (mine.order in named if mine.parcel is None else mine.parcel in found)
    ]
