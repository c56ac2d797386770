"""Mails of carriers and shops that are declared as data; `corpus/senders` has them whole."""

from email.message import EmailMessage
from urllib.parse import quote

import pytest

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Outcome
from mailtrack.parsers import parse
from mailtrack.parsers.message import read_message
from mailtrack.parsers.reading import IDLE_KINDS, Reading
from mailtrack.parsers.sender_declarations import MailSender, declared


def _read(sender: str, subject: str, *lines: str) -> Reading:
    """Read a mail of a carrier's that a person's mailbox got."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, "ana@example.org", subject
    mail.set_content("\n".join(lines))
    return parse(read_message(mail.as_bytes()))


@pytest.mark.parametrize(
    ("sender", "subject", "line", "carrier"),
    [
        (
            "noreply@notif-colissimo-laposte.info",
            "Votre colis est en route !",
            "N°6A12345678905",
            "laposte",
        ),
        ("avisage@chronopost.fr", "Votre colis  est en chemin XT8452370122486", "", "chronopost"),
        ("noreply@mondialrelay.fr", "Votre colis 31234567 est disponible !", "", "mondialrelay"),
        (
            "noreply@relaiscolis.com",
            "Votre colis est arrivé",
            "Référence colis VD1234567890",
            "relaiscolis",
        ),
        (
            "livraison@notification.colisprive.com",
            "Votre colis est en route !",
            "votre colis FNAC 510 000 111 222",
            "colisprive",
        ),
        ("noreply@gls-france.com", "Votre colis arrive bientôt", "Numéro de colis 00ABCDEF", "gls"),
        (
            "no-reply@vintedgo.com",
            "Ton colis arrive aujourd'hui ! #1735689600123456",
            "",
            "vintedgo",
        ),
    ],
)
def test_a_number_in_a_carrier_s_mail_is_that_carrier_s_first(
    sender: str, subject: str, line: str, carrier: str
) -> None:
    (parcel,) = _read(sender, subject, line).parcels

    assert carrier == parcel.carriers[0].carrier


@pytest.mark.parametrize(
    "subject", ["VOTRE COLIS EST EN ROUTE !", "Votre colis est en route\u00a0!"]
)
def test_a_subject_is_known_however_it_is_set(subject: str) -> None:
    read = _read("noreply@notif-colissimo-laposte.info", subject, "Votre colis n°6A12345678905")

    assert Milestone.IN_TRANSIT == read.milestone


def test_a_subject_that_nobody_knows_is_a_step_that_nobody_knows() -> None:
    read = _read(
        "noreply@notif-colissimo-laposte.info", "Du nouveau", "Votre colis n°6A12345678905"
    )

    assert (Outcome.TRACKED, Milestone.UNKNOWN) == (read.outcome, read.milestone)


@pytest.mark.parametrize(
    "line",
    [
        "Numéro de commande : 1234567891",
        "Numéro de client 1234567891",
        "Votre code de retrait : 482913",
        "bordereau N° 1234567890",  # its check digit is wrong
        "1234567891",
    ],
)
def test_digits_without_a_reason_are_no_parcel(line: str) -> None:
    assert () == _read("noreply@dhl.com", "DHL On Demand Delivery", line).parcels


ORDER = "405-1234567-1234567"
#: An address in another that counts clicks.
COUNTED = quote(f"https://www.amazon.fr/package?orderId={ORDER}&shipmentId=Twk1C4My9", safe="")
#: All steps, as a line of each of Amazon's mails has them.
STEPPER = "Commandé Expédié En cours de livraison Livré"


@pytest.mark.parametrize(
    ("sender", "subject", "milestone"),
    [
        ("confirmation-commande@amazon.fr", "Commandé : « Lampe »", Milestone.ORDER_RECEIVED),
        (
            "confirmation-commande@amazon.fr",
            "Expédié\u00a0: «\u00a0Lampe\u00a0»",
            Milestone.SHIPPED,
        ),
        (
            "expedition-commande@amazon.fr",
            f"Votre commande Amazon.fr (#{ORDER}) a été expédiée.",
            Milestone.SHIPPED,
        ),
        (
            "shipment-tracking@amazon.fr",
            "En cours de livraison : « Lampe »",
            Milestone.OUT_FOR_DELIVERY,
        ),
        ("order-update@amazon.fr", "Livré : « Lampe »", Milestone.DELIVERED),
        ("order-update@amazon.fr", "Livrés : 2 articles", Milestone.DELIVERED),
        ("order-update@amazon.fr", "Livraison : « Lampe »", Milestone.DELIVERED),
        ("shipment-tracking@amazon.fr", "Livraison : mercredi", Milestone.UNKNOWN),
        ("pickup-point@amazon.fr", "Votre colis est prêt", Milestone.PICKUP_AVAILABLE),
        ("pickup-point@amazon.fr", "Votre colis n’est plus disponible", Milestone.UNKNOWN),
        ("pickup-point@amazon.fr", "Votre colis a été retiré", Milestone.UNKNOWN),
        ("order-update@amazon.fr", "Du nouveau", Milestone.UNKNOWN),
        ("shipment-tracking@amazon.com", 'Shipped: "Lamp"', Milestone.SHIPPED),
        ("order-update@amazon.it", "Consegna effettuata: 1 articolo", Milestone.DELIVERED),
    ],
)
def test_a_step_of_amazon_is_its_subject_s_whatever_the_body_lists(
    sender: str, subject: str, milestone: Milestone
) -> None:
    read = _read(sender, subject, STEPPER, f"N° de commande {ORDER}")

    assert (Outcome.ORDER_NOTED, (ORDER,)) == (read.outcome, read.orders)
    assert milestone == read.milestone


@pytest.mark.parametrize(
    "line",
    [
        "Numéro de suivi : TBA123456789012",
        "Numéro de suivi : 25012345678901",
        "Colis n° 6A12345678905",
        "https://trace.dpd.fr/fr/trace/25012345678901",
        "https://www.amazon.fr/x?orderId=x&shipmentId=113736816521302&packageIndex=0",
    ],
)
def test_no_digits_of_amazon_s_mails_are_a_parcel(line: str) -> None:
    read = _read("shipment-tracking@amazon.fr", "Expédié : « Lampe »", ORDER, line)

    assert ((ORDER,), ()) == (read.orders, read.parcels)


@pytest.mark.parametrize(
    ("url", "orders"),
    [
        (
            f"https://www.amazon.fr/progress-tracker/package?orderId={ORDER}&packageIndex=0",
            (ORDER,),
        ),
        (f"https://www.amazon.fr/gp/r.html?C=1&U={COUNTED}&H=1", (ORDER,)),
        (f"https://amazon.example/package?orderId={ORDER}", ()),
        (f"https://www.amazon.fr/package?shipmentId={ORDER}", ()),
    ],
)
def test_amazon_s_own_links_name_an_order_that_its_words_do_not(
    url: str, orders: tuple[str, ...]
) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"] = "shipment-tracking@amazon.fr", "ana@example.org"
    mail["Subject"] = "En cours de livraison : « Lampe »"
    mail.set_content(f'<p>Votre colis</p><a href="{url}">Suivre</a>', subtype="html")

    assert orders == parse(read_message(mail.as_bytes())).orders


@pytest.mark.parametrize(
    ("subject", "items"),
    [
        ("Commandé : « Lampe LED,... »", ("Lampe LED,...",)),
        ("Commandé : « Lampe » et « Câble USB »", ("Lampe", "Câble USB")),
        ("Livrés : 2 articles", ()),
    ],
)
def test_what_a_subject_of_amazon_quotes_is_what_was_bought(
    subject: str, items: tuple[str, ...]
) -> None:
    assert items == _read("order-update@amazon.fr", subject, ORDER).items


@pytest.mark.parametrize(
    "sender",
    [
        "store-news@amazon.fr",
        "vfe-campaign-response@amazon.fr",
        "h2x7k1v0q9@marketplace.amazon.fr",
        "customer-reviews-messages@amazon.fr",
        "digital-no-reply@amazon.fr",
    ],
)
def test_what_amazon_writes_from_other_addresses_names_nothing(sender: str) -> None:
    read = _read(sender, "Livré : « Lampe »", f"N° de commande {ORDER}")

    assert (Outcome.NOTHING_FOUND, ()) == (read.outcome, read.orders)


@pytest.mark.parametrize("sender", declared(), ids=lambda sender: sender.code)
def test_every_declaration_can_be_read(sender: MailSender) -> None:
    assert all(step.milestone or step.kind in IDLE_KINDS for step in sender.steps)
    assert all(step.subject or step.text or step.sender for step in sender.steps)
    assert all(step.subject.compiled for step in sender.steps if step.subject)
    assert sender.typed is None or sender.typed.compiled


def test_mails_of_different_senders_attached_to_one_each_tell_their_own_parcel() -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ana@example.org", "suivi@example.net", "colis"
    mail.set_content("Voilà")
    for sender, subject, line in (
        ("avisage@chronopost.fr", "Votre colis  est en chemin XT8452370122486", "Bonjour"),
        ("noreply@mondialrelay.fr", "Votre colis 31234567 est disponible !", "Bonjour"),
        ("jo@example.com", "photos", "mon numéro 6A12345678905"),
    ):
        inner = EmailMessage()
        inner["From"], inner["To"], inner["Subject"] = sender, "ana@example.org", subject
        inner.set_content(line)
        mail.add_attachment(inner)

    read = parse(read_message(mail.as_bytes()))

    assert [
        ("XT8452370122486", "chronopost", Milestone.IN_TRANSIT),
        ("31234567", "mondialrelay", Milestone.PICKUP_AVAILABLE),
    ] == [(parcel.number, parcel.source, parcel.milestone) for parcel in read.parcels]


def _forwarded(sender: str, subject: str, *lines: str, note: str = "") -> Reading:
    """Read what somebody forwarded by hand."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ana@example.org", "suivi@example.net", "TR: x"
    block = ["-------- Message transféré --------", f"Sujet : {subject}", "Date : 2 mars 2026"]
    block += [f"De : {sender}", "Pour : ana@example.org", ""]
    mail.set_content("\n".join([note, "", *block, *lines]))
    return parse(read_message(mail.as_bytes()))


