"""What carriers' mails say of a pick-up and of the day; what is not certain is left out."""

from datetime import date

import pytest

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PickupPoint
from mailtrack.parsers.mail_details import MailDetails, read_details

#: A Monday.
SENT = date(2025, 12, 8)


def pickup(
    *lines: str,
    sender: str = "pickup",
    milestone: Milestone = Milestone.PICKUP_AVAILABLE,
    subject: str = "",
    sent: date | None = SENT,
) -> PickupPoint | None:
    return read_details(sender, milestone, subject, lines, sent).pickup


def expected(
    line: str, milestone: Milestone = Milestone.IN_TRANSIT, sent: date | None = SENT
) -> tuple[date | None, str]:
    told = read_details("colissimo", milestone, "", [line], sent)
    return told.expected_on, told.slot


@pytest.mark.parametrize(
    ("said", "last_day"),
    [
        ("disponible jusqu'au samedi 20 décembre 2025 inclus", date(2025, 12, 20)),
        ("Il vous attend jusqu’au 20 décembre.", date(2025, 12, 20)),
        ("Vous avez jusqu'au 20 décembre inclus pour le retirer", date(2025, 12, 20)),
        ("Votre colis est conservé jusqu'au 2 janvier", date(2026, 1, 2)),
        ("Veuillez retirer votre colis au plus tard le 12/12/2025", date(2025, 12, 12)),
        ("À retirer avant le 14/12/2025", date(2025, 12, 14)),
        ("Si vous ne le retirez pas avant le 14/12/2025, il repart.", date(2025, 12, 14)),
        ("Date limite de retrait : 14/12/2025", date(2025, 12, 14)),
        ("Disponible jusqu'au 20/12, il sera ensuite retourné.", date(2025, 12, 20)),
        ("Disponible jusqu'au :\n\nsamedi 20 décembre 2025", date(2025, 12, 20)),
        ("jusqu'au 30 décembre", date(2025, 12, 30)),
        ("disponible jusqu'au vendredi 20 décembre 2025", None),  # a Saturday
        ("sera disponible le 18/12", None),
        ("Il ne sera pas disponible avant le 12/12/2025", None),
        ("Vous ne pourrez pas retirer votre colis avant le 12/12/2025", None),
        ("Offre valable jusqu'au 31 décembre", None),
        ("Profitez de nos offres en venant retirer votre colis jusqu'au 31 décembre", None),
        ("Votre relais est ouvert jusqu'au 24 décembre", None),
        ("Choisissez une autre date de retrait jusqu'au 12/12/2025", None),
        ("disponible jusqu'au 20 décembre, ou à retirer avant le 21/12", None),
        ("Une surprise vous attend jusqu'au 31 décembre", None),
        ("Nos coffrets sont disponibles jusqu'au 31 décembre", None),
        ("À retirer avant demain", None),
        ("FAITES VITE, DANS 5 JOURS votre colis repart", None),
    ],
)
def test_the_last_day_is_read_where_it_is_that_of_the_parcel(
    said: str, last_day: date | None
) -> None:
    found = pickup(*said.splitlines())

    assert last_day == (found.last_day if found else None)


def test_a_day_in_full_goes_before_one_that_is_completed() -> None:
    found = pickup("disponible jusqu'au 20 décembre", subject="À retirer avant le 21/12/2025")

    assert found
    assert date(2025, 12, 21) == found.last_day


def test_a_day_without_a_year_is_none_in_a_mail_whose_own_day_is_unknown() -> None:
    assert pickup("disponible jusqu'au 20 décembre", sent=None) is None


@pytest.mark.parametrize(
    ("sender", "last_day"), [("vintedgo", date(2025, 12, 10)), ("ups", None), ("dhl", None)]
)
def test_english_puts_the_month_first_where_that_is_known(
    sender: str, last_day: date | None
) -> None:
    found = pickup("Collect your parcel before 12/10/2025", sender=sender)

    assert last_day == (found.last_day if found else None)


LYON = "12 rue de l’Exemple, 69003 Lyon"


