"""Carriers on loopback: Cainiao and La Poste in their own formats, quirks included.

A `CarrierWorld` holds parcels whose scans somebody reveals one by one (a test, the
demo's director in another thread). `carrier_app` speaks to clients from it, and
`serve` runs any ASGI application on a port of 127.0.0.1 (0: a free one).
"""

import socket
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

CAINIAO = "cainiao"
LAPOSTE = "laposte"
#: Seconds that a hanging answer waits at most for `CarrierWorld.release`.
HANG_S = 60.0
_BEIJING = timezone(timedelta(hours=8))
_PARIS = ZoneInfo("Europe/Paris")
#: Other customers' parcels, for answers about a number that nobody asked for.
STRANGERS = {CAINIAO: "LP00999999999999", LAPOSTE: "6Z99999999999"}


class Failure(StrEnum):
    """What the next answers of a carrier suffer from."""

    QUOTA = "quota"  # 429, Retry-After in seconds
    QUOTA_DATE = "quota_date"  # 429, Retry-After as an HTTP date
    OUTAGE = "outage"  # 500
    REFUSAL = "refusal"  # Cainiao: success false in a 200; La Poste: 504
    GARBAGE = "garbage"  # half a JSON document
    CHALLENGE = "challenge"  # a slider page in a 200
    BAD_KEY = "bad_key"  # 401
    HANG = "hang"  # nothing until released
    UNKNOWN = "unknown"  # knows none of the numbers
    MISSING = "missing"  # leaves the last of the numbers out
    STRANGER = "stranger"  # answers for another number
    BARE = "bare"  # La Poste: an object instead of a list of one


@dataclass(frozen=True, slots=True)
class Scan:
    """One line of a carrier's history.

    `zone` is what Cainiao prints, `offset_h` the clock that the scan was made by, where
    the two differ.
    """

    code: str
    text: str
    at: datetime
    place: str = ""
    group: str = ""
    zone: str = "GMT+8"
    offset_h: int | None = None


@dataclass(slots=True)
class SandboxParcel:
    """What the carriers know of one number."""

    number: str
    local_number: str | None = None
    destination: str = "France"
    estimate: datetime | None = None
    pickup_point: str = ""
    scans: dict[str, list[Scan]] = field(default_factory=lambda: defaultdict(list))


class CarrierWorld:
    """The parcels, and how the carriers behave; safe to use from any thread."""

    def __init__(self, *, laposte_key: str = "sandbox-key", retry_after_s: int = 120) -> None:
        self.laposte_key = laposte_key
        self.retry_after_s = retry_after_s
        #: Requests per carrier, and the numbers of each.
        self.requests: Counter[str] = Counter()
        self.asked: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        self._lock = threading.RLock()
        self._parcels: dict[str, SandboxParcel] = {}
        self._failures: dict[str, deque[Failure]] = defaultdict(deque)
        self._released = threading.Event()

    def parcel(
        self,
        number: str,
        *,
        local_number: str | None = None,
        destination: str = "France",
        estimate: datetime | None = None,
        pickup_point: str = "",
    ) -> SandboxParcel:
        """Make a number known, or change what is known of it."""
        with self._lock:
            parcel = self._parcels.setdefault(number, SandboxParcel(number))
            parcel.local_number = local_number or parcel.local_number
            parcel.destination = destination
            parcel.estimate = estimate or parcel.estimate
            parcel.pickup_point = pickup_point or parcel.pickup_point
            return parcel

    def scan(
        self,
        number: str,
        carrier: str,
        code: str,
        text: str,
        at: datetime,
        *,
        place: str = "",
        group: str = "",
        zone: str = "GMT+8",
        offset_h: int | None = None,
    ) -> None:
        """Reveal the next scan of a parcel; the carrier lists scans as they are revealed."""
        with self._lock:
            parcel = self._parcels.setdefault(number, SandboxParcel(number))
            parcel.scans[carrier].append(Scan(code, text, at, place, group, zone, offset_h))

    def fail_next(self, carrier: str, kind: Failure | str, times: int = 1) -> None:
        """Spoil the next `times` answers of a carrier; failures queue up."""
        with self._lock:
            self._failures[carrier].extend([Failure(kind)] * times)

    def release(self) -> None:
        """Let hanging answers, present and future, go on."""
        self._released.set()

    def begin(self, carrier: str, numbers: Sequence[str]) -> Failure | None:
        """Note a request and return how its answer fails."""
        with self._lock:
            self.requests[carrier] += 1
            self.asked[carrier].append(tuple(numbers))
            failures = self._failures[carrier]
            return failures.popleft() if failures else None

    def hang(self) -> None:
        """Wait for `release`, at most HANG_S seconds."""
        self._released.wait(HANG_S)

    def render(
        self, number: str, form: Callable[[SandboxParcel | None, str], dict[str, Any]]
    ) -> dict[str, Any]:
        """Return a parcel in a carrier's form, read in one piece."""
        with self._lock:
            return form(self._parcels.get(number), number)


