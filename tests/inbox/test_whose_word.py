"""One person's mail never changes what another sees or hears: carriers' words alone do."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import SubscriptionId, TrackingEvent
from mailtrack.runtime.services import Services
from mailtrack.sandbox.mails import (
    AUTHSERV_ID,
    FORWARD_TO,
    DemoPerson,
    forwarded,
    gmail,
    order_shipped,
    parcel_update,
)
from mailtrack.store import parcels, personal_data, subscription_details
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscription_details import SubscriptionDetails
from mailtrack.tracking import merging

Rows = Callable[..., list[Mapping[str, Any]]]
Receive = Callable[..., Mapping[str, Any]]
Forward = Callable[..., None]

ANA = DemoPerson("Ana", "ana@example.org")
MALLORY = DemoPerson("Mallory", "mallory@example.net")
NUMBER = "LP00123456789012"
ORDER = "3054169918880001"
TRUE_STEPS = (
    Milestone.ARRIVED_IN_COUNTRY,
    Milestone.CUSTOMS_CLEARED,
    Milestone.OUT_FOR_DELIVERY,
    Milestone.DELIVERED,
)


@pytest.fixture
def forward(receive: Receive, clock: FakeClock) -> Forward:
    """Forward the shop's mail about a parcel; a title of its own tells a step."""
    serials = count(1)

    def make(person: DemoPerson, number: str = NUMBER, order: str = ORDER, step: str = "") -> None:
        mail = parcel_update(number, order, f"Lampe de {person.name}")
        if step:
            mail = replace(mail, subject=f"Package {number} {step}", lines=(step.capitalize(),))
        raw = forwarded(gmail, mail, person, clock.now(), "Voilà", next(serials))
        assert receive(raw)["outcome"] in ("tracked", "updated")

    return make


@pytest.fixture
def typed(receive: Receive) -> Callable[[DemoPerson, str], None]:
    """Send a mail with a bare number, proven by the sender's own server."""

    def make(person: DemoPerson, number: str) -> None:
        domain = person.address.partition("@")[2]
        receive(
            f"Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d={domain}\r\n"
            f"From: {person.address}\r\nTo: {FORWARD_TO}\r\nSubject: Mon colis\r\n\r\n"
            f"{number}\r\n".encode()
        )

    return make


@pytest.fixture
def tell(store: Store, clock: FakeClock) -> Callable[[Milestone], None]:
    """Let a carrier tell a step, an hour after the last."""

    def make(milestone: Milestone) -> None:
        clock.advance(hours=1)
        with store.write() as connection:
            parcel = parcels.find_parcel(connection, NUMBER)
            assert parcel is not None
            parcels.lock(connection, parcel)
            event = TrackingEvent(clock.now(), milestone, "cainiao", milestone)
            merging.take_in(connection, {parcel: [event]}, clock.now())

    return make


@pytest.fixture
def known_to(store: Store, rows: Rows) -> Callable[[DemoPerson], list[SubscriptionDetails]]:
    """Return all that somebody sees."""

    def make(person: DemoPerson) -> list[SubscriptionDetails]:
        (owner,) = rows(t.subscriber, address=person.address)
        mine = [SubscriptionId(r["id"]) for r in rows(t.subscription, subscriber_id=owner["id"])]
        with store.read() as connection:
            return list(subscription_details.read(connection, mine).values())

    return make


def _mailed(rows: Rows, person: DemoPerson) -> list[str]:
    (owner,) = rows(t.subscriber, address=person.address)
    return [n["kind"] for n in rows(t.notice, subscriber_id=owner["id"]) if n["skip"] is None]


def test_an_invented_delivery_reaches_nobody_else_and_silences_no_true_step(
    forward: Forward,
    tell: Callable[[Milestone], None],
    send_all: Callable[[], list[str]],
    rows: Rows,
    known_to: Callable[[DemoPerson], list[SubscriptionDetails]],
) -> None:
    forward(ANA)
    send_all()
    forward(MALLORY, step="delivered")
    assert Milestone.DELIVERED is known_to(MALLORY)[0].following.milestone
    assert Milestone.DELIVERED is not known_to(ANA)[0].following.milestone
    for step in TRUE_STEPS:
        tell(step)
        send_all()

    assert ["registered", *TRUE_STEPS] == _mailed(rows, ANA)
    assert Milestone.DELIVERED is known_to(ANA)[0].following.milestone


