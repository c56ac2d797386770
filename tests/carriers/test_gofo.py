"""GOFO's own traps: support lines, the shipper's reference, codes whose words decide."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from mailtrack.carriers.gofo import Gofo
from mailtrack.carriers.transport import Transport
from mailtrack.carriers.vocabulary import Classified, classify
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState, Reason
from mailtrack.domain.numbers import detect
from mailtrack.errors import ChallengeError
from mailtrack.settings import CarrierSettings

NUMBER, REFERENCE = "GFFR26110000000017", "PK00000000000000000170"
EVENTS = [
    {
        "processDate": "2026-11-13T07:58:00.000+0100",
        "processContent": "Le chauffeur est en route pour la livraison. Aide : 06 39 98 00 11",
        "mainContent": "Le chauffeur est en route pour la livraison",
        "subContent": "Aide : 06 39 98 00 11",
        "processLocation": "EXEMPLEVILLE",
        "processCode": "208",
    },
    {
        "processDate": "2026-11-11T09:30:00.000+0100",
        "mainContent": "Votre colis est en cours de préparation par l'expéditeur",
        "processLocation": None,
        "processCode": "100",
    },
]


def _answer(**fields: Any) -> dict[str, Any]:
    parcel = {
        "waybillNo": NUMBER,
        "trackingNumber": "PK-0000000000000000017-0",
        "trackEventList": EVENTS,
        "lastTrackEvent": EVENTS[0],
        "expectedDeliveryTime": None,
    }
    return {"code": 200, "msg": "Success", "data": [parcel | fields]}


def _ask(number: str, handler: Callable[[httpx.Request], httpx.Response]) -> PollResult | None:
    clock = FakeClock()
    transport = Transport(clock, wire=lambda: httpx.MockTransport(handler))
    return Gofo(CarrierSettings(), transport, clock).fetch([number]).get(number)


def _read(body: Any, number: str = NUMBER) -> PollResult | None:
    return _ask(number, lambda _: httpx.Response(200, json=body))


def test_an_answer_is_read_whole_without_its_support_lines() -> None:
    result = _read(_answer(expectedDeliveryTime="2026-11-14"))

    assert result is not None
    assert (PollState.FOUND, date(2026, 11, 14)) == (result.state, result.estimated_delivery)
    assert [
        (
            datetime(2026, 11, 13, 6, 58, tzinfo=UTC),
            Milestone.OUT_FOR_DELIVERY,
            "208",
            "Le chauffeur est en route pour la livraison",
            "EXEMPLEVILLE",
            True,
        ),
        (
            datetime(2026, 11, 11, 8, 30, tzinfo=UTC),
            Milestone.SHIPPED,
            "100",
            "Votre colis est en cours de préparation par l'expéditeur",
            "",
            True,
        ),
    ] == [(e.at, e.milestone, e.code, e.text, e.place, e.at_certain) for e in result.events]
    assert result.local_number is None


def test_the_shippers_reference_is_sent_with_its_hyphens() -> None:
    asked: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append((request.headers["lang"], json.loads(request.content)))
        return httpx.Response(200, json=_answer())

    result = _ask(REFERENCE, handler)

    assert [("fr", {"numberList": ["PK-0000000000000000017-0"]})] == asked
    assert result is not None
    assert REFERENCE == result.number


@pytest.mark.parametrize("number", [NUMBER, "CIFR26110000000025", "PK-0000000000000000017-0"])
def test_its_numbers_are_known_by_their_form(number: str) -> None:
    assert "gofo" == detect(number)[0].carrier


def test_a_number_of_another_form_is_not_asked_about() -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        pytest.fail("asked")

    result = _ask("6A12345678901", handler)

    assert result is not None
    assert PollState.REJECTED == result.state


def test_a_success_without_a_list_is_another_form_than_before() -> None:
    with pytest.raises(ChallengeError, match="another form"):
        _read({"code": 200, "msg": "Success"})


@pytest.mark.parametrize(
    ("code", "text", "means"),
    [
        (
            "206",
            "Échec de la livraison, motif : Le destinataire n'est pas chez lui",
            Classified(Milestone.DELIVERY_FAILED, Reason.ABSENT),
        ),
        (
            "206",
            "Échec de la livraison, motif : accès à la résidence",
            Classified(Milestone.DELIVERY_FAILED),
        ),
        ("206", "Une phrase que personne ne connaît", Classified(Milestone.EXCEPTION)),
        ("205", "Livré. En boîte aux lettres, PIN: Non", Classified(Milestone.DELIVERED)),
        ("205", "Déposé en point relais", Classified(Milestone.PICKUP_AVAILABLE)),
        ("257", "Retourné", Classified(Milestone.RETURNING)),
    ],
)
def test_a_code_with_several_meanings_listens_to_the_words(
    code: str, text: str, means: Classified
) -> None:
    assert means == classify("CIRRO", code, text)
