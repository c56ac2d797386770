"""Correos: everything a 200, times apart, two doors."""

from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from mailtrack.carriers.correos import Correos
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PickupPoint, PollResult, PollState
from mailtrack.errors import MailtrackError, PermanentError, TransientError
from mailtrack.settings import CarrierSettings

NUMBER = "PQ43B60000000010128036A"
OK = {"codError": "0", "desError": "OK"}
asked: list[httpx.Request] = []


def _read(body: Any, own: CarrierSettings | None = None, number: str = NUMBER) -> PollResult | None:
    asked.clear()

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=body)

    clock = FakeClock()
    transport = Transport(clock, wire=lambda: httpx.MockTransport(handler))
    return Correos(own or CarrierSettings(), transport, clock).fetch([number]).get(number)


def _event(code: str, text: str, day: str, time: str = "10:12:42", **fields: str) -> dict[str, str]:
    return {
        "codEvento": code,
        "desTextoResumen": text,
        "fecEvento": day,
        "horEvento": time,
        **fields,
    }


def _found(*events: dict[str, str], **fields: Any) -> list[dict[str, Any]]:
    return [{"codEnvio": NUMBER, "eventos": list(events), "error": OK, **fields}]


def test_everybody_is_answered_without_a_login() -> None:
    _read(_found())

    assert f"/canonico/eventos_envio_servicio/{NUMBER}" == asked[0].url.path
    assert ("60", "N") == (
        asked[0].url.params["codAplicacion"],
        asked[0].url.params["indUltEvento"],
    )
    assert "authorization" not in asked[0].headers


def test_customers_have_a_door_of_their_own() -> None:
    own = CarrierSettings(client_id=SecretStr("me"), client_secret=SecretStr("s3cret"))
    _read(_found(), own)

    assert f"/canonico/eventos_envio_servicio_auth/{NUMBER}" == asked[0].url.path
    assert f"Basic {b64encode(b'me:s3cret').decode()}" == asked[0].headers["authorization"]


def test_a_number_cannot_leave_its_place_in_the_address() -> None:
    _read(_found(), number="../x?y=1")

    path, _, _ = asked[0].url.raw_path.partition(b"?")
    assert b"/canonico/eventos_envio_servicio/..%2Fx%3Fy%3D1" == path


@pytest.mark.parametrize("step", [1, -1])
def test_a_history_is_read_in_spanish_time_whichever_way_it_is_listed(step: int) -> None:
    events = [
        _event("A090000V", "Admitido", "27/04/2026"),
        _event("H020000V", "En reparto", "29/04/2026"),
        _event("I010000V", "Entregado", "29/04/2026", "15:12:42"),
    ]

    result = _read(_found(*events[::step]))

    assert result is not None
    assert [
        (Milestone.DELIVERED, datetime(2026, 4, 29, 13, 12, 42, tzinfo=UTC)),
        (Milestone.OUT_FOR_DELIVERY, datetime(2026, 4, 29, 8, 12, 42, tzinfo=UTC)),
        (Milestone.CARRIER_ACCEPTED, datetime(2026, 4, 27, 8, 12, 42, tzinfo=UTC)),
    ] == [(event.milestone, event.at) for event in result.events]
    assert all(event.at_certain for event in result.events)


def test_the_long_text_helps_where_the_short_one_says_nothing() -> None:
    event = _event("Z9", "Ver detalle", "29/04/2026", desTextoAmpliado="Entregado al destinatario")

    result = _read(_found(event))

    assert result is not None
    assert [(Milestone.DELIVERED, "Ver detalle")] == [(e.milestone, e.text) for e in result.events]


def test_the_office_where_it_waits_is_the_pickup_point() -> None:
    event = _event("Z9", "Disponible en oficina", "29/04/2026", unidad="OFICINA  CENTRO")

    result = _read(_found(event))

    assert result is not None
    assert result.pickup_point is not None
    assert "OFICINA CENTRO" == result.pickup_point.name


def test_the_office_stands_beside_the_history_and_is_told_while_the_parcel_waits_there() -> None:
    waits = _event("Z9", "Disponible en oficina", "29/04/2026", unidad="CTA MADRID")
    under_way = _event("P040000V", "Clasificado", "28/04/2026")

    told = _read(_found(under_way, waits, nom_codired=" OFICINA  EJEMPLO 1 "))
    early = _read(_found(under_way, nom_codired="OFICINA EJEMPLO 1"))

    assert told is not None
    assert early is not None
    assert PickupPoint("OFICINA EJEMPLO 1") == told.pickup_point
    assert early.pickup_point is None


def test_a_relabelled_parcel_names_its_new_number() -> None:
    result = _read(_found(enviosAsociados=[{"codEnvio": NUMBER}, {"codEnvio": f"{NUMBER[:-1]}B"}]))

    assert result is not None
    assert f"{NUMBER[:-1]}B" == result.local_number


@pytest.mark.parametrize("bare", [True, False])
def test_an_unknown_number_is_a_200_too(bare: bool) -> None:
    parcel = {"codEnvio": NUMBER, "eventos": None, "error": {"codError": "3"}}

    result = _read(parcel if bare else [parcel])

    assert result is not None
    assert PollState.NOT_FOUND == result.state


def test_another_numbers_answer_is_left_out() -> None:
    assert _read([{"codEnvio": "OTHER", "eventos": [], "error": OK}]) is None


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ([{"error": {"codError": "5"}}], TransientError),
        ([], PermanentError),
        ({}, PermanentError),
        ("x", PermanentError),
    ],
)
def test_failures_inside_a_200_are_our_branches(body: Any, error: type[MailtrackError]) -> None:
    with pytest.raises(error) as caught:
        _read(body)

    assert error is type(caught.value)