def carrier_app(world: CarrierWorld) -> ASGIApp:
    """Return the carriers as one application: `/cainiao/…` and `/laposte/…`."""

    def cainiao(request: Request) -> Response:
        numbers = request.query_params.get("mailNos", "").split(",")
        failure = world.begin(CAINIAO, numbers)
        return _spoiled(world, CAINIAO, failure) or _cainiao_page(world, numbers, failure)

    def laposte(request: Request) -> Response:
        numbers = request.path_params["ids"].split(",")
        failure = world.begin(LAPOSTE, numbers)
        if request.headers.get("x-okapi-key") != world.laposte_key:
            failure = Failure.BAD_KEY
        return _spoiled(world, LAPOSTE, failure) or _laposte_page(world, numbers, failure)

    return Starlette(
        routes=[
            Route("/cainiao/global/detail.json", cainiao),
            Route("/laposte/suivi/v2/idships/{ids}", laposte),
        ]
    )


@contextmanager
def serve(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Run `app` in a thread on a free port of 127.0.0.1; gives its base address."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        config = uvicorn.Config(
            app, log_level="error", lifespan="off", ws="none", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            # Connections wait in the listener's queue until the server accepts them.
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _spoiled(world: CarrierWorld, carrier: str, failure: Failure | None) -> Response | None:
    """Return the answer that a failure replaces; None where the data is answered."""
    if failure is Failure.HANG:
        world.hang()
        return None
    made = _REPLACEMENTS.get(failure) if failure else None
    return made(world, carrier) if made else None


def _quota(world: CarrierWorld, _: str) -> Response:
    return _too_many(str(world.retry_after_s))


def _quota_date(world: CarrierWorld, _: str) -> Response:
    until = datetime.now(UTC) + timedelta(seconds=world.retry_after_s)
    return _too_many(format_datetime(until, usegmt=True))


def _too_many(retry_after: str) -> Response:
    body = {"code": "TOO_MANY_REQUESTS", "message": "max quota reached (10 calls per 1s)"}
    return JSONResponse(body, 429, {"Retry-After": retry_after})


def _refusal(_: CarrierWorld, carrier: str) -> Response:
    if carrier == CAINIAO:
        return JSONResponse({"success": False, "errorCode": "SYSTEM_BUSY", "errorMsg": "busy"})
    return JSONResponse({"returnCode": 504, "returnMessage": "Service indisponible"}, 504)


def _challenge(_: CarrierWorld, carrier: str) -> Response:
    script = "window._config_ = {'action': 'captcha', 'url': '/_____tmd_____/punish?x5secdata='}"
    page = f"<html><body><div id='nocaptcha'></div><script>{script}</script></body></html>"
    return HTMLResponse(page if carrier == CAINIAO else "<html><body>Incident</body></html>")


_REPLACEMENTS: dict[Failure, Callable[[CarrierWorld, str], Response]] = {
    Failure.QUOTA: _quota,
    Failure.QUOTA_DATE: _quota_date,
    Failure.OUTAGE: lambda _, __: Response("Internal Server Error", 500),
    Failure.REFUSAL: _refusal,
    Failure.GARBAGE: lambda _, __: Response(b'{"module":[{"mailNo":"LP', media_type="text/json"),
    Failure.CHALLENGE: _challenge,
    Failure.BAD_KEY: lambda _, __: JSONResponse(
        {"code": "UNAUTHORIZED", "message": "This action requires an authorization"}, 401
    ),
}


def _chosen(carrier: str, numbers: Sequence[str], failure: Failure | None) -> Sequence[str]:
    if failure is Failure.MISSING:
        return numbers[:-1]
    return [STRANGERS[carrier]] if failure is Failure.STRANGER else numbers


def _cainiao_page(world: CarrierWorld, numbers: Sequence[str], failure: Failure | None) -> Response:
    known = failure is not Failure.UNKNOWN
    modules = [
        world.render(number, _cainiao_module) if known else _cainiao_module(None, number)
        for number in _chosen(CAINIAO, numbers, failure)
    ]
    return JSONResponse({"module": modules, "success": True})


def _cainiao_module(parcel: SandboxParcel | None, number: str) -> dict[str, Any]:
    if parcel is None:
        return {"mailNo": number, "mailNoSource": "EXTERNAL", "detailList": []}
    traces = [_trace(scan) for scan in reversed(parcel.scans[CAINIAO])]
    module: dict[str, Any] = {
        "mailNo": number,
        "mailNoSource": "AE",
        "originCountry": "Mainland China",
        "destCountry": parcel.destination,
        "status": "DELIVERING" if traces else "SELLER_PREPARING",
        "statusDesc": "In transit ",
        "detailList": traces,
        "daysNumber": f"{len(traces)}\tday(s)",
    }
    if traces:
        module["latestTrace"] = traces[0]
    if parcel.local_number:
        module["realMailNo"] = f"Latest Tracking Number:\t{parcel.local_number}"
        module["copyRealMailNo"] = parcel.local_number
    if parcel.estimate:
        at = int(parcel.estimate.timestamp() * 1000)
        module["globalEtaInfo"] = {"deliveryMinTime": at, "deliveryMaxTime": at}
    return module


def _trace(scan: Scan) -> dict[str, Any]:
    hours = int(scan.zone.removeprefix("GMT") or 0) if scan.offset_h is None else scan.offset_h
    wall_clock = scan.at.astimezone(timezone(timedelta(hours=hours))).replace(tzinfo=None)
    trace: dict[str, Any] = {
        # As the live service does: the wall clock of wherever, taken for Beijing's.
        "time": int(wall_clock.replace(tzinfo=_BEIJING).timestamp() * 1000),
        "timeStr": wall_clock.strftime("%Y-%m-%d %H:%M:%S"),
        "desc": scan.text,
        "standerdDesc": f"[{scan.place}] {scan.text}" if scan.place else scan.text,
        "descTitle": "Carrier note:",
        "timeZone": scan.zone,
        "actionCode": scan.code,
    }
    if scan.group:
        trace["group"] = {"nodeCode": scan.group, "nodeDesc": ""}
    return trace


def _laposte_page(world: CarrierWorld, numbers: Sequence[str], failure: Failure | None) -> Response:
    known = failure is not Failure.UNKNOWN
    envelopes = [
        world.render(number, _envelope) if known else _envelope(None, number)
        for number in _chosen(LAPOSTE, numbers, failure)
    ]
    if len(numbers) > 1:
        return JSONResponse(envelopes, 207)
    code = envelopes[0]["returnCode"] if envelopes else 200
    status = {104: 404}.get(code, code)
    bare = failure is Failure.BARE or status != 200
    return JSONResponse(envelopes[0] if bare else envelopes, status)


def _envelope(parcel: SandboxParcel | None, number: str) -> dict[str, Any]:
    head = {"lang": "fr_FR", "scope": "open"}
    if not 11 <= len(number) <= 15 or not number.isalnum():
        message = "Le numéro que vous avez saisi n’est pas valide."
        return {**head, "returnCode": 400, "returnMessage": message, "idShip": number}
    if parcel is None or not parcel.scans[LAPOSTE]:
        message = "Votre suivi n'est pas encore disponible."
        return {**head, "returnCode": 104, "returnMessage": message, "idShip": number}
    return {**head, "returnCode": 200, "shipment": _shipment(parcel, number)}


def _shipment(parcel: SandboxParcel, number: str) -> dict[str, Any]:
    newest_first = list(reversed(parcel.scans[LAPOSTE]))
    context: dict[str, Any] = {
        "deliveryChoice": {"deliveryChoice": 0},
        "originCountry": "CN",
        "arrivalCountry": "FR",
    }
    if parcel.pickup_point:
        context["removalPoint"] = {"name": parcel.pickup_point, "type": "A2P"}
    shipment: dict[str, Any] = {
        # Chronopost's thirteen digits come back with a check letter.
        "idShip": f"{number}X" if number.isdigit() and len(number) == 14 else number,
        "holder": 3 if number.isdigit() else 4,
        "product": "colissimo",
        "isFinal": newest_first[0].code in ("DI1", "DI2", "RE1"),
        "entryDate": _paris(newest_first[-1].at),
        "timeline": [],
        "event": [_laposte_event(i, scan) for i, scan in enumerate(newest_first)],
        "contextData": context,
        "url": f"https://www.laposte.fr/outils/suivre-vos-envois?code={number}",
    }
    if parcel.estimate:
        shipment["estimDate"] = _paris(parcel.estimate)
    return shipment


def _laposte_event(position: int, scan: Scan) -> dict[str, Any]:
    # The newest is always 100: the numbers of all others move with every scan.
    return {
        "order": 100 - position,
        "label": scan.text,
        "date": _paris(scan.at),
        "code": scan.code,
    }


def _paris(at: datetime) -> str:
    return at.astimezone(_PARIS).isoformat(timespec="seconds")
