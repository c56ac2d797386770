"""Relais Colis' own traps: a form with a token, steps with several events, a refused session."""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs

import httpx
import pytest

from mailtrack.carriers.relaiscolis import RelaisColis
from mailtrack.carriers.transport import Transport
from mailtrack.carriers.vocabulary import classify
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState
from mailtrack.domain.numbers import detect
from mailtrack.errors import ChallengeError, MailtrackError, TransientError
from mailtrack.settings import CarrierSettings

NUMBER = "CC300000000127"
FORM = '<form><input type="hidden" id="track_package__token" value="t0k3n"></form>'
PAGE = f"""
<p class="back-subedtext back-subedtext--sub"> {NUMBER} </p>
<div class="follow-address-box">RELAIS ET DESTINATAIRE INVENTÉS</div>
<ul class="box box--small">
 <li class="follow-step"><p class="follow-step-text">Colis disponible</p>
  <div class="box"><p class="follow-step-date">13-11-2026 à 10h05</p>
   <p class="follow-step-date">Votre colis est disponible dans votre Relais Colis</p></div></li>
 <li class="follow-step"><p class="follow-step-text">Colis en cours d'acheminement</p>
  <div class="box"><p class="follow-step-date">12/11/2026 à 21:40</p>
   <p class="follow-step-date">Colis en transit entre les sites Relais Colis.</p>
   <p class="follow-step-date">11-11-2026 à 19h12</p>
   <p class="follow-step-date">Votre colis a été pris en charge</p></div></li>
 <li class="follow-step"><p class="follow-step-text">Colis annoncé.</p>
  <div class="box"><p class="follow-step-date">10-11-2026 à 08h30</p>
   <p class="follow-step-date">Votre colis a été annoncé.</p></div></li>
</ul>"""


def _ask(handler: Callable[[httpx.Request], httpx.Response]) -> PollResult | None:
    clock = FakeClock()
    transport = Transport(clock, wire=lambda: httpx.MockTransport(handler))
    return RelaisColis(CarrierSettings(), transport, clock).fetch([NUMBER]).get(NUMBER)


def _read(page: str, status: int = 200) -> PollResult | None:
    opened = httpx.Response(200, text=FORM)
    return _ask(lambda r: opened if r.method == "GET" else httpx.Response(status, text=page))


def test_a_page_is_read_whole_but_for_its_people() -> None:
    result = _read(PAGE)

    assert result is not None
    assert [
        (datetime(2026, 11, 13, 9, 5, tzinfo=UTC), Milestone.PICKUP_AVAILABLE),
        (datetime(2026, 11, 12, 20, 40, tzinfo=UTC), Milestone.LOCAL_TRANSIT),
        (datetime(2026, 11, 11, 18, 12, tzinfo=UTC), Milestone.CARRIER_ACCEPTED),
        (datetime(2026, 11, 10, 7, 30, tzinfo=UTC), Milestone.SHIPPED),
    ] == [(event.at, event.milestone) for event in result.events]
    assert all(event.at_certain for event in result.events)
    assert "INVENTÉS" not in repr(result)


def test_the_form_is_sent_with_its_own_token_and_cookie() -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        cookie = {"set-cookie": f"session=s{len(asked)}; path=/; HttpOnly"}
        return httpx.Response(200, text=FORM if request.method == "GET" else PAGE, headers=cookie)

    _ask(handler)
    opened, sent = asked

    assert "cookie" not in opened.headers
    assert "session=s1" == sent.headers["cookie"]
    assert opened.url == sent.url == sent.headers["referer"]
    assert {
        "track_package[trackingNumber]": [NUMBER],
        "track_package[searchPackage]": [""],
        "track_package[_token]": ["t0k3n"],
    } == parse_qs(sent.content.decode(), keep_blank_values=True)


def test_an_unknown_number_is_told_by_the_form_in_any_spelling() -> None:
    said = "AUCUNE DONNÉE de suivi pour votre colis, veuillez réessayer plus tard"
    result = _read(f'{FORM}<p class="field-error">{said}</p>')

    assert result is not None
    assert PollState.NOT_FOUND == result.state


def test_a_page_of_another_parcel_is_not_believed() -> None:
    assert _read(PAGE.replace(NUMBER, "CC300000000999")) is None


@pytest.mark.parametrize(
    ("page", "error"),
    [
        (f'{FORM}<p class="field-error">Le jeton CSRF est invalide.</p>', TransientError),
        (FORM, ChallengeError),
        ("", TransientError),
        (PAGE.replace("follow-step", "etape"), ChallengeError),
    ],
)
def test_a_page_that_says_nothing_is_one_clear_error(
    page: str, error: type[MailtrackError]
) -> None:
    with pytest.raises(error) as caught:
        _read(page)

    assert error is type(caught.value)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(200, text="<html></html>"), ChallengeError),
        (httpx.Response(403), ChallengeError),
        (httpx.Response(302, headers={"location": "/"}), ChallengeError),
        (httpx.Response(502), TransientError),
    ],
)
def test_a_form_that_does_not_open_is_not_sent(
    answer: httpx.Response, error: type[MailtrackError]
) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert "GET" == request.method
        return answer

    with pytest.raises(error):
        _ask(handler)


@pytest.mark.parametrize(
    ("text", "milestone"),
    [
        ("VOTRE COLIS A ÉTÉ RETOURNÉ À VOTRE VENDEUR", Milestone.RETURNING),
        ("Votre colis est en cours de livraison dans votre Relais Colis", Milestone.LOCAL_TRANSIT),
        ("Votre colis a été livré au destinataire", Milestone.DELIVERED),
        ("Votre colis est en cours d'acheminement dans notre réseau", Milestone.LOCAL_TRANSIT),
        ("Colis en transit sur notre plateforme parisienne.", Milestone.LOCAL_TRANSIT),
        ("Votre colis est pris en charge par le Relais Colis", Milestone.CARRIER_ACCEPTED),
        ("Colis déposé dans le Relais", Milestone.CARRIER_ACCEPTED),
        ("Votre colis a été remis à son destinataire", Milestone.DELIVERED),
    ],
)
def test_its_sentences_are_understood(text: str, milestone: Milestone) -> None:
    assert milestone == classify("Relais Colis", "", text).milestone


def test_its_numbers_are_known_by_their_form() -> None:
    assert "relaiscolis" in [candidate.carrier for candidate in detect(NUMBER)]
