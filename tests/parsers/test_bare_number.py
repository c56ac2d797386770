"""Numbers that a person typed."""

import pytest

from mailtrack.domain.model import Outcome
from mailtrack.parsers import parse
from mailtrack.parsers.bare_number import MAX_NUMBERS, numbers_in
from mailtrack.parsers.doubtful import MOST_ASKED
from mailtrack.parsers.message import Message
from mailtrack.parsers.reading import Doubt, Person, Reading

ME = Person("Camille Durand", "camille.durand@example.org")
NUMBER = "LP00827165784034"


def _read(subject: str, text: str, sender: Person = ME) -> Reading:
    return parse(Message(sender=sender, subject=subject, text=text))


def _numbers(reading: Reading) -> list[str]:
    return [parcel.number for parcel in reading.parcels]


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("", NUMBER),
        (NUMBER, ""),
        (f"Suivi {NUMBER}", "Bonjour, merci de suivre ce colis.\n\nCamille"),
        ("colis", "lp00827165784034"),
        ("colis", "LP 0082 7165 7840 34"),
        ("colis", "LP-0082-7165-7840-34."),
        ("colis", f"Bonjour, pouvez-vous suivre mon colis n°{NUMBER} ? Merci !"),
        ("colis", "Numéro de suivi\u00a0: LP\u00a00082\u00a07165\u00a07840\u00a034"),
        ("colis", f"\u202e{NUMBER}\u202c"),
    ],
)
def test_a_number_is_read_with_words_and_without(subject: str, text: str) -> None:
    reading = _read(subject, text)

    assert (Outcome.TRACKED, "number", None) == (reading.outcome, reading.kind, reading.shop)
    assert [NUMBER] == _numbers(reading)


def test_a_reply_gives_the_number_that_it_adds_and_not_the_quoted_one() -> None:
    reading = _read(
        "Re: Suivi enregistré",
        f"Et aussi {NUMBER}\n\nLe lun. 2 mars 2026 à 09:31, mailtrack <suivi@example.net>\n"
        "a écrit :\n\n> Votre colis RF622875135CN est suivi.\n",
    )

    assert [NUMBER] == _numbers(reading)


def test_the_subject_above_a_reply_is_not_the_writer_s() -> None:
    assert [] == _numbers(_read(f"Re: Colis {NUMBER} : livré", "Merci !"))


def test_look_alike_letters_are_corrected_where_the_check_digit_proves_it() -> None:
    assert ["6A15602676300"] == _numbers(_read("", "6A156O2676300"))
    assert ["RF622875135CN"] == _numbers(_read("", "RF622875I35CN"))
    assert [] == _numbers(_read("", "LPOO827165784034"))


@pytest.mark.parametrize(
    "text",
    [
        "SIRET 732 829 320 00074",
        "FR76 3000 6000 0112 3456 7890 189",
        "NO93 8601 1117 947",
        "N° de TVA FR40303265045",
        "06 39 98 12 34",
        "4970 1012 3456 7890",
        "Facture FA2026031512345",
        "S202603151234",
        "1005007654726169",
        "commande 3074309624382839",
        "315193141453520012",
        "VF1RFA00012345678",
        "https://example.org/p/LP00827165784034x",
    ],
)
def test_other_digits_are_no_number(text: str) -> None:
    assert [] == numbers_in(text)
    assert Outcome.NOT_A_SHOP_MAIL is _read("Pour info", text).outcome


def test_a_machine_that_writes_a_number_is_no_person() -> None:
    shop = Person("Boutique", "no-reply@boutique.example")

    assert Outcome.NOT_A_SHOP_MAIL is _read("", NUMBER, shop).outcome


def test_nobody_types_a_thousand_numbers() -> None:
    text = "\n".join(f"LP{n:014}" for n in range(100))

    assert MAX_NUMBERS == len(_numbers(_read("", text)))


