"""Paack's page on loopback: JSON in a script, for who knows the postcode."""

import json
from collections.abc import Callable
from datetime import datetime
from itertools import cycle
from typing import Any

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

CODE = "paack"
STRANGER = "EXEMPLE99999"
#: Forms of a time, which come in turn.
_FORMS: tuple[Callable[[datetime], int | str], ...] = (
    lambda at: int(at.timestamp()),
    lambda at: at.isoformat(),
    lambda at: int(at.timestamp() * 1000),
)


routes = CarrierRoutes()


@routes.answer("/tracking/order")
def _order(world: CarrierWorld, call: Call) -> Response:
    number = call.query.get("tracking_number", "")
    failure = world.begin(CODE, [number])
    made = spoiled(world, failure, _FAILURES)
    if made:
        return made
    told = next(iter(chosen([number], failure, STRANGER)), STRANGER)
    is_known = failure is not Failure.UNKNOWN and call.query.get("postal_code") == POSTCODE
    data = world.render(told, _data) if is_known else None
    if data is None:
        return _page("<h1>Commande introuvable</h1>")
    context = {"state": {"loaderData": {"routes/tracking.order": data}}}
    return _page(f"<script>window.__remixContext = {json.dumps(context)};</script>")


def _page(content: str) -> Response:
    return HTMLResponse(f"<!doctype html><html><body>{content}</body></html>")


_FAILURES: dict[Failure, Replacement] = {
    **ROBOT_CHECK,
    Failure.MOVED: lambda _: Response("", 300, {"Location": "/maintenance"}),
    Failure.GARBAGE: lambda _: _page('<script>window.__remixContext = {"state":{"loa'),
}


def _data(parcel: SandboxParcel | None, number: str) -> dict[str, Any] | None:
    if parcel is None and number != STRANGER:
        return None
    scans = parcel.scans[CODE] if parcel else []
    steps: list[dict[str, Any]] = [
        {"id": "SX", "label": scan.code, "timestamp": form(scan.at), "timeline": True}
        for scan, form in zip(scans, cycle(_FORMS), strict=False)
    ]
    return {
        "orderTrackData": {
            "external_id": number,
            "expected_delivery_ts": {
                "start": "2026-11-13T08:00:00Z",
                "end": "2026-11-13T18:00:00Z",
            },
            "recipient": {"name": "Jeanne EXEMPLE", "phone": "06 39 98 00 11"},
        },
        # A step of the future has no time; one that is not on the page is marked.
        "eventList": [
            {"id": "SZ", "label": "delivered"},
            {"id": "SY", "label": "secret", "timestamp": 1, "timeline": False},
            *reversed(steps),
        ],
    }