def test_a_parcel_of_a_shop_without_a_file_bears_the_shop_s_name() -> None:
    read = _forwarded("Jardin <a@jardin.example>", "Bonjour", "Numéro de suivi : 6A12345678905")

    (parcel,) = read.parcels
    assert ("6A12345678905", ("Jardin",)) == (parcel.number, parcel.items)
    assert (None, None) == (read.shop, parcel.source)


@pytest.mark.parametrize(
    ("sender", "subject", "shop"),
    [
        ("avisage@chronopost.fr", "Votre colis LA FÉE est en chemin XT8452370122486", "LA FÉE"),
        ("chronopost@network1.pickup.fr", "Votre colis Fnac est arrivé dans votre relais", "Fnac"),
        ("noreply@relaiscolis.com", "Votre colis Kiabi est arrivé", "Kiabi"),
    ],
)
def test_a_carrier_s_mail_tells_from_which_shop_the_parcel_is(
    sender: str, subject: str, shop: str
) -> None:
    read = _forwarded(sender, subject, "Votre colis n° XT8452370122486", "Référence VD1234567890")

    assert (shop,) == read.parcels[0].items


def test_a_carrier_s_name_in_a_stranger_s_mail_leads_to_a_question() -> None:
    read = _forwarded("GLS <a@livraisons.example>", "Colis", "Numéro de suivi : 6A12345678905")

    assert () == read.parcels
    assert ["6A12345678905"] == [doubtful.number for doubtful in read.doubtful]


