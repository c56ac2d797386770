"""What the answer to a forward may tell of each mail in it."""

from pathlib import Path

from mailtrack.domain.model import MailRead, Outcome
from mailtrack.parsers import parse
from mailtrack.parsers.message import Message, read_message
from mailtrack.parsers.reading import Person, Reading

CORPUS = Path(__file__).parents[1] / "corpus"


def _read(case: str) -> Reading:
    return parse(read_message((CORPUS / f"{case}.eml").read_bytes()))


def test_each_mail_of_a_forward_has_its_own_numbers() -> None:
    reading = _read("several/gmail--chronopost-ali-colissimo")

    assert [
        ("Chronopost", ("XY2761378013240",)),
        ("AliExpress", ("LP00412345678902",)),
        ("Colissimo", ("6A43529205969",)),
    ] == [(mail.sender, mail.numbers) for mail in reading.mails]
    assert "Votre colis est en route !" == reading.mails[2].subject


def test_what_was_typed_above_is_told_before_the_mails() -> None:
    typed, colissimo = _read("several/gmail--miscopied-above-colissimo").mails

    assert MailRead("", "", Outcome.NOTHING_FOUND, "number", (), ("6A07089764280",)) == typed
    assert ("6A43529205969",) == colissimo.numbers


def test_a_mail_that_names_nothing_tells_of_which_kind_it_is() -> None:
    (mail,) = _read("idle/gmail--de-0").mails

    assert (Outcome.NOTHING_FOUND, "survey", ()) == (mail.outcome, mail.kind, mail.numbers)


def test_of_a_stranger_s_mail_its_sender_s_own_name_is_told() -> None:
    (mail,) = _read("other-shops/gmail--banggood-0").mails

    assert (Outcome.NOT_A_SHOP_MAIL, "Banggood") == (mail.outcome, mail.sender)


def test_a_mail_that_is_no_forward_and_has_no_number_tells_nothing() -> None:
    me = Person("Camille Durand", "camille.durand@example.org")

    assert () == parse(Message(sender=me, subject="Bonjour", text="Une question")).mails