@pytest.mark.parametrize(
    ("text", "number", "carrier"),
    [
        ("Mondial Relay 37712345", "37712345", "mondialrelay"),
        ("Bonjour, mon colis privé 510 000 111 222 merci", "510000111222", "colisprive"),
        ("numéro de suivi GLS : 00ABCDEF", "00ABCDEF", "gls"),
        ("Mondial Relay, colis n° 37712345 svp", "37712345", "mondialrelay"),
        ("MONDIAL RELAY : mon numéro de suivi est le 37712345", "37712345", "mondialrelay"),
        ("mon colis n° 37712345 chez Mondial Relay", "37712345", "mondialrelay"),
        ("Vinted Go n°1735689600123456", "1735689600123456", "vintedgo"),
        ("Vinted 1735689600123456", "1735689600123456", "vintedgo"),
        ("Chrono Shop2Shop 41234567890123", "41234567890123", "chronopost"),
        ("AliExpress ED003249581", "ED003249581", "cainiao"),
        ("Cainiao 63590000017347601815002", "63590000017347601815002", "cainiao"),
        (
            "https://www.mondialrelay.fr/suivi-de-colis?numeroExpedition=37712345",
            "37712345",
            "mondialrelay",
        ),
        ("https://trace.dpd.fr/fr/trace/25012345678901", "25012345678901", "dpd"),
    ],
)
def test_a_carrier_s_name_or_link_makes_its_number_certain(
    text: str, number: str, carrier: str
) -> None:
    (parcel,) = _read("colis", text).parcels

    assert (number, carrier) == (parcel.number, parcel.carriers[0].carrier)


@pytest.mark.parametrize(
    "text",
    ["37712345", "mon colis 510 000 111 222", "GLS : demain", "00ABCDEF"],
)
def test_digits_without_a_word_are_no_number(text: str) -> None:
    assert () == _read("colis", text).parcels


@pytest.mark.parametrize(
    "text",
    [
        "Mondial Relay, ma commande 12345678",
        "GLS m'appelle au +33639981234",
        "GLS : +33639981234",
        "DHL 0639981234",
        "Mondial Relay le 12 03 2026",
        "ma commande 12345678, Mondial Relay",
        "Mondial Relay m'a écrit le 12 mars, client 12345678",
        "FedEx, code postal 75011, facture 123456789012",
    ],
)
def test_a_number_of_something_else_beside_a_carrier_s_name_is_no_parcel(text: str) -> None:
    assert () == _read("colis", text).parcels


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("RF622875136CN", "RF622875136CN"),
        ("mon colis : la 123 456 784 fr", "LA123456784FR"),
        ("Colissimo 6A15602676301, merci", "6A15602676301"),
        ("1Z 5R8 939 03 5756 7128", None),
        ("1Z5R89390357567128", "1Z5R89390357567128"),
    ],
)
def test_a_miscopied_number_is_asked_about_and_not_followed(text: str, number: str | None) -> None:
    reading = _read("colis", text)

    assert () == reading.parcels
    assert [(number, Doubt.CHECK_DIGIT)] * bool(number) == [
        (doubtful.number, doubtful.why) for doubtful in reading.doubtful
    ]
    assert (Outcome.NOTHING_FOUND if number else Outcome.NOT_A_SHOP_MAIL) is reading.outcome


def test_beside_a_right_number_the_miscopied_one_is_asked_about() -> None:
    reading = _read("colis", f"{NUMBER}\n6A15602676301")

    assert (Outcome.TRACKED, [NUMBER]) == (reading.outcome, _numbers(reading))
    assert ["6A15602676301"] == [doubtful.number for doubtful in reading.doubtful]


def test_one_answer_asks_about_a_few_numbers_alone() -> None:
    text = "\n".join(f"6A1560267630{n}" for n in range(1, 10))

    assert MOST_ASKED == len(_read("colis", text).doubtful)


def test_a_stop_names_a_miscopied_number_that_was_followed_after_all() -> None:
    reading = _read("STOP 6A15602676301", "")

    assert (Outcome.COMMAND, ["6A15602676301"]) == (reading.outcome, _numbers(reading))
