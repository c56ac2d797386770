"""EMS Cooperative on loopback: pages of HTML, local times, everything a 200."""

import re
from datetime import timedelta, timezone
from html import escape

from starlette.responses import HTMLResponse, Response

from mailtrack.sandbox.carriers.answers import Call, CarrierRoutes, Replacement, chosen, spoiled
from mailtrack.sandbox.carriers.world import CarrierWorld, Failure, SandboxParcel

CODE = "ems"
STRANGER = "EZ999999999CN"
_EMS_NUMBER = re.compile(r"E[A-Z]\d{9}[A-Z]{2}")
_BEIJING = timezone(timedelta(hours=8))
_NOTHING = '<tr><td colspan="3" class="no-results-found">There were no results found.</td></tr>'


routes = CarrierRoutes()


@routes.answer("/api/publicTracking/track")
def _track(world: CarrierWorld, call: Call) -> Response:
    number = call.query.get("itemId", "")
    failure = world.begin(CODE, [number])
    made = spoiled(world, failure, _FAILURES)
    if made:
        return made
    if not _EMS_NUMBER.fullmatch(number):
        return _page(
            f'<ul class="error"><li>{escape(number)} does not denote an EMS item.</li></ul>'
        )
    told = next(iter(chosen([number], failure, STRANGER)), STRANGER)
    unknown = failure is Failure.UNKNOWN
    return _page(_table(None, told) if unknown else world.render(told, _table))


def _page(content: str) -> Response:
    return HTMLResponse(f"<html><body><form><input name='itemId'></form>{content}</body></html>")


_FAILURES: dict[Failure, Replacement] = {
    Failure.REFUSAL: lambda _: _page("<h1>Maintenance</h1>"),
    Failure.CHALLENGE: lambda _: HTMLResponse("<html><title>Just a moment...</title></html>"),
    Failure.GARBAGE: lambda _: HTMLResponse('<html><body><table class="resu'),
}


def _table(parcel: SandboxParcel | None, number: str) -> str:
    rows = ""
    for scan in parcel.scans[CODE] if parcel else ():
        hours = 8 if scan.offset_h is None else scan.offset_h
        at = scan.at.astimezone(timezone(timedelta(hours=hours)))
        date = f"{at:%b} {at.day}, {at.year}, {at.hour % 12 or 12}:{at:%M %p}"
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in (date, scan.text, scan.place))
        rows += f'<tr class="result-table-row">{cells}</tr>'
    head = "<tr><th>Date and time</th><th>Status</th><th>Location</th></tr>"
    return (
        f'<table class="result-table" id="table-{escape(number)}"><thead>{head}</thead>'
        f"<tbody>{rows or _NOTHING}</tbody></table>"
    )