def test_nothing_is_asked_about_beside_what_is_certain() -> None:
    read = _forwarded(
        "Jardin <a@jardin.example>",
        "Bonjour",
        "Numéro de suivi : 6A12345678905",
        "Numéro de suivi : 12345678901",
    )

    assert ["6A12345678905"] == [parcel.number for parcel in read.parcels]
    assert () == read.doubtful


def test_a_number_typed_above_any_forward_is_followed() -> None:
    read = _forwarded("Jo <jo@example.com>", "Photos", "Bonjour", note="Mondial Relay 37712345")

    assert [("37712345", None)] == [(parcel.number, parcel.source) for parcel in read.parcels]


ALIEXPRESS = "AliExpress <transaction@notice.aliexpress.com>"


def test_a_number_typed_below_a_forward_is_followed_and_has_no_step_of_the_mail() -> None:
    read = _forwarded(
        ALIEXPRESS, "Package LP00123456789012: delivered", "Delivered", "", "et 6A12345678905"
    )

    assert [("LP00123456789012", "aliexpress"), ("6A12345678905", None)] == [
        (parcel.number, parcel.source) for parcel in read.parcels
    ]
    assert read.parcels[1].milestone is None


def test_a_carrier_s_mail_names_no_number_of_another_carrier() -> None:
    read = _forwarded(
        "noreply@notif-colissimo-laposte.info",
        "Votre colis a bien été livré !",
        "Votre colis n°6A12345678905",
        "et aussi XT8452370122486",
    )

    assert [Milestone.DELIVERED, None] == [parcel.milestone for parcel in read.parcels]


