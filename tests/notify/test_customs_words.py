"""What mails say of customs: what is in force on their day, to whom it is due, and no more."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from mailtrack.notify.customs_words import customs_words
from mailtrack.notify.render import Renderer, templates_dir
from mailtrack.notify.samples import sample
from mailtrack.notify.view import NoticeKind

RENDERER = Renderer(templates_dir())
FRENCH_TAX = (
    "la taxe française sur les petits colis (2 € par catégorie d’article, depuis le 1er mars 2026)"
)
EU_DUTY = "le droit de douane européen (3 € par type d’article, depuis le 1er juillet 2026)"
AFTER_THE_DUTY = datetime(2026, 11, 28, 12, tzinfo=UTC)


def text_of(kind: NoticeKind, at: datetime | None = None, shop: str = "aliexpress") -> str:
    view = sample(kind)
    assert view.parcel
    told = replace(view, at=at or view.at, parcel=replace(view.parcel, shop=shop))
    return RENDERER.render(told).text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(2026, 2, 1), "la TVA (20 %, IOSS)"),
        (date(2026, 3, 10), f"la TVA (20 %, IOSS) et {FRENCH_TAX}"),
        (date(2026, 11, 28), f"la TVA (20 %, IOSS), {FRENCH_TAX} et {EU_DUTY}"),
    ],
)
def test_what_the_shop_collects_is_told_with_its_day(day: date, words: str) -> None:
    assert words == customs_words(day).by_shop.replace("\u00a0", " ")


@pytest.mark.parametrize("kind", [NoticeKind.ARRIVED_IN_COUNTRY, NoticeKind.CUSTOMS_HELD])
def test_a_mail_speaks_of_the_rules_of_its_own_day(kind: NoticeKind) -> None:
    before, after = text_of(kind), text_of(kind, AFTER_THE_DUTY)

    assert "2 € par catégorie d’article" in before
    assert "3 € par type d’article" not in before
    assert "3 € par type d’article, depuis le 1er juillet 2026" in after


def test_who_is_asked_to_pay_twice_is_told_what_to_send_and_where_to_pay() -> None:
    text = text_of(NoticeKind.CUSTOMS_HELD)

    for words in (
        "le prix payé à AliExpress comprend en principe déjà la TVA",
        "la preuve de paiement, que vous trouverez dans « Mes commandes »",
        "À La Poste, payer en ligne avant la livraison coûte moins cher qu’à la porte",
        "d’un entrepôt de l’Union européenne",
        "Ne payez que sur le site du transporteur",
    ):
        assert words in text


def test_nothing_is_promised_in_the_name_of_a_shop_that_we_know_nothing_of() -> None:
    text = text_of(NoticeKind.CUSTOMS_HELD, shop="shein")

    assert "le prix payé comprend souvent déjà la TVA" in text
    assert "AliExpress" not in text
