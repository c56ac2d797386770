"""A service at work on 127.0.0.1 whose one reader follows a parcel at each point of its way."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr
from sqlalchemy import Connection, insert, update

from mailtrack.channels.addresses import masked
from mailtrack.clock import FakeClock
from mailtrack.domain.channels import ChannelKind, ChannelMode
from mailtrack.domain.forecast import forecast
from mailtrack.domain.forecast_score import Promise
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import HeldMail, Outcome, ParcelId, SubscriberId, SubscriptionId
from mailtrack.domain.stage_times import Lane
from mailtrack.domain.tracking import Skip
from mailtrack.notify.links import Purpose
from mailtrack.notify.samples import HELD, ITEM, NOW, ORDER, STORIES, order_samples, sample_parcel
from mailtrack.notify.view import NoticeKind, OrderView, ParcelView
from mailtrack.runtime.roles import listen
from mailtrack.runtime.services import Services
from mailtrack.sandbox.loopback import free_port
from mailtrack.settings import (
    AdminSettings,
    ChannelSettings,
    InboxSettings,
    LinkSettings,
    PublisherSettings,
    Settings,
    SmtpSettings,
    WebSettings,
)
from mailtrack.store import (
    budgets,
    channels,
    doubtful_numbers,
    invitations,
    notices,
    orders,
    parcels,
    people,
    promises,
    subscriptions,
)
from mailtrack.store.channels import ChannelAddress, NewChannel
from mailtrack.store.engine import open_store
from mailtrack.store.migrate import upgrade
from mailtrack.store.promises import PromiseMade
from mailtrack.store.schema import inbound, unmapped
from mailtrack.store.schema import parcel as parcel_table
from mailtrack.web.admin.passwords import hash_password
from mailtrack.web.server import serve

READER = "camille@example.org"
#: Whom the reader invites to hear of a parcel.
INVITED = "dominique@example.org"
#: What opens the operator's pages.
SESAME = "sésame, ouvre-toi"


@dataclass(frozen=True, slots=True)
class World:
    """A running service: its address, its one reader, and what they follow, by a mail about it."""

    services: Services
    address: str
    reader: SubscriberId
    following: Mapping[str, SubscriptionId]

    def link(self, purpose: Purpose, kind: str | None = None) -> str:
        """Return a link as mails have it: of the reader, or of the parcel of a kind of mail.

        That of FOLLOW asks about a number, that of CHANNEL about their newest channel.
        """
        with self.services.store.read() as connection:
            if purpose is Purpose.FOLLOW:
                key = doubtful_numbers.of_subscriber(connection, self.reader)[0].key
            elif purpose is Purpose.CHANNEL:
                key = channels.of_subscriber(connection, self.reader)[-1].key
            elif kind is None:
                key = people.key_of(connection, self.reader)
            else:
                key = subscriptions.read(connection, [self.following[kind]])[0].key
        return self.services.links.link(purpose, key)

    def invitation(self, purpose: Purpose) -> str:
        """Return a link in the mail of the reader's invitation to somebody else."""
        with self.services.store.read() as connection:
            one = invitations.made_by(connection, self.reader)[-1]
            key = one.key
            if purpose is Purpose.NO_INVITATIONS:
                invited = people.find_subscriber(connection, one.address)
                key = people.key_of(connection, invited) if invited else key
        return self.services.links.link(purpose, key)


@contextmanager
def running() -> Iterator[World]:
    """Start the pages on a free port, on a store of its own."""
    with TemporaryDirectory(prefix="mailtrack-gallery-") as folder:
        listener = listen(WebSettings(port=free_port()))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        services = _services(Path(folder), address)
        upgrade(services.store)
        stop = threading.Event()
        server = threading.Thread(target=serve, args=(services, listener, stop))
        server.start()
        try:
            yield _peopled(services, address)
        finally:
            stop.set()
            server.join()
            services.close()


def _services(folder: Path, address: str) -> Services:
    settings = Settings(
        data_dir=folder,
        web=WebSettings(public_url=address),
        inbox=InboxSettings(address="colis@example.org"),
        smtp=SmtpSettings(from_address="colis@example.org"),
        links=LinkSettings(secret=SecretStr("a secret of the gallery")),
        # A hash that costs next to nothing: it guards invented people.
        admin=AdminSettings(password_hash=SecretStr(hash_password(SESAME, n=2))),
        channels=ChannelSettings(on="webhook,apprise", hosts="ntfy.sh,hooks.example.org"),
        publisher=PublisherSettings(name="Camille Exemple", contact="contact@example.org"),
    )
    services = Services(settings)
    vars(services).update(store=open_store(settings.store_url), clock=FakeClock(NOW))
    return services


def _peopled(services: Services, address: str) -> World:
    with services.store.write() as connection:
        reader = people.subscriber_of(connection, READER, NOW)
        following: dict[str, SubscriptionId] = {
            kind: _follow(connection, reader, f"LP0082716578{number:04}", sample_parcel(story))
            for number, (kind, story) in enumerate(STORIES.items(), 4084)
        }
        order = orders.order_of(connection, reader, ORDER, "aliexpress", NOW.date(), NOW)
        awaited, _ = subscriptions.follow_order(connection, reader, order, ["Tapis de souris"], NOW)
        gone = orders.order_of(connection, reader, ORDER[::-1], "aliexpress", NOW.date(), NOW)
        ended, _ = subscriptions.follow_order(connection, reader, gone, ["Réveil"], NOW)
        subscriptions.save_states(connection, {ended: (Milestone.CANCELLED, NOW, None)})
        notices.owe(
            connection,
            reader,
            NoticeKind.CANCELLED,
            subscription_id=ended,
            at=NOW,
            now=NOW,
            skip=Skip.UNWANTED,  # no mail is due before a test owes one
        )
        following |= {
            name: _follow_order(connection, reader, f"405-1234567-123456{number}", view.order)
            for number, (name, view) in enumerate(order_samples().items())
            if view.order
        }
        doubtful_numbers.ask(
            connection, reader, "6A15602676301", ["laposte"], "check_digit", "", NOW
        )
        for held in reversed(HELD):
            _hold(connection, reader, held)
        _invite(connection, reader, following[NoticeKind.PICKUP_AVAILABLE])
        _have_channels(connection, services, reader)
        _trouble_operators(connection)
    following |= {NoticeKind.ORDER_REGISTERED: awaited, NoticeKind.CANCELLED: ended}
    return World(services, address, reader, following)