@pytest.mark.parametrize("is_first", [True, False])
def test_a_shop_without_a_file_is_read_beside_one_that_has_one(is_first: bool) -> None:
    both = [
        (ALIEXPRESS, "Package LP00123456789012: at customs", "At customs"),
        ("Jardin <a@jardin.example>", "Votre commande", "Numéro de suivi : 6A12345678905"),
    ]
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ana@example.org", "suivi@example.net", "TR: x"
    mail.set_content(
        "\n\n".join(
            f"---------- Forwarded message ---------\nDe : {sender}\nDate : 2 mars 2026\n"
            f"Objet : {subject}\nÀ : ana@example.org\n\n{line}\n"
            for sender, subject, line in (reversed(both) if is_first else both)
        )
    )

    read = parse(read_message(mail.as_bytes()))

    assert {"LP00123456789012", "6A12345678905"} == {parcel.number for parcel in read.parcels}


@pytest.mark.parametrize(
    ("sender", "subject", "line", "carrier", "milestone"),
    [
        (
            "do-not-reply@evri.com",
            "Your parcel has been delivered",
            "Parcel number: H01HYA0012345678",
            "evri",
            Milestone.DELIVERED,
        ),
        (
            "do-not-reply@evri.com",
            "Your parcel could not be delivered",
            "Parcel number: H01HYA0012345678",
            "evri",
            Milestone.DELIVERY_FAILED,
        ),
        (
            "no-reply@royalmail.com",
            "Your item is out for delivery",
            "AB123456785GB",
            "royalmail",
            Milestone.OUT_FOR_DELIVERY,
        ),
        (
            "auto-reply@usps.com",
            "USPS® Item Delivered, Front Door",
            "Tracking number 9400111899223344556677",
            "usps",
            Milestone.DELIVERED,
        ),
        (
            "noreply@dhl.de",
            "Ihr Paket kommt heute",
            "Sendungsnummer: 00340434161094042557",
            "dhl",
            Milestone.OUT_FOR_DELIVERY,
        ),
        (
            "noreply@myhermes.de",
            "Ihre Sendung ist unterwegs",
            "Sendungsnummer: H1234567890123456789",
            "hermes",
            Milestone.IN_TRANSIT,
        ),
        (
            "noreply@postnl.nl",
            "Je pakket ligt voor je klaar",
            "3SABCD123456789",
            "postnl",
            Milestone.PICKUP_AVAILABLE,
        ),
    ],
)
def test_the_posts_of_neighbours_are_read_in_plain_words(
    sender: str, subject: str, line: str, carrier: str, milestone: Milestone
) -> None:
    read = _forwarded(sender, subject, line)

    (parcel,) = read.parcels
    assert (carrier, milestone) == (parcel.carriers[0].carrier, parcel.milestone)


def test_a_question_how_it_went_is_no_delivery() -> None:
    read = _forwarded("a@evri.com", "Delivered! How did we do?", "Parcel number: H01HYA0012345678")

    assert () == read.parcels
