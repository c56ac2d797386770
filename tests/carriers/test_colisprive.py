"""Colis Privé's own traps: postcodes, days without hours, one answer for every kind of wrong."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import httpx
import pytest

from mailtrack.carriers.base import MOST_POSTCODES
from mailtrack.carriers.colisprive import ColisPrive
from mailtrack.carriers.transport import Transport
from mailtrack.carriers.vocabulary import classify
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState
from mailtrack.errors import ChallengeError, MailtrackError, PermanentError
from mailtrack.settings import CarrierSettings

NUMBER, POSTCODE = "Q8EXMPL00417", "33000"
UNKNOWN = httpx.Response(302, headers={"location": "/moncolis/pages/default.aspx?lang=fr"})
ROWS = [
    ("12/11/2026", "Votre colis est en cours de distribution par le livreur&nbsp;Colis Privé."),
    ("12/11/2026", "Votre colis est arrivé sur notre agence régionale de distribution."),
    (
        "11/11/2026",
        "Votre colis a été pris en charge par Colis Privé. Il va être expédié vers notre agence.",
    ),
    (
        "09/11/2026",
        "Votre colis est en cours de préparation par l'expéditeur. Il sera confié prochainement.",
    ),
]


def _page(*rows: tuple[str, str], number: str = NUMBER) -> str:
    history = "".join(
        f'<tr class="bandeauText"><td headers="th-date">{day}</td>'
        f'<td headers="th-statut">{said}</td></tr>'
        for day, said in rows
    )
    return (
        f'<div class="BandeauInfoColis"><h1>Colis <span>BOUTIQUE</span></h1><span>{number}</span>'
        '</div><div id="ctl00_CDC_pnResultatColis"><div class="divDesti">NOM INVENTÉ, 33000</div>'
        f"<table>{history}</table></div>"
    )


def _ask(
    handler: Callable[[httpx.Request], httpx.Response],
    postcodes: Sequence[str] = (POSTCODE,),
    number: str = NUMBER,
) -> PollResult | None:
    clock = FakeClock()
    transport = Transport(clock, wire=lambda: httpx.MockTransport(handler))
    return ColisPrive(CarrierSettings(), transport, clock).fetch_for(number, postcodes)


def _read(page: str) -> PollResult | None:
    return _ask(lambda _: httpx.Response(200, text=page))


class Addressee:
    """Answers for one postcode; keeps what was asked."""

    def __init__(self, postcode: str) -> None:
        self.postcode = postcode
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.params["numColis"].removeprefix(NUMBER))
        right = self.asked[-1] == self.postcode
        return httpx.Response(200, text=_page(*ROWS)) if right else UNKNOWN


def test_a_page_is_read_whole_in_its_own_order_without_its_addressee() -> None:
    result = _read(_page(*ROWS))

    assert result is not None
    assert [
        Milestone.OUT_FOR_DELIVERY,
        Milestone.LOCAL_TRANSIT,
        Milestone.CARRIER_ACCEPTED,
        Milestone.SHIPPED,
    ] == [event.milestone for event in result.events]
    assert [False] * 4 == [event.at_certain for event in result.events]
    assert datetime(2026, 11, 10, 23, 0, tzinfo=UTC) == result.events[2].at
    assert result.events[0].at > result.events[1].at
    assert "INVENTÉ" not in repr(result)


def test_scans_of_one_day_stay_the_same_when_another_comes() -> None:
    before, after = _read(_page(*ROWS[1:])), _read(_page(*ROWS))

    assert before is not None
    assert after is not None
    assert [e.fingerprint for e in before.events] == [e.fingerprint for e in after.events[1:]]


def test_without_a_postcode_nobody_is_asked() -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        pytest.fail("asked")

    result = _ask(handler, ())

    assert result == PollResult(NUMBER, PollState.NEEDS_POSTCODE)


def test_a_number_from_a_link_brings_its_postcode_along() -> None:
    addressee = Addressee(POSTCODE)
    result = _ask(addressee, (), f"{NUMBER}{POSTCODE}")

    assert [POSTCODE] == addressee.asked
    assert result is not None
    assert (f"{NUMBER}{POSTCODE}", PollState.FOUND) == (result.number, result.state)


def test_a_strangers_postcode_does_not_stand_in_the_addressees_way() -> None:
    addressee = Addressee(POSTCODE)
    result = _ask(addressee, ["75011", POSTCODE, "13001"])

    assert ["75011", POSTCODE] == addressee.asked
    assert result is not None
    assert PollState.FOUND == result.state


def test_only_so_many_postcodes_are_tried_and_none_twice() -> None:
    addressee = Addressee(POSTCODE)
    result = _ask(addressee, ["75001", "75001", "75002", "75003", "75004"])

    assert ["75001", "75002", "75003"] == addressee.asked
    assert MOST_POSTCODES == len(addressee.asked)
    assert result == PollResult(NUMBER, PollState.NOT_FOUND)


def test_a_page_of_another_parcel_is_not_believed() -> None:
    assert _read(_page(*ROWS, number="Q8EXMPL00999")) is None


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(302, headers={"location": "/maintenance.aspx"}), ChallengeError),
        (httpx.Response(200, text="<html><body>Bienvenue</body></html>"), ChallengeError),
        (httpx.Response(200, text=_page().replace("Resultat", "Detail")), ChallengeError),
        (httpx.Response(404, text="<html>Not Found</html>"), PermanentError),
    ],
)
def test_what_is_no_answer_is_one_clear_error_without_number_and_postcode(
    answer: httpx.Response, error: type[MailtrackError]
) -> None:
    with pytest.raises(error) as caught:
        _ask(lambda _: answer)

    assert error is type(caught.value)
    assert NUMBER not in str(caught.value)
    assert POSTCODE not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "milestone"),
    [
        ("Nous avons tenté de livrer votre colis.", Milestone.DELIVERY_FAILED),
        ("Votre colis n'a pas pu être livré.", Milestone.DELIVERY_FAILED),
        ("Votre colis a été livré en boîte aux lettres.", Milestone.DELIVERED),
        ("Votre colis vous attend au relais.", Milestone.PICKUP_AVAILABLE),
        ("Votre colis va être prochainement déposé au relais.", Milestone.LOCAL_TRANSIT),
        ("Votre colis est arrivé dans notre agence.", Milestone.LOCAL_TRANSIT),
        ("Votre colis a subi un retard.", Milestone.EXCEPTION),
    ],
)
def test_its_sentences_are_understood(text: str, milestone: Milestone) -> None:
    assert milestone == classify("Colis Privé", "", text).milestone