@pytest.mark.parametrize(
    ("lines", "name", "address"),
    [
        (["Il est disponible à TABAC DU PORT jusqu'au 20/12/2025"], "TABAC DU PORT", ""),
        (
            ["Il vous attend dans votre Point Relais® TABAC DU PORT jusqu'au 20/12/2025"],
            "TABAC DU PORT",
            "",
        ),
        (["Point Relais® :", "TABAC DU PORT", *LYON.split(", ")], "TABAC DU PORT", LYON),
        (["Il est disponible à TABAC DU", "PORT jusqu'au 20/12/2025"], "TABAC DU PORT", ""),
        (
            [f"Il est disponible chez Épicerie du Port, {LYON} jusqu'au 20/12/2025"],
            "Épicerie du Port",
            LYON,
        ),
        (
            [
                "Il est disponible à TABAC DU PORT jusqu'au 20/12/2025",
                "",
                "Tabac du Port",
                *LYON.split(", "),
            ],
            "TABAC DU PORT",
            LYON,
        ),
        (["Point relais : TABAC DU PORT", "", *LYON.split(", ")], "TABAC DU PORT", LYON),
        (["Point relais :", "", "TABAC DU PORT", LYON], "TABAC DU PORT", LYON),
        (["Point relais : TABAC DU PORT"], "TABAC DU PORT", ""),
        ([f"Ton point relais : TABAC DU PORT ({LYON})"], "TABAC DU PORT", LYON),
        (["Votre point de retrait", "TABAC DU PORT", *LYON.split(", ")], "TABAC DU PORT", LYON),
        (
            ["Lieu de retrait :", "LE PORT", "Centre commercial du Port", "13002 MARSEILLE"],
            "LE PORT",
            "Centre commercial du Port, 13002 MARSEILLE",
        ),
    ],
)
def test_the_place_is_read_from_a_sentence_or_below_a_label(
    lines: list[str], name: str, address: str
) -> None:
    found = pickup(*lines)

    assert found
    assert (name, address) == (found.name, found.address)


@pytest.mark.parametrize(
    "lines",
    [
        ["Il est disponible à votre relais Pickup jusqu'au 20/12/2025"],
        ["Il est disponible à partir du 9/12 jusqu'au 20/12/2025"],
        ["Il est disponible à 10h jusqu'au 20/12/2025"],
        ["Point relais : cliquez ici"],
        ["Votre point de retrait", "Voir sur la carte", *LYON.split(", ")],
        ["Votre point de retrait", "TABAC DU PORT", "du lundi au samedi"],
        ["Point relais : TABAC DU PORT", "Point relais : EPICERIE DES ARTS"],
        ["Point relais : 12 rue de l'Exemple"],
        ["Adresse de livraison", "Camille Durand", *LYON.split(", ")],
        ["Point relais : https://relais.example/"],
    ],
)
def test_what_may_be_no_place_or_is_one_of_two_is_none(lines: list[str]) -> None:
    found = pickup(*lines)

    assert "" == (found.name if found else "")


def test_the_address_of_a_home_below_a_place_is_not_taken_for_its_own() -> None:
    found = pickup("Point relais : TABAC DU PORT", "Adresse de livraison", *LYON.split(", "))

    assert PickupPoint("TABAC DU PORT") == found


@pytest.mark.parametrize(
    ("sender", "lines", "code"),
    [
        ("mondialrelay", ["code de retrait 482913"], "482913"),
        ("mondialrelay", ["Votre code de retrait est le 482913."], "482913"),
        ("mondialrelay", ["Code de retrait :", "", "482913"], "482913"),
        ("chronopost", ["Code sécurisé : 482913"], "482913"),
        ("pickup", ["Votre code de retrait : 4821"], "4821"),
        ("vintedgo", ["Pickup code: Q48213"], "Q48213"),
        ("vintedgo", ["Q48213"], "Q48213"),
        ("vintedgo", ["Code de retrait", "Q48213"], "Q48213"),
        ("gls", ["Q48213"], None),
        ("mondialrelay", ["482913"], None),
        ("mondialrelay", ["Code promo 482913"], None),
        ("mondialrelay", ["Code de retrait", "69003 Lyon"], None),
        ("mondialrelay", ["code de retrait 482913", "code de retrait 482914"], None),
        ("mondialrelay", ["Présentez votre code de retrait au relais"], None),
    ],
)
def test_the_code_is_read_behind_its_label_or_where_its_sender_puts_it(
    sender: str, lines: list[str], code: str | None
) -> None:
    found = pickup(*lines, sender=sender)

    assert code == (found.code if found else None)


