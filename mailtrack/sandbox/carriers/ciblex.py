"""Ciblex's page on loopback: a banner with the number, a table of scans, newest first."""

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
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel

CODE = "ciblex"
STRANGER = "99999999999999"
_PARIS = ZoneInfo("Europe/Paris")
_HEAD = ("Date", "Heure Livraison", "Action", "Lieu")


routes = CarrierRoutes()


@routes.answer("/extranet/client/corps.php")
def _page(world: CarrierWorld, call: Call) -> Response:
    number = call.query.get("colis", "")
    failure = world.begin(CODE, [number])
    made = spoiled(world, failure, _FAILURES)
    if made:
        return made
    told = next(iter(chosen([number], failure, STRANGER)), STRANGER)
    table = None if failure is Failure.UNKNOWN else world.render(told, _table)
    body = table or '<p class="f_erreur">Aucun colis.</p>'
    meta = '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">'
    return HTMLResponse(f"<html><head>{meta}</head><body>{body}</body></html>")


_FAILURES: dict[Failure, Replacement] = {
    **ROBOT_CHECK,
    Failure.MOVED: lambda _: Response("", 301, {"Location": "/maintenance"}),
    Failure.GARBAGE: lambda _: HTMLResponse('<html><body><table class="t_band'),
}


def _table(parcel: SandboxParcel | None, number: str) -> str | None:
    if parcel is None and number != STRANGER:
        return None
    rows = [_HEAD]
    for scan in reversed(parcel.scans[CODE] if parcel else []):
        at = scan.at.astimezone(_PARIS)
        place = f"{scan.place} 69 (69)" if scan.place.isalpha() else f"Jeanne EXEMPLE, {scan.place}"
        rows.append((f"{at:%d/%m/%Y}", f"{at:%H:%M:%S}", scan.text, place))
    lines = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return (
        f'<table class="t_bandeau_detail"><tr><td>SUIVI COLIS : {escape(number)} (REF 1)</td>'
        f'</tr></table><table border="2">{lines}</table>'
    )
