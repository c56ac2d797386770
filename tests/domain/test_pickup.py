"""Two sources of one pick-up complete each other; two pick-ups are not mixed."""

from datetime import date

import pytest

from mailtrack.domain.model import PickupPoint
from mailtrack.domain.pickup import completed

DAY = date(2026, 3, 14)


@pytest.mark.parametrize(
    ("told", "other", "both"),
    [
        (
            PickupPoint("TABAC DE LA GARE"),
            PickupPoint("Tabac de la Gare", "Lyon", DAY, "4821"),
            PickupPoint("TABAC DE LA GARE", "Lyon", DAY, "4821"),
        ),
        (
            PickupPoint("RELAIS TABAC DE L’ÉGLISE", last_day=DAY),
            PickupPoint("Tabac de l'Eglise", code="4821"),
            PickupPoint("RELAIS TABAC DE L’ÉGLISE", "", DAY, "4821"),
        ),
        (
            PickupPoint("TABAC"),
            PickupPoint("", code="4821"),
            PickupPoint("TABAC", code="4821"),
        ),
        (
            PickupPoint("", last_day=DAY),
            PickupPoint("TABAC", "Lyon", DAY, "4821"),
            PickupPoint("TABAC", "Lyon", DAY, "4821"),
        ),
        (PickupPoint("TABAC"), None, PickupPoint("TABAC")),
    ],
)
def test_what_only_one_source_tells_is_added(
    told: PickupPoint, other: PickupPoint | None, both: PickupPoint
) -> None:
    assert both == completed(told, other)


@pytest.mark.parametrize(
    "other",
    [
        PickupPoint("ÉPICERIE DES ARTS", "Lyon", code="4821"),
        PickupPoint("TAB", "Lyon", code="4821"),
        PickupPoint("TABAC", "Lyon", date(2026, 3, 15), "4821"),
    ],
)
def test_nothing_is_added_of_another_place_or_stay(other: PickupPoint) -> None:
    told = PickupPoint("TABAC", last_day=DAY)

    assert told == completed(told, other)
