"""Orders of which no parcel is known: their steps are kept and told from the mails alone."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from mailtrack.clock import FakeClock
from mailtrack.domain.notice_preferences import NoticePreferences
from mailtrack.notify.render import Renderer, templates_dir
from mailtrack.notify.view import NoticeKind
from mailtrack.runtime.services import Services
from mailtrack.sandbox.mails import AUTHSERV_ID, FORWARD_TO
from mailtrack.store import notices, orders, people, subscription_details, subscriptions
from mailtrack.store import schema as t
from mailtrack.store.engine import Store

Rows = Callable[..., list[Mapping[str, Any]]]
Receive = Callable[..., Mapping[str, Any]]
SendAll = Callable[[], list[str]]

ORDER = "405-1234567-1234567"
#: What Amazon writes, by the step that it tells: the sender and the subject.
AMAZON = {
    "ordered": ("confirmation-commande", "Commandé : « Lampe LED »"),
    "shipped": ("confirmation-commande", "Expédié : « Lampe LED »"),
    "out": ("shipment-tracking", "En cours de livraison : « Lampe LED »"),
    "pickup": ("pickup-point", "Votre colis est prêt à être retiré"),
    "delivered": ("order-update", "Livré : « Lampe LED »"),
    "unclear": ("order-update", "Du nouveau au sujet de votre livraison"),
}


def _block(step: str, order: str = ORDER) -> list[str]:
    sender, subject = AMAZON[step]
    return [
        f"De : Amazon.fr <{sender}@amazon.fr>",
        "Date : lun. 2 mars 2026 à 09:30",
        f"Objet : {subject}",
        "À : <ana@example.org>",
        "",
        "Commandé Expédié En cours de livraison Livré",
        f"N° de commande {order}",
        "",
        "",
    ]


def _forward(*lines: str) -> bytes:
    """Return mails of her mailbox that Ana forwards by hand, in one mail."""
    return "\r\n".join(
        [
            f"Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d=example.org",
            f"Received: from mail.example.org (mail.example.org [192.0.2.1]) by {AUTHSERV_ID}; x",
            "From: Ana <ana@example.org>",
            f"To: {FORWARD_TO}",
            "Subject: TR: commande",
            "Content-Type: text/plain; charset=utf-8",
            "",
            "Début du message réexpédié :",
            "",
            *lines,
        ]
    ).encode()


def amazon(*steps: str) -> bytes:
    return _forward(*(line for step in steps for line in _block(step)))


def _shein(subject: str, *lines: str) -> bytes:
    return _forward(
        "De : SHEIN <noreply@sheinnotice.com>",
        "Date : lun. 2 mars 2026 à 09:30",
        f"Objet : {subject}",
        "À : <ana@example.org>",
        "",
        "Order GSO12A34B567CDE",
        *lines,
    )


@pytest.fixture
def told(receive: Receive, send_all: SendAll, clock: FakeClock) -> Callable[..., list[str]]:
    """Receive mails one by one, hours apart; tell what Ana is sent after each."""

    def make(*mails: bytes) -> list[str]:
        sent: list[str] = []
        for mail in mails:
            receive(mail)
            sent += send_all()
            clock.advance(hours=5)
        return sent

    return make


def test_the_steps_of_an_order_are_told_once_each_like_a_parcel_s(
    told: Callable[..., list[str]], rows: Rows
) -> None:
    steps = ("ordered", "shipped", "out", "out", "delivered", "delivered")

    assert ["order_registered", "out_for_delivery", "delivered"] == told(*map(amazon, steps))
    (mine,) = rows(t.subscription)
    assert ("delivered", None, "Lampe LED") == (
        mine["milestone"],
        mine["parcel_id"],
        mine["titles"],
    )
    assert [] == rows(t.parcel)


@pytest.mark.parametrize("step", ["shipped", "out", "pickup", "delivered", "unclear"])
def test_the_answer_to_the_first_mail_tells_its_step_and_no_other_mail_does(
    step: str, told: Callable[..., list[str]]
) -> None:
    assert ["order_registered"] == told(amazon(step))


def test_mails_of_one_order_that_come_together_are_told_by_the_answer(
    told: Callable[..., list[str]], rows: Rows
) -> None:
    assert ["order_registered", "read_summary"] == told(amazon("ordered", "shipped", "out"))

    assert ["out_for_delivery"] == [row["milestone"] for row in rows(t.subscription)]
    assert 3 == len(rows(t.mail_event))


def test_of_several_orders_in_one_forward_each_keeps_its_own_step(
    receive: Receive, rows: Rows
) -> None:
    other = "405-7654321-7654321"
    receive(_forward(*_block("delivered"), *_block("shipped", other)))
    numbers = {row["id"]: row["number"] for row in rows(t.shop_order)}
    steps = {numbers[row["shop_order_id"]]: row["milestone"] for row in rows(t.subscription)}

    assert {ORDER: "delivered", other: "shipped"} == steps


def test_mails_that_come_in_any_order_never_take_a_delivery_back(
    told: Callable[..., list[str]], rows: Rows
) -> None:
    assert ["order_registered"] == told(amazon("delivered"), amazon("out"))

    assert ["delivered"] == [row["milestone"] for row in rows(t.subscription)]


def test_who_wants_no_mail_about_a_step_gets_none_about_an_order_s_either(
    told: Callable[..., list[str]], store: Store, clock: FakeClock
) -> None:
    with store.write() as connection:
        owner = people.subscriber_of(connection, "ana@example.org", clock.now())
        people.choose(connection, owner, NoticePreferences(frozenset({"out_for_delivery"})))

    assert ["order_registered"] == told(amazon("shipped"), amazon("out"))


def test_an_order_that_was_stopped_is_followed_again_when_it_is_forwarded_once_more(
    told: Callable[..., list[str]], store: Store, rows: Rows, clock: FakeClock
) -> None:
    told(amazon("shipped"))
    (mine,) = rows(t.subscription)
    with store.write() as connection:
        subscriptions.mute(connection, mine["id"], clock.now())
    clock.advance(minutes=1)

    assert ["order_registered"] == told(amazon("out"))
    assert [None] == [row["muted_at"] for row in rows(t.subscription)]


def test_what_a_rule_sends_on_is_followed_where_amazon_signed_it(
    receive: Receive, rows: Rows, store: Store, clock: FakeClock
) -> None:
    with store.write() as connection:
        owner = people.subscriber_of(connection, "ana@example.org", clock.now())
        people.confirm(connection, owner, clock.now())

    def by_rule(signed_by: str) -> bytes:
        found = f"dkim=pass header.d={signed_by}; spf=pass smtp.mailfrom=ana@example.org"
        return "\r\n".join(
            [
                f"Authentication-Results: {AUTHSERV_ID}; {found}",
                f"Received: from m.example.org (m [192.0.2.1]) by {AUTHSERV_ID}; x",
                f"X-Forwarded-For: ana@example.org {FORWARD_TO}",
                f"X-Forwarded-To: {FORWARD_TO}",
                "From: Amazon.fr <order-update@amazon.fr>",
                "To: ana@example.org",
                "Subject: =?utf-8?q?Livr=C3=A9_=3A_=C2=AB_Lampe_=C2=BB?=",
                "",
                f"Commande {ORDER}",
            ]
        ).encode()

    assert "refused" == receive(by_rule("amazon.example"))["outcome"]
    assert [] == rows(t.subscription)
    assert "order_noted" == receive(by_rule("amazon.fr"))["outcome"]
    assert ["delivered"] == [row["milestone"] for row in rows(t.subscription)]


def test_another_shop_s_order_is_told_of_in_the_same_way(told: Callable[..., list[str]]) -> None:
    mails = map(_shein, ("Order Confirmation", "SHEIN Delivery Abnormal Notification"))

    assert ["order_registered", "delivery_failed"] == told(*mails)


def test_what_mails_told_of_an_order_is_a_part_of_its_parcel_s_history(
    receive: Receive, rows: Rows, store: Store, services: Services
) -> None:
    receive(_shein("Your SHEIN order has been shipped"))
    receive(_shein("Order update", "Tracking number RB123456785CN"))
    (mine,) = rows(t.subscription)
    with store.read() as connection:
        details = subscription_details.read(connection, [mine["id"]])[mine["id"]]

    assert mine["parcel_id"]
    assert ["shipped"] == [event.milestone for event in details.events]
    view = services.views.parcel(details)
    assert view
    assert "shein" == view.shop
    assert services.views.order(details) is None


def test_what_is_owed_about_an_order_can_be_written(
    receive: Receive, clock: FakeClock, store: Store, services: Services, rows: Rows
) -> None:
    renderer = Renderer(templates_dir())
    for step in ("shipped", "out", "pickup", "delivered"):
        receive(amazon(step))
        clock.advance(hours=5)
    with store.write() as connection:
        due = notices.claim_notices(
            connection, token="t", now=clock.now(), until=clock.later(60), limit=9
        )
        claimed = notices.claimed(connection, due, "t")
        (mine,) = rows(t.subscription)
        details = subscription_details.read(connection, [mine["id"]])[mine["id"]]
        views = [
            services.views.notice(connection, notice, details, "ana@example.org", clock.now())
            for notice, _ in claimed
        ]
    mails = {view.kind: renderer.render(view) for view in views}

    assert mails.keys() == {"order_registered"}
    assert "Dernière étape connue : « Arrivé à destination (livré) »" in mails[
        NoticeKind.ORDER_REGISTERED
    ].text.replace("\u00a0", " ")


def test_an_order_that_a_mail_names_first_without_its_day_takes_it_later(
    store: Store, clock: FakeClock, rows: Rows
) -> None:
    with store.write() as connection:
        owner = people.subscriber_of(connection, "ana@example.org", clock.now())
        for day in (None, clock.now().date(), clock.now().date() + timedelta(days=1)):
            orders.order_of(connection, owner, ORDER, "aliexpress", day, clock.now())

    assert [clock.now().date()] == [row["ordered_at"] for row in rows(t.shop_order)]
