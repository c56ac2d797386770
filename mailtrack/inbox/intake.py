"""Reading stored mails: who sent it, may we answer, what does it name, what follows.

Understanding a mail is pure; acting on it is one transaction together with its outcome.
A mail that cannot be read is tried again and ends in quarantine, with the reason.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from mailtrack import histories
from mailtrack.clock import Clock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import (
    InboundId,
    OrderId,
    Outcome,
    ParcelId,
    SubscriberId,
    TrackingEvent,
)
from mailtrack.errors import MailtrackError
from mailtrack.inbox.sender import Sender, identify
from mailtrack.notify.view import NoticeKind
from mailtrack.parsers import parse
from mailtrack.parsers.message import Message, read_message
from mailtrack.parsers.reading import ForwardMethod, ParcelRead, Reading
from mailtrack.store import inbound, notices, parcels, people
from mailtrack.store.engine import Store
from mailtrack.store.inbound import MailResult, StoredMail

#: How long "suivi enregistré" waits for the first answer of a carrier (real seconds).
FIRST_LOOK_GRACE_S = 120.0
#: Between two attempts at a mail that could not be read (real seconds).
REREAD_AFTER_S = 60.0
#: Answers "rien trouvé" to one person in a day; more would answer a misguided robot.
NOTHING_FOUND_PER_DAY = 3

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """Whom we listen to; see `inbox.sender.identify`."""

    authserv_id: str
    allow: Collection[str]
    own_addresses: Collection[str]

    def identify(self, message: Message, reading: Reading) -> Sender:
        return identify(
            message,
            reading.forward,
            authserv_id=self.authserv_id,
            allow=self.allow,
            own_addresses=self.own_addresses,
        )


@dataclass(frozen=True, slots=True)
class Understood:
    """A mail after reading, before anything is done about it."""

    message: Message
    reading: Reading
    sender: Sender
    outcome: Outcome
    reason: str


def understand(raw: bytes, doorkeeper: Doorkeeper) -> Understood:
    """Read a raw mail; raises PermanentError where it is no mail at all."""
    message = read_message(raw)
    reading = parse(message)
    sender = doorkeeper.identify(message, reading)
    outcome, reason = _judge(message, reading, sender)
    return Understood(message, reading, sender, outcome, reason)


def _judge(message: Message, reading: Reading, sender: Sender) -> tuple[Outcome, str]:
    """Return how a mail's reading ends, as far as the mail alone tells."""
    if message.bounce is not None:
        return Outcome.BOUNCE, f"delivery failed: {message.bounce.status}"
    if message.is_automatic and reading.forward.method is not ForwardMethod.AUTOMATIC:
        return Outcome.AUTOMATIC_REPLY, "sent by a machine, not by a person"
    if not sender.proven:
        return Outcome.REFUSED, sender.how
    return reading.outcome, reading.reason


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads claimed mails. `carriers`: codes of those that are on."""

    store: Store
    doorkeeper: Doorkeeper
    carriers: Collection[str]
    clock: Clock

    def read(self, mail: InboundId, token: str) -> None:
        """Read one claimed mail and give it its outcome; another's claim is left alone."""
        with self.store.write() as connection:
            stored = inbound.take_claimed(connection, mail, token)
        if stored is None:
            return
        try:
            understood = understand(stored.raw, self.doorkeeper)
        except Exception as error:  # noqa: BLE001 - strangers write these mails
            self._put_aside(stored, error)
            return
        with self.store.write() as connection:
            result = Desk(connection, self.carriers, self.clock).act(stored, understood)
            inbound.finish(connection, stored.id, result, self.clock.now())
        log.info("mail read", mail=mail, outcome=result.outcome, reason=result.reason)

    def _put_aside(self, stored: StoredMail, error: Exception) -> None:
        reason = str(error) if isinstance(error, MailtrackError) else f"unreadable: {error!r}"
        log.warning("mail not read", mail=stored.id, attempt=stored.attempts, error=reason)
        with self.store.write() as connection:
            if stored.attempts >= inbound.MOST_ATTEMPTS:
                quarantined = MailResult(Outcome.QUARANTINED, reason)
                inbound.finish(connection, stored.id, quarantined, self.clock.now())
            else:
                inbound.read_again(connection, stored.id, self.clock.later(REREAD_AFTER_S))


