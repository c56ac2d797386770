"""What subscribers are shown of a parcel: who has it now, and where they can look themselves."""

from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import delete, update

from mailtrack.domain.model import PickupPoint, PollState
from mailtrack.runtime.services import Services
from mailtrack.store import schema as t
from mailtrack.store import subscription_details, subscriptions
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription

Follow = Callable[..., Subscription]


@pytest.fixture
def shown(services: Services, store: Store, follow: Follow) -> Callable[..., tuple[str, str]]:
    """Follow a number at Cainiao; tell which carrier and page its subscriber reads."""

    def make(number: str, state: str, local_number: str | None = None) -> tuple[str, str]:
        mine = follow(number)
        with store.write() as connection:
            connection.execute(update(t.leg).values(state=state))
            connection.execute(update(t.parcel).values(local_number=local_number))
            view = services.views.parcel(subscription_details.read(connection, [mine.id])[mine.id])
        assert view is not None
        return view.carrier, view.carrier_page

    return make


def test_a_number_that_nobody_is_asked_about_is_shown_as_such(
    services: Services, store: Store, follow: Follow
) -> None:
    mine = follow("1Z999AA10123456784")

    def result() -> tuple[bool, str]:
        with store.read() as connection:
            view = services.views.parcel(subscription_details.read(connection, [mine.id])[mine.id])
        assert view is not None
        return view.asked, view.carrier

    asked = result()
    with store.write() as connection:
        connection.execute(delete(t.leg))

    assert ((True, "Cainiao"), (False, "UPS")) == (asked, result())


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"state": PollState.NOT_FOUND, "last_error": "not_read"}, ("not_read", "Cainiao")),
        ({"state": PollState.NOT_FOUND, "last_error": ""}, ("", "")),
        ({"state": PollState.FOUND, "last_error": "not_read"}, ("", "")),
        ({"state": PollState.NOT_FOUND, "last_error": "No answer", "failures": 2}, ("", "")),
    ],
)
def test_why_a_number_is_unknown_is_shown_and_no_failure_of_ours(
    services: Services,
    store: Store,
    follow: Follow,
    columns: dict[str, object],
    told: tuple[str, str],
) -> None:
    mine = follow("LP00123456789012")
    with store.write() as connection:
        connection.execute(update(t.leg).values(columns))
        view = services.views.parcel(subscription_details.read(connection, [mine.id])[mine.id])

    assert view is not None
    assert told == (view.hint, view.hint_by)


@pytest.mark.parametrize("state", ["", PollState.NOT_FOUND])
def test_a_number_whose_carrier_cannot_be_asked_leads_to_that_carrier(
    shown: Callable[..., tuple[str, str]], state: str
) -> None:
    assert ("Relais Colis", "https://www.relaiscolis.com/suivi-de-colis/") == shown(
        "VD1234567890", state
    )


def test_the_local_carrier_is_shown_although_it_cannot_be_asked(
    shown: Callable[..., tuple[str, str]],
) -> None:
    told = shown("LP00123456789012", PollState.FOUND, "250012345678901")

    assert ("DPD France", "https://trace.dpd.fr/fr/trace/250012345678901") == told


def test_who_knows_a_number_is_shown_whatever_it_looks_like(
    shown: Callable[..., tuple[str, str]],
) -> None:
    assert "Cainiao" == shown("VD1234567890", PollState.FOUND)[0]


DAY = date(2026, 3, 14)


@pytest.mark.parametrize(
    ("by_carrier", "by_mail", "shown"),
    [
        (
            None,
            PickupPoint("TABAC", "Lyon", DAY, "4821"),
            PickupPoint("TABAC", "Lyon", DAY, "4821"),
        ),
        (PickupPoint("TABAC"), None, PickupPoint("TABAC")),
        (
            PickupPoint("Tabac", last_day=DAY),
            PickupPoint("TABAC", code="4821"),
            PickupPoint("Tabac", "", DAY, "4821"),
        ),
        (
            PickupPoint("Bureau de poste", "Lyon"),
            PickupPoint("TABAC", "Paris", DAY, "4821"),
            PickupPoint("Bureau de poste", "Lyon"),
        ),
    ],
)
def test_a_carrier_s_pickup_point_goes_before_a_mail_s_which_completes_it(
    by_carrier: PickupPoint | None,
    by_mail: PickupPoint | None,
    shown: PickupPoint,
    services: Services,
    store: Store,
    follow: Follow,
) -> None:
    mine = follow()
    assert mine.parcel is not None
    with store.write() as connection:
        if by_carrier:
            told = {"name": by_carrier.name, "address": by_carrier.address}
            values = {f"pickup_{key}": value for key, value in told.items()}
            connection.execute(
                update(t.parcel).values(**values, pickup_last_day=by_carrier.last_day)
            )
        if by_mail:
            subscriptions.note_pickup(connection, mine.id, by_mail)
        view = services.views.parcel(subscription_details.read(connection, [mine.id])[mine.id])

    assert view is not None
    assert shown == view.pickup_point


@pytest.mark.parametrize(
    ("by_carrier", "slot"), [(None, True), (DAY, True), (date(2026, 3, 15), False)]
)
def test_the_hours_of_a_mail_are_shown_with_their_own_day_alone(
    by_carrier: date | None, slot: bool, services: Services, store: Store, follow: Follow
) -> None:
    mine = follow()
    with store.write() as connection:
        subscriptions.expect(connection, mine.id, DAY, "colissimo", "11:15-15:15")
        connection.execute(update(t.parcel).values(estimated_delivery=by_carrier))
        details = subscription_details.read(connection, [mine.id])[mine.id]
        view = services.views.parcel_of(connection, details, services.clock.now())

    assert view is not None
    assert view.expected is not None
    assert view.expected.named is not None
    assert (by_carrier or DAY, "11:15-15:15" if slot else "") == (
        view.expected.named.day,
        view.expected.named.slot,
    )
