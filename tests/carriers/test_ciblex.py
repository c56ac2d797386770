"""Ciblex's own traps: a wrong charset, places that are people's, absence that proves nothing."""

from datetime import UTC, datetime

import httpx
import pytest

from mailtrack.carriers.ciblex import Ciblex
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState
from mailtrack.domain.numbers import detect
from mailtrack.errors import ChallengeError
from mailtrack.settings import CarrierSettings

NUMBER = "00000000000017"
HEAD = "<tr><td>Date</td><td>Heure Livraison</td><td>Action</td><td>Lieu</td></tr>"
ROWS = """
<tr><td>13/11/2026</td><td>08:20</td><td>Mis en livraison</td><td>3 RUE INVENTÉE 33000</td></tr>
<tr><td>13/11/2026</td><td>04:55:10</td><td>En cours d'acheminement</td>
    <td>SAINT-EXEMPLE 33 (33)</td></tr>
<tr><td>12/11/2026</td><td>17:30</td><td>Colis pris en charge</td><td>ÉVILLE 94 (94)</td></tr>"""


def _page(rows: str = ROWS, head: str = HEAD, number: str = NUMBER) -> str:
    return (
        '<html><head><meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">'
        f'</head><body><table class="t_bandeau_detail"><tr><td>SUIVI COLIS : {number} (REF)</td>'
        f'</tr></table><table border="2">{head}{rows}</table></body></html>'
    )


def _read(page: str, status: int = 200) -> PollResult | None:
    clock = FakeClock()
    handler = httpx.MockTransport(lambda _: httpx.Response(status, text=page))
    transport = Transport(clock, wire=lambda: handler)
    return Ciblex(CarrierSettings(), transport, clock).fetch([NUMBER]).get(NUMBER)


def test_a_page_is_read_whole_but_for_addresses() -> None:
    result = _read(_page())

    assert result is not None
    assert [
        (datetime(2026, 11, 13, 7, 20, tzinfo=UTC), Milestone.OUT_FOR_DELIVERY, ""),
        (
            datetime(2026, 11, 13, 3, 55, 10, tzinfo=UTC),
            Milestone.LOCAL_TRANSIT,
            "SAINT-EXEMPLE (33)",
        ),
        (datetime(2026, 11, 12, 16, 30, tzinfo=UTC), Milestone.CARRIER_ACCEPTED, "ÉVILLE (94)"),
    ] == [(event.at, event.milestone, event.place) for event in result.events]
    assert all(event.at_certain for event in result.events)


@pytest.mark.parametrize("page", [_page(rows=""), '<p class="f_erreur">Aucun colis</p>'])
def test_absence_is_an_unknown_number(page: str) -> None:
    result = _read(page)

    assert result is not None
    assert PollState.NOT_FOUND == result.state


@pytest.mark.parametrize("status", [302, 404])
def test_what_says_nothing_of_the_number_is_no_answer(status: int) -> None:
    assert _read("", status) is None


def test_a_page_of_another_parcel_is_not_believed() -> None:
    assert _read(_page(number="00000000000025")) is None


@pytest.mark.parametrize(
    "page",
    [
        _page(head="<tr><td>Date</td><td>Action</td><td>Heure</td><td>Lieu</td></tr>"),
        _page(head="", rows=""),
        _page().replace('border="2"', ""),
        _page().replace("t_bandeau_detail", "t_bandeau"),
        "<html><body>Bienvenue</body></html>",
    ],
)
def test_a_page_of_another_form_is_one_clear_error(page: str) -> None:
    with pytest.raises(ChallengeError, match="another form"):
        _read(page)


def test_only_the_longer_of_its_numbers_is_told_by_its_form() -> None:
    """Fourteen digits are many carriers': a link has to name this one."""
    assert "ciblex" in [candidate.carrier for candidate in detect("1" * 24)]
    assert "ciblex" not in [candidate.carrier for candidate in detect(NUMBER)]
