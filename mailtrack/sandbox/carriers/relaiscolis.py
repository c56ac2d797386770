"""Relais Colis' form on loopback: a token that belongs to a cookie, steps newest first."""

from html import escape
from urllib.parse import parse_qs
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

CODE = "relaiscolis"
STRANGER = "CC999999999999"
_PARIS = ZoneInfo("Europe/Paris")
_NOTHING = "Aucune donnée de suivi pour votre colis. Veuillez réessayer plus tard."


routes = CarrierRoutes()


@routes.answer("/colis/suivre")
def _open(world: CarrierWorld, _: Call) -> Response:
    token = world.give_token(CODE)
    page = _form(token)
    page.set_cookie("session", f"of-{token}")
    return page


@routes.answer("/colis/suivre", "POST")
def _send(world: CarrierWorld, call: Call) -> Response:
    fields = parse_qs(call.body.decode())
    number = fields.get("track_package[trackingNumber]", [""])[0]
    token = fields.get("track_package[_token]", [""])[0]
    failure = world.begin(CODE, [number])
    made = spoiled(world, failure, _FAILURES)
    if made:
        return made
    if token not in world.tokens or f"session=of-{token}" != call.headers.get("cookie"):
        return _form(world.give_token(CODE), "Le jeton CSRF est invalide.")
    told = next(iter(chosen([number], failure, STRANGER)), STRANGER)
    page = None if failure is Failure.UNKNOWN else world.render(told, _page)
    return HTMLResponse(page) if page else _form(world.give_token(CODE), _NOTHING)


_FAILURES: dict[Failure, Replacement] = {
    **ROBOT_CHECK,
    Failure.GARBAGE: lambda _: HTMLResponse('<html><body><div class="back'),
}


def _form(token: str, error: str = "") -> HTMLResponse:
    said = f'<p class="field-error">{error}</p>' if error else ""
    return HTMLResponse(
        f'<html><body><form method="post" action="/colis/suivre">{said}'
        '<input id="track_package_trackingNumber" name="track_package[trackingNumber]">'
        f'<input type="hidden" id="track_package__token" value="{token}"></form></body></html>'
    )


def _page(parcel: SandboxParcel | None, number: str) -> str | None:
    if parcel is None and number != STRANGER:
        return None
    boxes = ""
    for scan in reversed(parcel.scans[CODE] if parcel else []):
        at = scan.at.astimezone(_PARIS)
        boxes += (
            '<div class="box box--nogap">'
            f'<p class="follow-step-date">{at:%d-%m-%Y à %Hh%M}</p>'
            f'<p class="follow-step-date">{escape(scan.text)}</p></div>'
        )
    return (
        '<html><body><div class="back"><p class="back-subedtext">Votre colis</p>'
        f'<p class="back-subedtext back-subedtext--sub">{escape(number)}</p></div>'
        f'<div class="follow-address-box">RELAIS {escape(parcel.pickup_point if parcel else "")}'
        "Jeanne EXEMPLE</div>"
        f'<ul class="box box--small"><li class="follow-step"><p class="follow-step-text">Étape</p>'
        f"{boxes}</li></ul></body></html>"
    )
