"""What carriers and other shops write is followed and told, like the shop's own mails."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import pytest

from mailtrack.clock import FakeClock
from mailtrack.domain.model import PollResult, PollState
from mailtrack.runtime.services import Services
from mailtrack.sandbox.mails import AUTHSERV_ID, FORWARD_TO
from mailtrack.store import parcels, subscription_details
from mailtrack.store import schema as t
from mailtrack.store.engine import Store

Rows = Callable[..., list[Mapping[str, Any]]]
Receive = Callable[..., Mapping[str, Any]]

SENT_BY_ANA = "dkim=pass header.d=example.org"


def forwarded(sender: str, subject: str, *lines: str) -> bytes:
    """Return a mail that Ana's mailbox got, forwarded by hand."""
    return "\r\n".join(
        [
            f"Authentication-Results: {AUTHSERV_ID}; {SENT_BY_ANA}",
            f"Received: from mail.example.org (mail.example.org [192.0.2.1]) by {AUTHSERV_ID}; x",
            "From: Ana <ana@example.org>",
            f"To: {FORWARD_TO}",
            "Subject: Fwd: colis",
            "Content-Type: text/plain; charset=utf-8",
            "",
            "---------- Forwarded message ---------",
            f"De : Transporteur <{sender}>",
            "Date: lun. 2 mars 2026 à 09:30",
            f"Subject: {subject}",
            "To: <ana@example.org>",
            "",
            *lines,
        ]
    ).encode()


@pytest.mark.parametrize(
    ("mail", "number", "milestone", "asked"),
    [
        pytest.param(
            forwarded(
                "noreply@notif-colissimo-laposte.info",
                "Votre colis vous attend !",
                "N° du colis 6A12345678905",
            ),
            "6A12345678905",
            "pickup_available",
            ["laposte"],
            id="of a carrier that is asked",
        ),
        pytest.param(
            forwarded(
                "no-reply@vintedgo.com", "Il est temps de récupérer ton colis ! #VGS1234567890123"
            ),
            "VGS1234567890123",
            "pickup_available",
            [],
            id="of a carrier that nobody can ask",
        ),
        pytest.param(
            forwarded(
                "temu@orders.temu.com",
                "Votre commande (#PO-095-12345678901234567)",
                "Votre colis a passé la douane",
                "Voir les détails 6A12345678905",
            ),
            "6A12345678905",
            "customs_cleared",
            ["laposte"],
            id="of another shop",
        ),
    ],
)
def test_a_forward_of_a_carrier_s_mail_is_followed_and_its_step_told_to_who_sent_it(
    mail: bytes, number: str, milestone: str, asked: list[str], receive: Receive, rows: Rows
) -> None:
    assert "tracked" == receive(mail)["outcome"]

    (parcel,), (mine,) = rows(t.parcel), rows(t.subscription)
    assert (number, None) == (parcel["number"], parcel["milestone"])
    assert milestone == mine["milestone"]
    assert asked == [leg["carrier"] for leg in rows(t.leg)]
    assert "registered" in [notice["kind"] for notice in rows(t.notice)]


def test_what_the_reader_sends_themselves_is_not_followed(receive: Receive, rows: Rows) -> None:
    mail = forwarded(
        "noreply@notif-colissimo-laposte.info",
        "Confirmation de la livraison de votre colis",
        "Votre colis n°6A12345678905 a été remis à son destinataire.",
    )

    assert "nothing_found" == receive(mail)["outcome"]
    assert [] == rows(t.parcel)


def test_a_carrier_s_mail_about_the_local_number_belongs_to_the_parcel_that_is_followed(
    receive: Receive, rows: Rows, store: Store, clock: FakeClock
) -> None:
    """Who follows LP… hears from La Poste of 6A…: it is the same parcel."""
    receive(forwarded("noreply@eu-service.cainiao.com", "Votre colis", "colis n° LP00123456789012"))
    (parcel,) = rows(t.parcel)
    with store.write() as connection:
        parcels.add_leg(
            connection, parcel["id"], "laposte", "6A12345678905", clock.now(), is_local=True
        )
    mail = forwarded(
        "noreply@notif-colissimo-laposte.info",
        "Votre colis vous attend !",
        "N° du colis 6A12345678905",
    )

    assert "updated" == receive(mail)["outcome"]
    assert ["LP00123456789012"] == [row["number"] for row in rows(t.parcel)]
    assert ["pickup_available"] == [row["milestone"] for row in rows(t.subscription)]


