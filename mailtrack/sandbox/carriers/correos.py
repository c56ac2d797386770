"""Correos on loopback: failures inside a 200, day and time apart, Madrid's clock."""

import base64
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mailtrack.sandbox.carriers.answers import Call, Replacement, chosen, route, spoiled
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel, SandboxScan

CODE = "correos"
STRANGER = "PQ9999999999999999999999Z"
_MADRID = ZoneInfo("Europe/Madrid")


def routes(world: CarrierWorld) -> list[Route]:
    """Return what Correos answers, to everybody and to its customers."""
    return [
        route("/canonico/eventos_envio_servicio/{code}", _events, world),
        route("/canonico/eventos_envio_servicio_auth/{code}", _for_customers, world),
    ]


def _for_customers(world: CarrierWorld, call: Call) -> Response:
    login = f"{world.client_id}:{world.client_secret}".encode()
    if call.headers.get("authorization") != f"Basic {base64.b64encode(login).decode()}":
        return Response("Unauthorized", 401)
    return _events(world, call)


def _events(world: CarrierWorld, call: Call) -> Response:
    number = call.path["code"]
    failure = world.begin(CODE, [number])
    made = spoiled(world, failure, _FAILURES)
    if made:
        return made
    told = next(iter(chosen([number], failure, STRANGER)), STRANGER)
    unknown = failure is Failure.UNKNOWN
    parcel = _parcel(None, told) if unknown else world.render(told, _parcel)
    if told != number:
        parcel |= {"codEnvio": told, "error": _error("0", "OK")}
    return JSONResponse(parcel if failure is Failure.BARE else [parcel])


def _error(code: str, text: str) -> dict[str, str]:
    return {"codError": code, "desError": text}


def _refusal(_: CarrierWorld) -> Response:
    return JSONResponse([{"error": _error("5", "Servicio no disponible"), "eventos": None}])


_FAILURES: dict[Failure, Replacement] = {Failure.REFUSAL: _refusal}


def _parcel(parcel: SandboxParcel | None, number: str) -> dict[str, Any]:
    if parcel is None or not parcel.scans[CODE]:
        return {
            "codEnvio": number,
            "eventos": None,
            "error": _error("3", "Sin Trazabilidad en Minerva"),
        }
    others = [{"codEnvio": parcel.local_number}] if parcel.local_number else []
    return {
        "codEnvio": number,
        "enviosAsociados": others,
        "eventos": [_event(scan) for scan in parcel.scans[CODE]],
        "error": _error("0", "OK"),
    }


def _event(scan: SandboxScan) -> dict[str, str]:
    at = scan.at.astimezone(_MADRID)
    return {
        "codEvento": scan.code,
        "fecEvento": at.strftime("%d/%m/%Y"),
        "horEvento": at.strftime("%H:%M:%S"),
        "unidad": scan.place,
        "desTextoResumen": scan.text,
        "desTextoAmpliado": "",
    }
