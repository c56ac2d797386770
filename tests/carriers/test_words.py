"""Telling words: what a text says, in whichever language."""

import pytest

from mailtrack.carriers.texts import comparable
from mailtrack.carriers.vocabulary import (
    Combination,
    classify,
    expressions,
    read_table,
    words_of,
)
from mailtrack.domain.milestones import STAGES, Milestone, Phase
from mailtrack.domain.model import Reason


@pytest.mark.parametrize(
    "text",
    [
        "Returned to the sender",
        "Le colis est livré à l’expéditeur",
        "Dem Absender zugestellt",
        "Devuelto al remitente",
        "Zwrócono nadawcy",
        "退件已签收",
    ],
)
def test_a_word_is_found_in_every_language(text: str) -> None:
    assert "came_back" in words_of(comparable(text))


def test_a_combination_needs_its_words_and_bars_others() -> None:
    combination = Combination.parse("&ready undelivered -later")

    assert combination.holds(comparable("Not delivered, ready for pickup"))
    assert not combination.holds(comparable("Ready for pickup"))
    assert not combination.holds(comparable("Not delivered, ready for pickup tomorrow"))


@pytest.mark.parametrize("text", ["&", "&-later", "&ready nonsense", "&ready -nonsense"])
def test_a_combination_of_unknown_words_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"words\.tsv"):
        Combination.parse(text)


def test_every_word_is_of_use_to_a_row() -> None:
    cells = [row["text"] for name in ("any", "laposte", "reasons") for row in read_table(name)]
    used = {name.strip("&-") for cell in cells if cell.startswith("&") for name in cell.split()}

    assert set() == expressions().keys() - used


def test_what_words_mean_reaches_every_milestone_of_a_parcel() -> None:
    road = {m for m, stage in STAGES.items() if stage.phase not in (Phase.ORDER, Phase.NONE)}
    of_orders_only = {Milestone.ORDER_UNFULFILLABLE, Milestone.REFUNDED, Milestone.ABANDONED}
    reached = {row["milestone"] for row in read_table("any")}

    assert road - of_orders_only <= reached


def test_what_stands_far_behind_in_a_text_is_not_read() -> None:
    assert Milestone.UNKNOWN == classify("any", "", "x " * 1000 + "delivered").milestone


@pytest.mark.parametrize(
    ("text", "milestone", "reason"),
    [
        ("Livraison impossible : adresse incorrecte", "delivery_failed", "bad_address"),
        ("Delivery failed: wrong address", "delivery_failed", "bad_address"),
        ("Nicht zugestellt, Adresse falsch", "delivery_failed", "bad_address"),
        ("Entrega fallida: dirección incorrecta", "delivery_failed", "bad_address"),
        ("Nie doręczono: błędny adres", "delivery_failed", "bad_address"),
        ("投递失败：地址不详", "delivery_failed", "bad_address"),
        ("Destinataire absent", "delivery_failed", "absent"),
        ("Delivery failed: recipient absent", "delivery_failed", "absent"),
        ("Zustellversuch: niemand zu Hause", "delivery_failed", "absent"),
        ("Intento de entrega: ausente", "delivery_failed", "absent"),
        ("Nie doręczono: adresat nieobecny", "delivery_failed", "absent"),
        ("投递失败：收件人不在", "delivery_failed", "absent"),
        ("Non réclamé, retour à l’expéditeur", "returning", "unclaimed"),
        ("Unclaimed, returning to sender", "returning", "unclaimed"),
        ("Nicht abgeholt, Rücksendung", "returning", "unclaimed"),
        ("En devolución por no reclamado", "returning", "unclaimed"),
        ("Nie odebrano w terminie, zwrot do nadawcy", "returning", "unclaimed"),
        ("逾期未取，退回中", "returning", "unclaimed"),
        ("Refusé par la douane, retour à l’expéditeur", "returning", "customs"),
        ("Refused by customs, returning to sender", "returning", "customs"),
        ("Vom Zoll verweigert, Rücksendung", "returning", "customs"),
        ("En devolución por la aduana", "returning", "customs"),
        ("Zwrot do nadawcy przez urząd celny", "returning", "customs"),
        ("海关退运", "returning", "customs"),
        ("Refus du destinataire, retour à l’expéditeur", "returning", "refused"),
        ("Refused by recipient, returning to sender", "returning", "refused"),
        ("Annahme verweigert, Rücksendung", "returning", "refused"),
        ("Rehusado, en devolución", "returning", "refused"),
        ("Odmowa przyjęcia, zwrot do nadawcy", "returning", "refused"),
        ("收件人拒收，退回中", "returning", "refused"),
        ("Colis perdu", "exception", "lost"),
        ("Parcel lost", "exception", "lost"),
        ("Die Sendung ist verloren gegangen", "exception", "lost"),
        ("Envío extraviado", "exception", "lost"),
        ("Przesyłka zaginęła", "exception", "lost"),
        ("邮件丢失", "exception", "lost"),
        ("Colis endommagé", "exception", "damaged"),
        ("Parcel damaged", "exception", "damaged"),
        ("Die Sendung ist beschädigt", "exception", "damaged"),
        ("Envío dañado", "exception", "damaged"),
        ("Przesyłka uszkodzona", "exception", "damaged"),
        ("邮件破损", "exception", "damaged"),
    ],
)
def test_a_trouble_carries_its_reason_in_every_language(
    text: str, milestone: str, reason: str
) -> None:
    means = classify("any", "", text)

    assert (Milestone(milestone), Reason(reason)) == (means.milestone, means.reason)


@pytest.mark.parametrize(
    ("text", "milestone"),
    [
        ("Not delivered yet", Milestone.LOCAL_TRANSIT),
        ("Will be delivered tomorrow", Milestone.LOCAL_TRANSIT),
        ("Will not be delivered today", Milestone.DELIVERY_FAILED),
        ("Votre colis ne sera pas livré aujourd’hui", Milestone.DELIVERY_FAILED),
        ("Livraison non réalisée", Milestone.DELIVERY_FAILED),
        ("Delivered to our warehouse", Milestone.IN_TRANSIT),
        ("Livré à l’agence", Milestone.IN_TRANSIT),
        ("送达机场", Milestone.IN_TRANSIT),
        ("Shipment Delivered to USPS, Package Acceptance Pending", Milestone.LOCAL_TRANSIT),
        ("Out for delivery to UPS Access Point", Milestone.LOCAL_TRANSIT),
        ("Sera livré au point relais", Milestone.LOCAL_TRANSIT),
        ("Przesyłka zostanie doręczona jutro", Milestone.LOCAL_TRANSIT),
        ("Signature fail", Milestone.DELIVERY_FAILED),
        ("Saturday Delivery Confirmed", Milestone.UNKNOWN),
        ("Delivery photo available", Milestone.UNKNOWN),
    ],
)
def test_nothing_is_called_delivered_that_the_addressee_does_not_have(
    text: str, milestone: Milestone
) -> None:
    assert milestone == classify("any", "", text).milestone
