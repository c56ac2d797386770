"""Colis Privé's page on loopback: days without hours, for who knows the postcode."""

from html import escape
from zoneinfo import ZoneInfo

from starlette.responses import HTMLResponse, Response

from mailtrack.sandbox.carriers.answers import (
    ROBOT_CHECK,
    Call,
    CarrierRoutes,
    Replacement,
    chosen,
    spoiled,
)
from mailtrack.sandbox.carriers.world import POSTCODE, CarrierWorld, Failure, SandboxParcel

CODE = "colisprive"
STRANGER = "Q99999999999"
_PARIS = ZoneInfo("Europe/Paris")
_LENGTH = 12


routes = CarrierRoutes()


@routes.answer("/moncolis/pages/DetailColis.aspx")
def _detail(world: CarrierWorld, call: Call) -> Response:
    asked = call.query.get("numColis", "")
    number, postcode = asked[:_LENGTH], asked[_LENGTH:]
    failure = world.begin(CODE, [number])
    made = spoiled(world, failure, _FAILURES)
    if made:
        return made
    told = next(iter(chosen([number], failure, STRANGER)), STRANGER)
    is_known = failure is not Failure.UNKNOWN and postcode == POSTCODE
    page = world.render(told, _page) if is_known else None
    unknown = Response("", 302, {"Location": "/moncolis/pages/default.aspx?lang=fr"})
    return HTMLResponse(page) if page else unknown


_FAILURES: dict[Failure, Replacement] = {
    **ROBOT_CHECK,
    Failure.GARBAGE: lambda _: HTMLResponse('<html><body><div class="Band'),
}


def _page(parcel: SandboxParcel | None, number: str) -> str | None:
    if parcel is None and number != STRANGER:
        return None
    rows = "".join(
        '<tr class="bandeauText">'
        f'<td headers="th-date">{scan.at.astimezone(_PARIS):%d/%m/%Y}</td>'
        f'<td headers="th-statut">{escape(scan.text)}</td></tr>'
        for scan in reversed(parcel.scans[CODE] if parcel else [])
    )
    return (
        f'<html><body><div class="BandeauInfoColis"><h1>Colis <span>BOUTIQUE</span></h1>'
        f'<span>{escape(number)}</span></div><div id="ctl00_CDC_pnResultatColis">'
        f'<div class="divDesti">Jeanne EXEMPLE, 3 RUE INVENTÉE, {POSTCODE} VILLE</div>'
        f'<input type="hidden" id="ctl00_CDC_hfNPAI" value="0"><table>{rows}</table></div></body>'
    )
