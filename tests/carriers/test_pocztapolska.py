"""Poczta Polska's SOAP: one answer for many numbers, each with a status of its own."""

from datetime import UTC, datetime
from xml.etree.ElementTree import fromstring

import httpx
import pytest
from pydantic import SecretStr

from mailtrack.carriers.pocztapolska import PocztaPolska
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState, Reason
from mailtrack.errors import MailtrackError, PermanentError, TransientError
from mailtrack.settings import CarrierSettings

NUMBER, OTHER = "RR123456785PL", "RR123456799PL"
asked: list[httpx.Request] = []


def _event(code: str, name: str, time: str = "2026-07-28 08:15", why: str = "") -> str:
    reason = f"<ax:przyczyna><ax:nazwa>{why}</ax:nazwa></ax:przyczyna>" if why else ""
    return (
        f"<ax:zdarzenie><ax:czas>{time}</ax:czas><ax:kod>{code}</ax:kod><ax:nazwa>{name}</ax:nazwa>"
        f"<ax:jednostka><ax:nazwa>UP Gdańsk 1</ax:nazwa></ax:jednostka>{reason}</ax:zdarzenie>"
    )


def _parcel(number: str, status: str, events: str = "") -> str:
    return (
        f"<ax:przesylka><ax:danePrzesylki><ax:zdarzenia>{events}</ax:zdarzenia></ax:danePrzesylki>"
        f"<ax:numer>{number}</ax:numer><ax:status>{status}</ax:status></ax:przesylka>"
    )


def _ask(parcels: str, *numbers: str, status: str = "0") -> dict[str, PollResult]:
    text = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        '<ns:sprawdzPrzesylkiResponse xmlns:ns="http://sledzenie.pocztapolska.pl" '
        'xmlns:ax="http://ws.sledzenie.pocztapolska.pl/xsd"><ns:return>'
        f"<ax:przesylki>{parcels}</ax:przesylki><ax:status>{status}</ax:status>"
        "</ns:return></ns:sprawdzPrzesylkiResponse></s:Body></s:Envelope>"
    )
    asked.clear()

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, text=text)

    clock = FakeClock()
    transport = Transport(clock, wire=lambda: httpx.MockTransport(handler))
    own = CarrierSettings(client_id=SecretStr("somebody"), client_secret=SecretStr("s3cret"))
    return dict(PocztaPolska(own, transport, clock).fetch(numbers or [NUMBER]))


def test_one_request_asks_for_all_numbers_with_a_login() -> None:
    _ask("", NUMBER, OTHER, status="-1")

    sent = [(e.tag.rpartition("}")[2], e.text) for e in fromstring(asked[0].content).iter()]

    assert [NUMBER, OTHER] == [text for name, text in sent if name == "numer"]
    assert ("Username", "somebody") in sent
    assert ("Password", "s3cret") in sent


def test_a_history_is_read_in_polish_time_and_given_newest_first() -> None:
    events = _event("P_NAD", "Nadanie") + _event("P_D", "Doręczenie", "2026-07-30 11:45")

    result = _ask(_parcel(NUMBER, "0", events))[NUMBER]

    assert [
        (Milestone.DELIVERED, datetime(2026, 7, 30, 9, 45, tzinfo=UTC)),
        (Milestone.CARRIER_ACCEPTED, datetime(2026, 7, 28, 6, 15, tzinfo=UTC)),
    ] == [(event.milestone, event.at) for event in result.events]


def test_a_failed_delivery_says_why() -> None:
    events = _event("P_A", "Awizo", why="Adresat nieobecny")

    (event,) = _ask(_parcel(NUMBER, "0", events))[NUMBER].events

    assert (Milestone.DELIVERY_FAILED, Reason.ABSENT) == (event.milestone, event.reason)


def test_a_parcel_that_waits_at_a_post_office_names_it() -> None:
    result = _ask(_parcel(NUMBER, "0", _event("P_KWD", "Odebrano w urzędzie")))[NUMBER]

    assert result.pickup_point is not None
    assert "UP Gdańsk 1" == result.pickup_point.name


def test_each_number_has_a_status_of_its_own() -> None:
    states = {"1": PollState.FOUND, "2": PollState.PENDING, "-1": PollState.NOT_FOUND}
    states |= {"-2": PollState.REJECTED}
    parcels = [_parcel(s, s, _event("P_NAD", "Nadanie")) for s in (*states, "-99", "7")]

    results = _ask("".join(parcels), *states, "-99", "7")

    assert states == {number: result.state for number, result in results.items()}


def test_another_numbers_answer_is_left_out() -> None:
    assert {} == _ask(_parcel(OTHER, "0", _event("P_NAD", "Nadanie")))


@pytest.mark.parametrize(
    ("status", "numbers", "states"),
    [
        ("-1", (NUMBER, OTHER), [PollState.NOT_FOUND] * 2),
        ("-2", (NUMBER,), [PollState.REJECTED]),
        ("-2", (NUMBER, OTHER), []),
    ],
)
def test_an_answer_without_parcels_has_a_status_too(
    status: str, numbers: tuple[str, ...], states: list[PollState]
) -> None:
    assert states == [result.state for result in _ask("", *numbers, status=status).values()]


@pytest.mark.parametrize(
    ("status", "error"), [("-99", TransientError), ("0", PermanentError), ("", PermanentError)]
)
def test_failures_inside_a_200_are_our_branches(status: str, error: type[MailtrackError]) -> None:
    with pytest.raises(error):
        _ask("", status=status)
