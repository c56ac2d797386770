"""Correos on loopback: failures inside a 200, day and time apart, Madrid's clock."""

import base64
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import JSONResponse, Response

from mailtrack.sandbox.carriers.answers import Call, CarrierRoutes, Replacement, chosen, spoiled
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel

CODE = "correos"
STRANGER = "PQ9999999999999999999999Z"
_MADRID = ZoneInfo("Europe/Madrid")


routes = CarrierRoutes()


@routes.answer("/canonico/eventos_envio_servicio_auth/{code}")
def _for_customers(world: CarrierWorld, call: Call) -> Response:
    login = f"{world.client_id}:{world.client_secret}".encode()
    if call.headers.get("authorization") != f"Basic {base64.b64encode(login).decode()}":
        return Response("Unauthorized", 401)
    return _events(world, call)


@routes.answer("/canonico/eventos_envio_servicio/{code}")
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


_REFUSAL = [{"error": _error("5", "Servicio no disponible"), "eventos": None}]
_FAILURES: dict[Failure, Replacement] = {Failure.REFUSAL: lambda _: JSONResponse(_REFUSAL)}


def _parcel(parcel: SandboxParcel | None, number: str) -> dict[str, Any]:
    if parcel is None or not parcel.scans[CODE]:
        return {
            "codEnvio": number,
            "eventos": None,
            "error": _error("3", "Sin Trazabilidad en Minerva"),
        }
    return {
        "codEnvio": number,
        "enviosAsociados": [{"codEnvio": parcel.local_number}] if parcel.local_number else [],
        "eventos": [
            {
                "codEvento": scan.code,
                "fecEvento": scan.at.astimezone(_MADRID).strftime("%d/%m/%Y"),
                "horEvento": scan.at.astimezone(_MADRID).strftime("%H:%M:%S"),
                "unidad": scan.place,
                "desTextoResumen": scan.text,
                "desTextoAmpliado": "",
            }
            for scan in parcel.scans[CODE]
        ],
        "error": _error("0", "OK"),
    }