@pytest.mark.parametrize(
    ("sender", "header"),
    [
        ("noreply@notif-colissimo-laposte.info", "X-Mailer: x"),
        ("service@boutique.example", "List-Unsubscribe: <https://boutique.example/u>"),
        ("service@boutique.example", "Feedback-ID: 1:boutique"),
        ("service@boutique.example", "Precedence: bulk"),
        ("no-reply@boutique.example", "X-Mailer: x"),
    ],
)
def test_a_machine_that_writes_to_us_becomes_no_subscriber_and_gets_no_answer(
    sender: str, header: str, receive: Receive, rows: Rows
) -> None:
    domain = sender.partition("@")[2]
    receive(
        f"Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d={domain}\r\n"
        f"Received: from m (m [192.0.2.1]) by {AUTHSERV_ID}; x\r\n{header}\r\n"
        f"From: Suivi <{sender}>\r\nTo: {FORWARD_TO}\r\n"
        "Subject: Votre colis est en route !\r\n\r\nBonjour\r\n".encode()
    )

    assert [] == rows(t.subscriber)
    assert [] == rows(t.notice)


ALIEXPRESS = (
    "De : AliExpress <transaction@notice.aliexpress.com>",
    "Date : lun. 2 mars 2026 à 09:30",
    "Objet : Package LP00123456789012 delivered",
    "À : <ana@example.org>",
    "",
    "Package LP00123456789012 delivered",
    "https://www.aliexpress.com/p/t.html?tradeOrderId=3054169918880001&trackingNumber=LP00123456789012",
)
COLISSIMO = (
    "De : La Poste <noreply@notif-colissimo-laposte.info>",
    "Date : lun. 2 mars 2026 à 10:30",
    "Objet : Votre colis est en route !",
    "À : <ana@example.org>",
    "",
    "Votre colis n°6A12345678905 est en route.",
)


def _together(lines: list[str]) -> bytes:
    """Return what Ana forwards in one mail."""
    return "\r\n".join(
        [
            f"Authentication-Results: {AUTHSERV_ID}; {SENT_BY_ANA}",
            f"Received: from mail.example.org (mail.example.org [192.0.2.1]) by {AUTHSERV_ID}; x",
            "From: Ana <ana@example.org>",
            f"To: {FORWARD_TO}",
            "Subject: TR: mes colis",
            "Content-Type: text/plain; charset=utf-8",
            "",
            "Début du message réexpédié :",
            "",
            *lines,
        ]
    ).encode()


@pytest.mark.parametrize("mails", [(ALIEXPRESS, COLISSIMO), (COLISSIMO, ALIEXPRESS)])
def test_of_several_mails_in_one_forward_each_parcel_keeps_its_own_orders_and_step(
    mails: tuple[tuple[str, ...], ...], receive: Receive, rows: Rows
) -> None:
    assert (
        "tracked"
        == receive(_together([line for mail in mails for line in (*mail, "", "")]))["outcome"]
    )
    followed = {row["id"]: row for row in rows(t.parcel)}
    steps = {followed[row["parcel_id"]]["number"]: row["milestone"] for row in rows(t.subscription)}
    assert {"LP00123456789012": "delivered", "6A12345678905": "in_transit"} == steps
    assert ["LP00123456789012"] == [
        followed[row["parcel_id"]]["number"] for row in rows(t.parcel_order)
    ]


def test_the_day_that_a_mail_expects_is_shown_to_its_reader_until_a_carrier_knows_better(
    receive: Receive, rows: Rows, store: Store, clock: FakeClock, services: Services
) -> None:
    expecting = (*ALIEXPRESS[:2], "Objet : Package LP00123456789012 has an update", *ALIEXPRESS[3:])
    receive(_together([*expecting, "Estimated delivery: 30/08/2026"]))

    def shown() -> tuple[date | None, str]:
        with store.read() as connection:
            (mine,) = (row["id"] for row in rows(t.subscription))
            view = services.views.parcel(subscription_details.read(connection, [mine])[mine])
        assert view is not None
        return view.estimated_delivery, view.estimated_by

    by_mail = shown()
    (parcel,) = rows(t.parcel)
    known = PollResult("LP00123456789012", PollState.FOUND, (), estimated_delivery=date(2026, 9, 1))
    with store.write() as connection:
        parcels.save_result(connection, parcel["id"], known, clock.now())

    assert ((date(2026, 8, 30), "AliExpress"), (date(2026, 9, 1), "")) == (by_mail, shown())
