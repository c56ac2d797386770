"""Mondial Relay's signed SOAP, read with its traps."""

import hashlib
from datetime import UTC, datetime
from xml.etree.ElementTree import fromstring

import httpx
import pytest
from pydantic import SecretStr

from mailtrack.carriers.mondialrelay import MondialRelay
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState, Reason
from mailtrack.errors import AuthError, MailtrackError, PermanentError, TransientError
from mailtrack.settings import CarrierSettings

NUMBER = "12345678"
NAMESPACE = "http://www.mondialrelay.fr/webservice/"
asked: list[httpx.Request] = []


def _answer(inside: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        f'<WSI2_TracingColisDetailleResponse xmlns="{NAMESPACE}">'
        f"<WSI2_TracingColisDetailleResult>{inside}</WSI2_TracingColisDetailleResult>"
        "</WSI2_TracingColisDetailleResponse></soap:Body></soap:Envelope>"
    )


def _line(text: str, date: str = "12/07/2026", time: str = "11:30", place: str = "PARIS") -> str:
    return (
        f"<ret_WSI2_sub_TracingColisDetaille><Libelle>{text}</Libelle><Date>{date}</Date>"
        f"<Heure>{time}</Heure><Emplacement>{place}</Emplacement>"
        "</ret_WSI2_sub_TracingColisDetaille>"
    )


def _ask(inside: str, number: str = NUMBER) -> PollResult:
    asked.clear()

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, text=_answer(inside))

    clock = FakeClock()
    transport = Transport(clock, wire=lambda: httpx.MockTransport(handler))
    own = CarrierSettings(client_id=SecretStr("BDTEST13"), key=SecretStr("PrivateK"))
    return MondialRelay(own, transport, clock).fetch([number])[number]


def test_a_request_is_signed_over_its_own_parameters() -> None:
    _ask("<STAT>94</STAT>")

    sent = {e.tag.rpartition("}")[2]: e.text for e in fromstring(asked[0].content).iter()}
    wanted = hashlib.md5(f"BDTEST13{NUMBER}FRPrivateK".encode()).hexdigest().upper()

    assert ("BDTEST13", NUMBER, "FR", wanted) == (
        sent["Enseigne"],
        sent["Expedition"],
        sent["Langue"],
        sent["Security"],
    )
    assert f'"{NAMESPACE}WSI2_TracingColisDetaille"' == asked[0].headers["soapaction"]
    assert "PrivateK" not in asked[0].content.decode()


def test_a_history_is_read_newest_first_in_french_time() -> None:
    lines = _line("COLIS LIVRÉ") + _line("DISPONIBLE AU POINT RELAIS", "10/07/2026", "09:12")

    result = _ask(
        f"<STAT>82</STAT><Relais_Libelle>RELAIS  DU PORT</Relais_Libelle><Tracing>{lines}</Tracing>"
    )

    assert [
        (Milestone.DELIVERED, datetime(2026, 7, 12, 9, 30, tzinfo=UTC)),
        (Milestone.PICKUP_AVAILABLE, datetime(2026, 7, 10, 7, 12, tzinfo=UTC)),
    ] == [(event.milestone, event.at) for event in result.events]
    assert result.pickup_point is not None
    assert "RELAIS DU PORT" == result.pickup_point.name


def test_the_direction_of_the_list_does_not_matter() -> None:
    lines = (_line("COLIS LIVRÉ"), _line("PRISE EN CHARGE", "08/07/2026", "22:40"))

    assert _ask(f"<STAT>82</STAT><Tracing>{''.join(lines)}</Tracing>") == _ask(
        f"<STAT>82</STAT><Tracing>{''.join(reversed(lines))}</Tracing>"
    )


def test_the_empty_lines_that_fill_the_list_up_are_left_out() -> None:
    lines = _line("COLIS LIVRÉ") + _line("", "", "", "") + "<ret_WSI2_sub_TracingColisDetaille/>"

    assert 1 == len(_ask(f"<STAT>82</STAT><Tracing>{lines}</Tracing>").events)


def test_a_failed_delivery_says_why() -> None:
    lines = _line("Livraison impossible : destinataire absent")

    assert Reason.ABSENT == _ask(f"<STAT>83</STAT><Tracing>{lines}</Tracing>").events[0].reason


@pytest.mark.parametrize(
    ("stat", "state"),
    [
        ("94", PollState.NOT_FOUND),
        ("24", PollState.REJECTED),
        ("80", PollState.PENDING),
        ("0", PollState.PENDING),
    ],
)
def test_what_is_said_of_a_number_is_a_look(stat: str, state: PollState) -> None:
    assert state == _ask(f"<STAT>{stat}</STAT>").state


@pytest.mark.parametrize("number", ["XY123456789FR", "1234567", "١٢٣٤٥٦٧٨"])
def test_what_cannot_be_a_number_of_its_own_is_not_asked(number: str) -> None:
    assert PollState.REJECTED == _ask("<STAT>80</STAT>", number).state
    assert [] == asked


@pytest.mark.parametrize(
    ("inside", "error"),
    [
        ("<STAT>97</STAT>", AuthError),
        ("<STAT>95</STAT>", AuthError),
        ("<STAT>98</STAT>", PermanentError),
        ("<STAT>99</STAT>", TransientError),
        ("<STAT>7</STAT>", PermanentError),
        ("", PermanentError),
    ],
)
def test_failures_inside_a_200_are_our_branches(inside: str, error: type[MailtrackError]) -> None:
    with pytest.raises(error) as caught:
        _ask(inside)

    assert error is type(caught.value)