@dataclass(frozen=True, slots=True)
class Desk:
    """Does what a mail asks for, inside one transaction."""

    connection: Connection
    carriers: Collection[str]
    clock: Clock

    def act(self, stored: StoredMail, mail: Understood) -> MailResult:
        """Subscribe, join and answer as the mail's outcome says; return what became of it."""
        result = MailResult(
            outcome=mail.outcome,
            reason=mail.reason,
            subject=mail.message.subject,
            message_id=mail.message.message_id,
            shop=mail.reading.shop,
            kind=mail.reading.kind,
        )
        action = {
            Outcome.TRACKED: self._follow,
            Outcome.ORDER_NOTED: self._follow,
            Outcome.NOTHING_FOUND: self._say_nothing_found,
            Outcome.NOT_A_SHOP_MAIL: self._say_nothing_found,
            Outcome.BOUNCE: self._note_bounce,
        }.get(mail.outcome)
        return result if action is None else action(stored, mail, result)

    def _follow(self, stored: StoredMail, mail: Understood, result: MailResult) -> MailResult:
        now = self.clock.now()
        owner = people.subscriber_of(self.connection, mail.sender.address, now)
        if people.is_unsubscribed(self.connection, owner):
            if mail.sender.method is ForwardMethod.AUTOMATIC:
                return replace(
                    result, outcome=Outcome.REFUSED, reason="unsubscribed", subscriber=owner
                )
            people.welcome_back(self.connection, owner)
        orders = self._note_orders(mail.reading, now)
        new = self._follow_parcels(owner, mail, orders, stored.received_at, now)
        if not mail.reading.parcels:
            new = self._follow_orders(owner, mail.reading, orders, now)
        outcome = result.outcome if new else Outcome.UPDATED
        return replace(result, outcome=outcome, subscriber=owner)

    def _note_orders(self, reading: Reading, now: datetime) -> Mapping[str, OrderId]:
        numbers = dict.fromkeys([*reading.orders, *(o for p in reading.parcels for o in p.orders)])
        return {
            number: people.order_of(
                self.connection, number, reading.shop or "", reading.ordered_at, now
            )
            for number in numbers
        }

    def _follow_parcels(
        self,
        owner: SubscriberId,
        mail: Understood,
        orders: Mapping[str, OrderId],
        received_at: datetime,
        now: datetime,
    ) -> bool:
        new = False
        for read in mail.reading.parcels:
            parcel_id = self._parcel(read, now)
            mine = [orders[number] for number in read.orders or mail.reading.orders]
            for order in mine:
                people.join_order(self.connection, parcel_id, order)
            new |= self._subscribe(owner, parcel_id, mine, mail.reading.items, now)
            self._tell_history(parcel_id, mail.reading, received_at, now)
        return new

    def _parcel(self, read: ParcelRead, now: datetime) -> ParcelId:
        parcel_id, _ = parcels.parcel_of(self.connection, read.number, now)
        codes = [c.carrier for c in read.carriers if c.carrier in self.carriers]
        if not parcels.legs_of(self.connection, parcel_id):
            for code in codes[:1]:
                parcels.add_leg(self.connection, parcel_id, code, read.number, now)
        return parcel_id

    def _subscribe(
        self,
        owner: SubscriberId,
        parcel_id: ParcelId,
        orders: Sequence[OrderId],
        items: Sequence[str],
        now: datetime,
    ) -> bool:
        mine, new = people.follow_parcel(self.connection, owner, parcel_id, orders, items, now)
        if not new:
            return False
        row = parcels.parcel_row(self.connection, parcel_id)
        if row.first_look_at is None:
            tell_at = self.clock.later(FIRST_LOOK_GRACE_S)
        else:
            tell_at = now
            histories.catch_up(self.connection, parcel_id, mine, now)
        parcels.wake(self.connection, parcel_id, now)
        notices.owe(
            self.connection,
            owner,
            NoticeKind.REGISTERED,
            subscription_id=mine,
            at=tell_at,
            now=now,
        )
        return True

    def _tell_history(
        self, parcel_id: ParcelId, reading: Reading, received_at: datetime, now: datetime
    ) -> None:
        """Take the step that a shop's mail tells as an event like a carrier's."""
        if reading.milestone in (None, Milestone.UNKNOWN):
            return
        row = parcels.lock(self.connection, parcel_id)
        event = TrackingEvent(
            at=min(received_at, now),
            milestone=reading.milestone,
            source="mail",
            code=reading.kind or "",
            mark=reading.milestone,
        )
        histories.take_in(
            self.connection, parcel_id, [event], now, first_look=row.first_look_at is None
        )

    def _follow_orders(
        self,
        owner: SubscriberId,
        reading: Reading,
        orders: Mapping[str, OrderId],
        now: datetime,
    ) -> bool:
        new = False
        for order in orders.values():
            known = people.parcels_of_order(self.connection, order)
            for parcel_id in known:
                new |= self._subscribe(owner, parcel_id, [order], reading.items, now)
            if not known:
                new |= self._wait_for_parcel(owner, order, reading.items, now)
        return new

    def _wait_for_parcel(
        self, owner: SubscriberId, order: OrderId, items: Sequence[str], now: datetime
    ) -> bool:
        mine, new = people.follow_order(self.connection, owner, order, items, now)
        if new:
            notices.owe(
                self.connection,
                owner,
                NoticeKind.ORDER_REGISTERED,
                subscription_id=mine,
                at=now,
                now=now,
            )
        return new

    def _say_nothing_found(
        self, stored: StoredMail, mail: Understood, result: MailResult
    ) -> MailResult:
        now = self.clock.now()
        owner = people.subscriber_of(self.connection, mail.sender.address, now)
        today = now - timedelta(days=1)
        told = notices.count_since(self.connection, owner, NoticeKind.NOTHING_FOUND, today)
        if told < NOTHING_FOUND_PER_DAY:
            notices.owe(
                self.connection,
                owner,
                NoticeKind.NOTHING_FOUND,
                inbound_id=stored.id,
                at=now,
                now=now,
            )
        return replace(result, subscriber=owner)

    def _note_bounce(self, _stored: StoredMail, mail: Understood, result: MailResult) -> MailResult:
        bounce = mail.message.bounce
        if bounce is None or not bounce.status.startswith("5"):
            return result
        # Anybody can forge a report; only one about a mail that we sent silences somebody.
        owner = notices.addressee(self.connection, bounce.message_id)
        if owner is not None:
            people.bounced(self.connection, owner, self.clock.now())
        return replace(result, subscriber=owner)
