"""What carriers and other shops write is followed and told, like the shop's own mails."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import pytest

from mailtrack.clock import FakeClock
from mailtrack.domain.model import PickupPoint, PollResult, PollState
from mailtrack.notify import french
from mailtrack.notify.expectation import ExpectedDay
from mailtrack.notify.view import ParcelView
from mailtrack.runtime.services import Services
from mailtrack.sandbox.mails import AUTHSERV_ID, FORWARD_TO
from mailtrack.store import parcels, people, subscription_details, subscriptions
from mailtrack.store import schema as t
from mailtrack.store.engine import Store

Rows = Callable[..., list[Mapping[str, Any]]]
Receive = Callable[..., Mapping[str, Any]]
Shown = Callable[[str], ParcelView]

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
            details = subscription_details.read(connection, [mine])[mine]
            view = services.views.parcel_of(connection, details, clock.now())
        assert view is not None
        assert view.expected is not None
        named = view.expected.named
        return (named.day, named.by) if named else (None, "")

    by_mail = shown()
    (parcel,) = rows(t.parcel)
    known = PollResult("LP00123456789012", PollState.FOUND, (), estimated_delivery=date(2026, 9, 1))
    with store.write() as connection:
        parcels.save_results(connection, {parcel["id"]: known}, clock.now())

    assert ((date(2026, 8, 30), "AliExpress"), (date(2026, 9, 1), "Cainiao")) == (by_mail, shown())


WAITING = (
    "chronopost@network1.pickup.fr",
    "Votre colis VINTED est arrivé dans votre relais Pickup !",
    "Votre colis n° XT469314996467S est disponible à TABAC DU PORT jusqu'au 14 mars 2026",
    "",
    "Code de retrait : 482913",
)
#: Bruno's own mail about Ana's parcel.
ON_ITS_WAY = ("avisage@chronopost.fr", "Votre colis VINTED est en chemin XT469314996467S")
AT_THE_PORT = PickupPoint("TABAC DU PORT", "", date(2026, 3, 14), "482913")


@pytest.fixture
def shown_to(services: Services, store: Store) -> Callable[[str], ParcelView]:
    """Return what somebody with an address is shown of the one parcel that they follow."""

    def make(address: str) -> ParcelView:
        with store.read() as connection:
            owner = people.find_subscriber(connection, address)
            assert owner is not None
            (mine,) = subscriptions.of_subscriber(connection, owner)
            details = subscription_details.read(connection, [mine.id])[mine.id]
            view = services.views.parcel_of(connection, details, services.clock.now())
        assert view is not None
        return view

    return make


def by_bruno(mail: bytes) -> bytes:
    return mail.replace(b"Ana", b"Bruno").replace(b"ana@", b"bruno@")


def test_where_a_mail_says_that_a_parcel_waits_is_shown_to_its_reader_alone(
    receive: Receive, rows: Rows, services: Services, store: Store, shown_to: Shown
) -> None:
    receive(forwarded(*WAITING))
    receive(by_bruno(forwarded(*ON_ITS_WAY)))
    (parcel,) = rows(t.parcel)
    with store.read() as connection:
        anybody = services.views.public(connection, parcel["id"], services.clock.now())

    assert 2 == len(rows(t.subscription))
    assert AT_THE_PORT == shown_to("ana@example.org").pickup_point
    assert shown_to("bruno@example.org").pickup_point is None
    assert anybody is None or anybody.pickup_point is None


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (
            "Votre colis n° XT469314996467S est disponible à Tabac du Port jusqu'au 14 mars 2026",
            PickupPoint("Tabac du Port", "", date(2026, 3, 14), "482913"),
        ),
        (
            "Votre colis n° XT469314996467S est disponible à CAVE DES ARTS jusqu'au 17 mars 2026",
            PickupPoint("CAVE DES ARTS", "", date(2026, 3, 17)),
        ),
        ("Votre colis n° XT469314996467S", AT_THE_PORT),
    ],
    ids=["a reminder", "another relay", "nothing new"],
)
def test_a_later_mail_adds_to_what_an_earlier_one_said_or_takes_its_place(
    said: str, kept: PickupPoint, receive: Receive, shown_to: Shown
) -> None:
    receive(forwarded(*WAITING))
    receive(
        forwarded(
            WAITING[0],
            "Votre colis VINTED est toujours disponible dans votre relais Pickup !",
            said,
        )
    )

    assert kept == shown_to("ana@example.org").pickup_point


def test_the_hours_of_a_delivery_are_shown_to_the_reader_of_the_mail_alone(
    receive: Receive, shown_to: Shown
) -> None:
    sender, number = "avisage@chronopost.fr", "XW275136170TS"
    receive(
        forwarded(
            sender,
            f"Votre colis est en cours de livraison {number}",
            "Votre colis sera livré aujourd'hui entre 9h et 11h",
        )
    )
    receive(by_bruno(forwarded(sender, f"Votre colis est en chemin {number}")))
    mine, other = shown_to("ana@example.org"), shown_to("bruno@example.org")

    assert mine.expected
    assert ExpectedDay(date(2026, 3, 2), "Chronopost", "09:00-11:00") == mine.expected.named
    assert other.expected
    assert other.expected.named is None


def test_a_parcel_that_leaves_once_more_for_its_reader_waits_nowhere(
    receive: Receive, shown_to: Shown, clock: FakeClock
) -> None:
    receive(forwarded(*WAITING))
    clock.advance(days=1)
    number = "XT469314996467S"
    receive(forwarded("avisage@chronopost.fr", f"Votre colis est en cours de livraison {number}"))

    assert shown_to("ana@example.org").pickup_point is None


def test_a_step_bears_the_name_of_who_wrote_the_mail_that_told_it(
    receive: Receive, shown_to: Shown
) -> None:
    subject = "Votre colis est en route !"
    receive(forwarded("noreply@notif-colissimo-laposte.info", subject, "N° 6A12345678905"))

    (event,) = shown_to("ana@example.org").events

    assert ("mail", "Colissimo") == (event.source, event.told_by)
    assert "selon Colissimo, par mail" == french.detail(event)
