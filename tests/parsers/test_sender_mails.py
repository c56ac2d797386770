"""Mails of carriers and shops that are declared as data; `corpus/senders` has them whole."""

from email.message import EmailMessage

import pytest

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Outcome
from mailtrack.parsers import parse
from mailtrack.parsers.message import read_message
from mailtrack.parsers.reading import Reading
from mailtrack.parsers.sender_mails import IDLE_KINDS, MailSender, declared


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


@pytest.mark.parametrize("sender", declared(), ids=lambda sender: sender.code)
def test_every_declaration_can_be_read(sender: MailSender) -> None:
    assert all(step.milestone or step.kind in IDLE_KINDS for step in sender.steps)
    assert all(step.subject or step.text or step.sender for step in sender.steps)


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