def test_after_a_failed_delivery_the_next_one_is_expected_where_it_is_promised() -> None:
    failed = "Votre colis n'a pas pu être livré. Il sera présenté demain"

    assert (date(2025, 12, 9), "") == expected(failed, Milestone.DELIVERY_FAILED)


def test_after_a_failed_delivery_a_code_alone_is_none_of_a_pickup() -> None:
    failed = Milestone.DELIVERY_FAILED

    assert pickup("Code sécurisé 482913", milestone=failed) is None
    assert PickupPoint("", "", date(2025, 12, 20), "482913") == pickup(
        "Code sécurisé 482913", "disponible jusqu'au 20/12/2025", milestone=failed
    )


@pytest.mark.parametrize(
    ("said", "day", "slot"),
    [
        (
            "sera livré jeudi 11 décembre entre 11:15 et 15:15",
            date(2025, 12, 11),
            "11:15-15:15",
        ),
        ("sera livré aujourd'hui entre 9h et 11h", SENT, "09:00-11:00"),
        ("sera livré demain, de 9h30 à 11 h", date(2025, 12, 9), "09:30-11:00"),
        ("sera livré chez vous le 12/12 (entre 9 et 13h)", date(2025, 12, 12), "09:00-13:00"),
        ("sera livré le 14.11.2026", date(2026, 11, 14), ""),
        ("le colis est programmé en livraison demain", date(2025, 12, 9), ""),
        ("Livraison du colis prévue aujourd'hui", SENT, ""),
        ("VOTRE LIVRAISON EST PREVUE POUR AUJOURD'HUI", SENT, ""),
        ("Votre colis SEPHORA arrive demain", date(2025, 12, 9), ""),
        ("Date de livraison estimée : 12/12/2025", date(2025, 12, 12), ""),
        ("will be delivered on December 15, 2025", date(2025, 12, 15), ""),
        ("will be delivered tomorrow between 1:00 and 3:00 PM", date(2025, 12, 9), ""),
        ("sera livré demain entre 11h et 9h", date(2025, 12, 9), ""),
        ("sera livré demain entre 25h et 26h", date(2025, 12, 9), ""),
        ("will be delivered on 12/11/2025", None, ""),
        ("sera livré mercredi 11 décembre entre 9h et 11h", None, ""),
        ("sera livré le 9/12 ou le 10/12", None, ""),
        ("sera livré le 9/12 et le 10/12", None, ""),
        ("sera livré au plus tard le 12/12/2025", None, ""),
        ("sera livré bientôt", None, ""),
        ("ne sera livré que demain", None, ""),
        ("La livraison initialement prévue le 11/12 est reportée", None, ""),
        ("La livraison de votre colis prévue aujourd'hui n'a pas pu avoir lieu", None, ""),
        ("sera livré demain. Livraison prévue le 11/12", None, ""),
        ("a été livré le 11/12/2025", None, ""),
    ],
)
def test_the_expected_day_is_read_where_it_is_promised(
    said: str, day: date | None, slot: str
) -> None:
    assert (day, slot) == expected(said)


@pytest.mark.parametrize("said", ["sera livré demain", "sera livré jeudi 11 décembre"])
def test_a_day_in_short_is_none_where_the_day_of_the_mail_is_unknown(said: str) -> None:
    assert (None, "") == expected(said, sent=None)


@pytest.mark.parametrize(
    "milestone",
    [m for m in Milestone if m not in (Milestone.PICKUP_AVAILABLE, Milestone.DELIVERY_FAILED)],
)
def test_a_place_is_told_by_no_mail_but_of_a_parcel_that_waits(milestone: Milestone) -> None:
    assert pickup("disponible à TABAC DU PORT jusqu'au 20/12/2025", milestone=milestone) is None


@pytest.mark.parametrize(
    "milestone",
    [Milestone.PICKUP_AVAILABLE, Milestone.DELIVERED, Milestone.RETURNING, Milestone.CANCELLED],
)
def test_no_day_is_expected_of_what_is_there_or_on_its_way_back(milestone: Milestone) -> None:
    assert (None, "") == expected("sera livré demain", milestone)


def test_a_mail_that_says_nothing_of_it_tells_nothing() -> None:
    assert MailDetails() == read_details("gls", Milestone.IN_TRANSIT, "", [], None)
