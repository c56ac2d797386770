"""GLS France's page service on loopback: codes without words, times in any of their forms."""

from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import JSONResponse, Response

from mailtrack.sandbox.carriers.answers import (
    ROBOT_CHECK,
    Call,
    CarrierRoutes,
    Replacement,
    chosen,
    spoiled,
)
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel

CODE = "glsfrance"
STRANGER = "99999999999"
_PARIS = ZoneInfo("Europe/Paris")
#: Forms of a time in turn: with an offset, without one.
_FORMS = ("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S.0")


routes = CarrierRoutes()


@routes.answer("/consignee-ws/api/v1/command/public/codes/{number}")
def _codes(world: CarrierWorld, call: Call) -> Response:
    number = call.path["number"]
    failure = world.begin(CODE, [number])
    made = spoiled(world, failure, _FAILURES)
    if made:
        return made
    told = next(iter(chosen([number], failure, STRANGER)), STRANGER)
    parcel = None if failure is Failure.UNKNOWN else world.render(told, _parcel)
    unknown = JSONResponse({"message": "no command found", "status": 404}, 404)
    return JSONResponse(parcel) if parcel else unknown


_FAILURES: dict[Failure, Replacement] = {**ROBOT_CHECK}


def _parcel(parcel: SandboxParcel | None, number: str) -> dict[str, Any] | None:
    if parcel is None and number != STRANGER:
        return None
    scans = [*enumerate(parcel.scans[CODE] if parcel else [])]
    events = [
        {
            "statutEvenement": scan.code,
            "typeEvenement": scan.group or scan.code,
            "datereference": scan.at.astimezone(_PARIS).strftime(_FORMS[at % len(_FORMS)]),
            "datecreation": "0001-01-01T00:00:00",
            "codelieuEvenement": "FR0091",
        }
        for at, scan in reversed(scans)
    ]
    estimate = parcel.estimate if parcel else None
    return {
        "colis": {
            "trackid": number,
            "numeroalphaColis": "",
            "numeroGp": "",
            "statutColis": events[0]["statutEvenement"] if events else "",
            "dateActionColis": events[0]["datereference"] if events else "0001-01-01T00:00:00",
            "dateTheoriqueLivraison": f"{estimate:%Y-%m-%d}T00:00:00" if estimate else "",
            "destinataire": {"nom": "Jeanne EXEMPLE", "telephone": "06 39 98 00 11"},
        },
        "evenements": events,
    }