def test_what_a_mail_tells_is_no_state_of_the_parcel(
    forward: Forward, rows: Rows, tell: Callable[[Milestone], None]
) -> None:
    forward(ANA, step="delivered")
    assert [None] == [row["milestone"] for row in rows(t.parcel)]
    assert [] == rows(t.tracking_event)

    tell(Milestone.CUSTOMS_CLEARED)
    assert ["customs_cleared"] == [row["milestone"] for row in rows(t.parcel)]


def test_what_one_s_own_mail_told_is_shown_and_no_news_again_when_a_carrier_says_it(
    forward: Forward,
    tell: Callable[[Milestone], None],
    send_all: Callable[[], list[str]],
    rows: Rows,
    known_to: Callable[[DemoPerson], list[SubscriptionDetails]],
) -> None:
    forward(ANA, step="delivered")
    send_all()
    tell(Milestone.DELIVERED)

    (mine,) = known_to(ANA)
    assert {"mail", "cainiao"} == {event.source for event in mine.events}
    assert ["registered"] == _mailed(rows, ANA)


def test_who_knows_a_number_sees_neither_orders_nor_articles_nor_steps_of_others(
    forward: Forward,
    typed: Callable[[DemoPerson, str], None],
    known_to: Callable[[DemoPerson], list[SubscriptionDetails]],
    services: Services,
    store: Store,
    rows: Rows,
) -> None:
    forward(ANA, step="delivered")
    typed(MALLORY, NUMBER)

    (seen,) = known_to(MALLORY)
    assert ((), (), None) == (seen.orders, seen.following.items, seen.ordered_at)
    assert () == seen.events
    view = services.views.parcel(seen)
    assert view is not None
    assert ("", (), None) == (view.name, view.orders, view.milestone)
    with store.read() as connection:
        (_, mallory) = rows(t.subscriber)
        told = personal_data.everything_about_subscriber(
            connection, mallory["id"], services.addresses.of
        )
    assert [] == [word for word in (ORDER, "Lampe", "ana", "delivered") if word in repr(told)]
    assert (ORDER,) == known_to(ANA)[0].orders


def test_an_order_number_that_somebody_else_knows_attaches_no_parcel_to_its_owner(
    forward: Forward, receive: Receive, clock: FakeClock, rows: Rows
) -> None:
    """Today's mails name the order; whoever saw one may write a mail that names it, too."""
    shop_mail = order_shipped(ORDER, "Lampe")
    receive(forwarded(gmail, shop_mail, ANA, clock.now(), "Voilà", 90))
    forward(MALLORY, number="LP00999999999999", order=ORDER)
    receive(forwarded(gmail, shop_mail, ANA, clock.now(), "Encore", 91))

    (ana, mallory) = rows(t.subscriber)
    assert [None] == [row["parcel_id"] for row in rows(t.subscription, subscriber_id=ana["id"])]
    assert [(ana["id"], ORDER), (mallory["id"], ORDER)] == [
        (row["subscriber_id"], row["number"]) for row in rows(t.shop_order)
    ]


def test_a_carrier_that_somebody_s_mail_named_keeps_nobody_from_asking_the_right_one(
    forward: Forward, store: Store, rows: Rows, clock: FakeClock, typed: Callable[..., None]
) -> None:
    with store.write() as connection:
        parcel = parcels.lock_named(connection, [NUMBER], clock.now()).named[NUMBER]
        parcels.add_leg(connection, parcel, "laposte", NUMBER, clock.now() + timedelta(days=1))
    forward(ANA)

    assert {"laposte", "cainiao"} == {row["carrier"] for row in rows(t.leg)}
