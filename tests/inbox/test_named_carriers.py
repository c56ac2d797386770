"""Where a mail says whose number it is, nobody else is asked about it who has numbers like it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from mailtrack.carriers.fake import FakeCarrier
from mailtrack.clock import FakeClock
from mailtrack.inbox.intake import Reader
from mailtrack.runtime.services import Services
from mailtrack.store import personal_data, subscription_details
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from tests.inbox.forwards import ANA, MALLORY, forwarded, typed

Rows = Callable[..., list[Mapping[str, Any]]]
Receive = Callable[..., Mapping[str, Any]]

#: Colis Privé's, that GLS, FedEx and Mondial Relay have, too; no check digit says whose it is.
NUMBER = "123456789014"
ALIKE = ("gls", "fedex", "mondialrelay")
COLISPRIVE = "ne-pas-repondre@notification.colisprive.com"


def _by_its_mail(address: str = ANA, number: str = NUMBER) -> bytes:
    return forwarded(address, COLISPRIVE, "Votre colis est en route", f"N° de colis : {number}")


def _by_shop(address: str = ANA, number: str = NUMBER) -> bytes:
    """The shop's mail names no carrier."""
    page = f"https://www.aliexpress.com/p/tracking/index.html?trackingNumber={number}"
    return forwarded(
        address, "transaction@notice.aliexpress.com", f"Package {number} has an update", page
    )


def _by_link(address: str = ANA, number: str = NUMBER) -> bytes:
    return typed(address, f"https://www.colisprive.com/moncolis/?numColis={number}")


def _by_name(address: str = ANA, number: str = NUMBER) -> bytes:
    return typed(address, f"Colis Privé {number}")


@pytest.fixture
def on() -> list[str]:
    """The carriers that are on; a test may change them."""
    return [*ALIKE, "laposte"]


@pytest.fixture
def reader(services: Services, on: list[str]) -> Reader:
    return replace(services.reader(), carriers=on)


@pytest.fixture
def carriers() -> dict[str, FakeCarrier]:
    return {code: FakeCarrier(code) for code in (*ALIKE, "17track")}


@pytest.fixture
def asked(rows: Rows) -> Callable[[], set[str]]:
    """Tell which carriers are asked about the parcel."""
    return lambda: {leg["carrier"] for leg in rows(t.leg) if leg["next_poll_at"] is not None}


@pytest.mark.parametrize("mail", [_by_its_mail, _by_link, _by_name])
def test_nobody_is_asked_whose_numbers_only_look_alike_and_the_page_is_the_carrier_s(
    mail: Callable[[], bytes],
    receive: Receive,
    rows: Rows,
    store: Store,
    services: Services,
) -> None:
    assert "tracked" == receive(mail())["outcome"]

    assert [] == rows(t.leg)
    (mine,) = rows(t.subscription)
    with store.read() as connection:
        details = subscription_details.read(connection, [mine["id"]])[mine["id"]]
        told = personal_data.everything_about_subscriber(
            connection, mine["subscriber_id"], services.addresses.of
        )
    view = services.views.parcel(details)
    assert view is not None
    assert ("Colis Privé", "https://colisprive.com/", False) == (
        view.carrier,
        view.carrier_page,
        view.asked,
    )
    assert {NUMBER: "colisprive"} == told["parcels"][0]["carriers_named"]


@pytest.mark.parametrize("fallback", ["17track", "aftership"])
def test_a_service_that_knows_all_carriers_is_asked_in_place_of_the_one_that_is_named(
    receive: Receive, on: list[str], asked: Callable[[], set[str]], fallback: str
) -> None:
    on.append(fallback)
    receive(_by_its_mail())

    assert {fallback} == asked()


def test_a_number_whose_own_form_names_its_carrier_is_asked_there_whoever_wrote_of_it(
    receive: Receive, asked: Callable[[], set[str]]
) -> None:
    receive(forwarded(ANA, COLISPRIVE, "Votre colis est en route", "N° de colis : 6A12345678905"))

    assert {"laposte"} == asked()


@pytest.mark.parametrize("first", [ANA, MALLORY])
def test_a_name_that_a_stranger_s_mail_gives_keeps_nobody_from_asking(
    receive: Receive, on: list[str], asked: Callable[[], set[str]], first: str
) -> None:
    on.append("colisprive")
    mails = {ANA: typed(ANA, f"GLS {NUMBER}"), MALLORY: _by_its_mail(MALLORY)}
    receive(mails.pop(first))
    receive(*mails.values())

    assert {"gls", "colisprive"} == asked()


def test_a_follower_whose_mail_names_nobody_has_those_asked_that_the_form_says(
    receive: Receive, asked: Callable[[], set[str]]
) -> None:
    receive(_by_its_mail())
    assert set() == asked()

    receive(_by_shop("bruno@example.org"))
    assert asked() & set(ALIKE)


def test_nobody_hears_that_another_carrier_does_not_know_it_than_the_one_that_their_mail_names(
    receive: Receive, clock: FakeClock, poll: Callable[..., int], rows: Rows
) -> None:
    """Who follows it without a name has the others asked, and hears of them alone."""
    receive(_by_its_mail())
    receive(_by_shop(MALLORY))
    for _ in range(2):
        for code in ALIKE:
            poll(code)
        clock.advance(hours=73)

    people = {row["id"]: row["address"] for row in rows(t.subscriber)}
    told = [people[row["subscriber_id"]] for row in rows(t.notice, kind="not_found")]
    assert [MALLORY] == told


def test_a_wrong_guess_from_before_is_asked_no_more_once_a_mail_says_whose_it_is(
    receive: Receive, asked: Callable[[], set[str]]
) -> None:
    receive(_by_shop())
    assert asked() & set(ALIKE)

    receive(_by_its_mail())
    assert set() == asked()


def test_the_carrier_that_is_named_and_does_not_know_it_yet_leads_to_no_guess(
    receive: Receive, clock: FakeClock, poll: Callable[..., int], asked: Callable[[], set[str]]
) -> None:
    receive(typed(ANA, f"GLS {NUMBER}"))
    poll("gls")
    assert {"gls"} == asked()

    clock.advance(hours=72)
    poll("gls")
    assert {"gls", "17track"} == asked()