def _invite(connection: Connection, reader: SubscriberId, mine: SubscriptionId) -> None:
    """Let the reader have invited somebody to one parcel, and somebody who agreed to all."""
    people.subscriber_of(connection, INVITED, NOW)
    invitations.add(connection, reader, mine, INVITED, NOW, mailed=True)
    agreed = invitations.add(connection, reader, None, "claude@example.org", NOW, mailed=True)
    invitations.accept(connection, [agreed], NOW)


def _have_channels(connection: Connection, services: Services, reader: SubscriberId) -> None:
    """Let one channel be in use, and another wait for its click."""
    for address, is_proven in (
        ("ntfys://ntfy.sh/colis-de-camille", True),
        ("https://hooks.example.org/maison", False),
    ):
        kind = ChannelKind.APPRISE if is_proven else ChannelKind.WEBHOOK
        sealed = services.channel_seal.close(ChannelAddress(address))
        new = NewChannel(kind, ChannelMode.BESIDE, sealed, masked(address))
        _, key = channels.add(connection, reader, new, NOW)
        if is_proven:
            channels.prove(connection, key, NOW)


def _trouble_operators(connection: Connection) -> None:
    """Let a carrier fail, and another say what no phrase file knows."""
    budgets.take(connection, "cainiao", 640, per_second=1_000, per_day=2_000, now=NOW)
    budgets.take(connection, "correos", 1_900, per_second=2_000, per_day=2_000, now=NOW)
    budgets.note_error(connection, "correos", "HTTP 503: Service Unavailable", NOW, silence_s=7_200)
    for times, code, text in ((41, "GTMS_WAIT_X", "Waiting for linehaul slot"), (7, "", "Inscan")):
        unknown = {"carrier": "cainiao", "code": code, "text": text, "times": times}
        connection.execute(insert(unmapped).values(**unknown, first_at=NOW, last_at=NOW))


def _hold(connection: Connection, reader: SubscriberId, held: HeldMail) -> None:
    """Let a mail wait for the reader's word that it is theirs."""
    connection.execute(
        insert(inbound).values(
            account="colis@host",
            folder="INBOX",
            uidvalidity=1,
            uid=held.id,
            content_key=str(held.id),
            received_at=held.received_at,
            stored_at=held.received_at,
            due_at=held.received_at,
            read_at=held.received_at,
            outcome=Outcome.REFUSED,
            subscriber_id=reader,
            kind=held.kind,
            names=",".join(held.numbers),
            held_at=held.received_at,
            asked_at=held.received_at,
        )
    )


def _follow_order(
    connection: Connection, reader: SubscriberId, number: str, view: OrderView
) -> SubscriptionId:
    order = orders.order_of(connection, reader, number, view.shop, None, NOW)
    mine, _ = subscriptions.follow_order(connection, reader, order, [ITEM], NOW)
    for event in view.events:
        told = subscriptions.mail_event_of(event.milestone, "parcel_update", event.at)
        subscriptions.add_mail_event(connection, mine, told)
    subscriptions.save_states(connection, {mine: (view.milestone, view.milestone_at, None)})
    return mine


def _follow(
    connection: Connection, reader: SubscriberId, number: str, view: ParcelView
) -> SubscriptionId:
    parcel = parcels.lock_named(connection, [number], NOW).named[number]
    parcels.add_leg(connection, parcel, "cainiao", number, NOW)
    parcels.add_events_of_each(connection, {parcel: view.events}, NOW)
    _promise(connection, parcel, view)
    pickup = view.pickup_point
    named = view.expected.named if view.expected else None
    connection.execute(
        update(parcel_table)
        .where(parcel_table.c.id == parcel)
        .values(
            milestone=view.milestone,
            milestone_at=view.milestone_at,
            reason=view.reason,
            local_number=view.local_number,
            estimated_delivery=named and named.day,
            pickup_name=pickup and pickup.name,
            pickup_address=pickup and pickup.address,
            pickup_last_day=pickup and pickup.last_day,
            last_answer_at=NOW,
        )
    )
    mine, _ = subscriptions.follow_parcel(connection, reader, parcel, [], [view.name], NOW)
    state = view.milestone, view.milestone_at, view.reason
    subscriptions.save_states(connection, {mine: state})
    if pickup is not None:
        subscriptions.note_pickup(connection, mine, pickup)
    if named is not None:
        subscriptions.expect(connection, mine, named.day, "colissimo", named.slot)
    return mine


def _promise(connection: Connection, parcel: ParcelId, view: ParcelView) -> None:
    """Keep what was expected of a parcel at each of its steps."""
    lane, steps = Lane("cainiao"), sorted(view.events, key=lambda event: event.at)
    for event in steps:
        told = forecast(event.milestone, event.at, event.at, lane)
        if told is not None:
            begun, day = steps[0].at.date(), event.at.date()
            one = Promise(event.milestone, lane, begun, day, day, told)
            promises.add(connection, {parcel: PromiseMade(one, event.at, None)})
