"""What a calendar says of a parcel: the days of its page, each in a line that stands by itself."""

from dataclasses import replace
from datetime import UTC, date, datetime

from mailtrack.domain.calendar_events import CalendarEntry, CalendarEventKind
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PickupPoint
from mailtrack.domain.pickup_times import UsualHold
from mailtrack.notify.calendar_words import calendar_entries
from mailtrack.notify.expectation import Expectation, ExpectedDay
from mailtrack.notify.view import OrderView, ParcelView

TODAY = date(2026, 3, 2)
LAMP = ParcelView(
    number="LP00123456789012",
    name="Lampe",
    carrier="La Poste",
    carrier_page="",
    milestone=Milestone.LOCAL_TRANSIT,
    milestone_at=datetime(2026, 3, 1, 8, tzinfo=UTC),
    events=(),
    local_number="6A15602676301",
)
HERE = PickupPoint("Tabac des Lilas", "12 rue de l’Exemple, 69003 Lyon", code="4711")


def _by_kind(shown: ParcelView | OrderView) -> dict[CalendarEventKind, CalendarEntry]:
    return {entry.kind: entry for entry in calendar_entries(shown, TODAY)}


def test_a_parcel_of_which_no_day_is_known_has_none() -> None:
    assert {} == _by_kind(LAMP)


def test_the_day_that_a_shop_or_a_carrier_names_is_one_day() -> None:
    day = date(2026, 3, 5)
    named = ExpectedDay(day, "Colissimo", "11:15-15:15")
    expected = Expectation(day, day, TODAY, named)
    entry = _by_kind(replace(LAMP, expected=expected))[CalendarEventKind.DELIVERY]

    assert (day, day) == (entry.first, entry.last)
    assert "Livraison prévue\u00a0: Lampe" == entry.title
    assert [
        "Entre\u00a011\u00a0h\u00a015 et\u00a015\u00a0h\u00a015, selon Colissimo.",
        "Colis 6A15602676301, La Poste",
    ] == entry.details.splitlines()


def test_our_own_estimate_is_an_interval_and_called_one() -> None:
    first, last = date(2026, 3, 5), date(2026, 3, 9)
    entry = _by_kind(replace(LAMP, expected=Expectation(first, last, TODAY)))[
        CalendarEventKind.DELIVERY
    ]

    assert (first, last) == (entry.first, entry.last)
    assert "Livraison estimée\u00a0: Lampe" == entry.title
    assert entry.details.startswith("8\u00a0colis\u00a0sur\u00a010 arrivent")


def test_the_last_day_at_a_pickup_point_says_where_and_not_with_which_code() -> None:
    waiting = replace(LAMP, milestone=Milestone.PICKUP_AVAILABLE)
    told = replace(waiting, pickup_point=replace(HERE, last_day=date(2026, 3, 9)))
    usual = replace(waiting, pickup_point=HERE, usual_hold=UsualHold(date(2026, 3, 1), 8))

    for shown, how in ((told, "Annoncé pour ce colis."), (usual, "En général, 8")):
        entry = _by_kind(shown)[CalendarEventKind.PICKUP]
        assert date(2026, 3, 9) == entry.first == entry.last
        assert "Dernier jour de retrait\u00a0: Lampe" == entry.title
        assert "Tabac des Lilas, 12 rue de l’Exemple, 69003 Lyon" == entry.place
        assert entry.details.startswith(how)
        assert "4711" not in repr(entry)


def test_an_order_has_the_end_of_its_protection_and_the_last_day_for_a_dispute() -> None:
    order = OrderView("3054169918880001", "aliexpress", ordered_on=date(2026, 3, 1))
    found = _by_kind(order)

    assert {CalendarEventKind.PROTECTION, CalendarEventKind.DISPUTE} == found.keys()
    protection = found[CalendarEventKind.PROTECTION]
    assert date(2026, 4, 30) == protection.first
    assert "Fin de la protection\u00a0: commande 3054169918880001" == protection.title
    assert protection.details.startswith("60\u00a0jours après la commande du 1er\u00a0mars")
