"""Chronopost's own SOAP: off until it is switched on, and read with the label."""

from datetime import UTC, datetime

import httpx
import pytest

from mailtrack import carriers
from mailtrack.carriers.chronopost import DECLARATION, Chronopost
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState
from mailtrack.errors import MailtrackError, PermanentError, TransientError
from mailtrack.settings import CarrierSettings, Settings

NUMBER = "XY123456789FR"


def _event(code: str, label: str, date: str = "2026-06-21T19:16:00+02:00", facts: str = "") -> str:
    return (
        f"<events><code>{code}</code><eventDate>{date}</eventDate><eventLabel>{label}</eventLabel>"
        f"<officeLabel>TOURS CHRONOPOST</officeLabel>{facts}</events>"
    )


def _fact(name: str, value: str) -> str:
    return f"<infoCompList><name>{name}</name><value>{value}</value></infoCompList>"


def _ask(events: str, code: str = "0", told: str = NUMBER) -> dict[str, PollResult]:
    inside = (
        f"<errorCode>{code}</errorCode><listEventInfoComp>{events}"
        f"<skybillNumber>{told}</skybillNumber></listEventInfoComp>"
    )
    text = (
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        '<ns2:trackSkybillV2Response xmlns:ns2="http://cxf.tracking.soap.chronopost.fr/">'
        f"<return>{inside}</return></ns2:trackSkybillV2Response></soap:Body></soap:Envelope>"
    )
    clock = FakeClock()
    answer = httpx.Response(200, text=text)
    transport = Transport(clock, wire=lambda: httpx.MockTransport(lambda _: answer))
    return dict(Chronopost(CarrierSettings(), transport, clock).fetch([NUMBER]))


@pytest.mark.parametrize(
    ("own", "why"),
    [
        (CarrierSettings(), "off by default: set MAILTRACK_CARRIERS__CHRONOPOST__ENABLED=true"),
        (
            CarrierSettings(enabled=False, url="https://x.example"),
            "switched off: MAILTRACK_CARRIERS__CHRONOPOST__ENABLED=false",
        ),
        (CarrierSettings(enabled=True), None),
        (CarrierSettings(url="https://x.example"), None),
    ],
)
def test_it_is_off_until_somebody_means_it(own: CarrierSettings, why: str | None) -> None:
    assert why == carriers.why_off(DECLARATION, Settings(carriers={"chronopost": own}))


def test_a_padded_code_is_read_with_its_time_and_place() -> None:
    (event,) = _ask(_event("SC ", "Tri effectué dans l'agence de départ"))[NUMBER].events

    assert ("SC", "TOURS CHRONOPOST", datetime(2026, 6, 21, 17, 16, tzinfo=UTC), True) == (
        event.code,
        event.place,
        event.at,
        event.at_certain,
    )


def test_the_list_comes_oldest_first_and_is_given_newest_first() -> None:
    events = _event("DB", "Colis déposé", "2026-06-20T16:54:00+02:00") + _event("D ", "Livré")

    assert [Milestone.DELIVERED, Milestone.CARRIER_ACCEPTED] == [
        event.milestone for event in _ask(events)[NUMBER].events
    ]


def test_a_number_without_events_is_unknown() -> None:
    assert PollState.NOT_FOUND == _ask("")[NUMBER].state


def test_an_additional_check_character_is_no_other_number() -> None:
    assert [NUMBER] == list(_ask("", told=f"{NUMBER}X"))
    assert {} == _ask("", told="XY000000000FR")


@pytest.mark.parametrize(
    ("value", "local"),
    [("GEO/250123456789012", "250123456789012"), ("6A12345678901", "6A12345678901"), ("?", None)],
)
def test_the_partners_number_is_the_local_one(value: str, local: str | None) -> None:
    facts = _fact("Numéro partenaire", value)

    assert local == _ask(_event("TS", "En transit", facts=facts))[NUMBER].local_number


def test_a_pickup_point_is_named_once_the_parcel_waits_there() -> None:
    facts = _fact("Point de livraison", "TABAC DU PORT") + _fact("Commentaire", "M. Personne")
    on_its_way = _ask(_event("TA", "Colis en cours de livraison", facts=facts))[NUMBER]
    waiting = _ask(_event("AB", "Colis mis à disposition au point de retrait", facts=facts))[NUMBER]

    assert on_its_way.pickup_point is None
    assert waiting.pickup_point is not None
    assert "TABAC DU PORT" == waiting.pickup_point.name
    assert "Personne" not in repr(waiting)


@pytest.mark.parametrize(
    ("code", "error"), [("1", TransientError), ("2", PermanentError), ("", PermanentError)]
)
def test_failures_inside_a_200_are_our_branches(code: str, error: type[MailtrackError]) -> None:
    with pytest.raises(error):
        _ask("", code)
