"""How long a parcel usually waits: a sourced row, or no word."""

from datetime import date

import pytest

from mailtrack.domain.pickup_times import HOLDING_TIMES, PlaceKind, place_kind, usual_hold

CAME = date(2026, 3, 10)


@pytest.mark.parametrize(
    ("carrier", "words", "last_day"),
    [
        ("laposte", "LA POSTE LYON BELLECOUR", date(2026, 3, 21)),
        ("laposte", "Votre colis vous attend dans votre bureau de poste", date(2026, 3, 21)),
        ("laposte", "LA POSTE RELAIS TABAC DES LILAS", date(2026, 3, 18)),
        ("chronopost", "Consigne Pickup Gare de Lyon", date(2026, 3, 13)),
        ("chronopost", "Tabac des Lilas", date(2026, 3, 18)),
        ("mondialrelay", "Locker Place Carnot", date(2026, 3, 15)),
        ("cainiao", "Tabac des Lilas", None),
        ("mondialrelay", "Bureau de poste de Lyon", None),
    ],
)
def test_the_usual_last_day_depends_on_who_brings_it_and_where_it_waits(
    carrier: str, words: str, last_day: date | None
) -> None:
    hold = usual_hold(carrier, words, CAME)

    assert last_day == (hold and hold.last_day)


def test_every_usual_time_has_a_source_and_is_at_least_long_enough_to_be_recalled() -> None:
    for (_, kind), time in HOLDING_TIMES.items():
        assert time.source
        assert (3 if kind is PlaceKind.LOCKER else 5) <= time.days <= 15


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("", PlaceKind.RELAY),
        ("CASIER AUTOMATIQUE", PlaceKind.LOCKER),
        ("Post Office", PlaceKind.POST_OFFICE),
        ("Épicerie du Poste", PlaceKind.RELAY),
    ],
)
def test_a_place_is_a_shop_unless_its_words_say_otherwise(words: str, kind: PlaceKind) -> None:
    assert kind is place_kind(words)
