"""4PX (递四方): the open platform for its customers, or the list behind its own page.

The platform wants a signature over the request's parameters and body. The list wants
nothing, is documented nowhere and is asked only where the settings say `keyless`. The
platform prints Beijing's clock for scans anywhere in the world, the list the clock of the
zone that stands beside it.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mailtrack.carriers.base import Access, Budget, Declaration, OneByOne
from mailtrack.carriers.history import BEIJING, Scan, poll_result, read_history
from mailtrack.carriers.local_numbers import number_in_texts
from mailtrack.carriers.shape import in_zone, local_time, record, records, string, zone_of
from mailtrack.carriers.transport import (
    Transport,
    join,
    misunderstood,
    out_of_order,
    raise_for_status,
    refused,
)
from mailtrack.clock import Clock
from mailtrack.domain.model import PollResult, PollState
from mailtrack.errors import TransientError
from mailtrack.settings import CarrierSettings

DECLARATION = Declaration(
    code="4px",
    name="4PX",
    url="https://open.4px.com",
    page="https://track.4px.com/#/result/0/{number}",
    # The list takes an array, of which it reads the first number only.
    batch=1,
    # Nothing is published.
    budget=Budget(per_second=0.5, per_day=3_000),
    credentials=("client_id", "client_secret"),
    access=Access.CONTRACT,
    keyless_url="https://track.4px.com",
)
PATH = "/router/api/service"
LIST_PATH = "/track/v2/front/listTrackV3"
METHOD = "tr.order.tracking.get"
#: `errorCode` of a request whose key is not known.
BAD_KEY = "000013"
#: `errorCode` of the platform's own troubles.
OUT_OF_ORDER = "DS000000"
#: Words of failures without a published code; their Chinese may be unreadable.
_ABOUT_US = re.compile(r"app_?key|access_?token|\bsign|签名|权限", re.IGNORECASE)
_NOTHING = re.compile(r"not (exist|found)|no (data|record)|不存在|无(数据|轨迹)", re.IGNORECASE)
#: `status` of a parcel that the list does not know.
UNKNOWN = "7"


class FourPx(OneByOne):
    """Asks open.4px.com, or track.4px.com."""

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        self._base = settings.url
        self._key = settings.client_id
        self._secret = settings.client_secret
        self._keyless = settings.keyless
        self._transport = transport
        self._clock = clock

    def _ask(self, number: str) -> PollResult | None:
        """Ask open.4px.com, whose failures are codes and words inside a 200."""
        if self._keyless:
            return self._ask_list(number)
        body = json.dumps({"deliveryOrderNo": number}, separators=(",", ":"))
        signed = {
            "app_key": self._key.get_secret_value(),
            "format": "json",
            "method": METHOD,
            "timestamp": str(int(self._clock.now().timestamp() * 1000)),
            "v": "1.0.0",
        }
        sign = signature(signed, body, self._secret.get_secret_value())
        url = join(self._base or DECLARATION.url, PATH)
        query = "&".join(f"{name}={value}" for name, value in signed.items())
        answer = self._transport.post(
            f"{url}?{query}&sign={sign}&language=en",
            content=body.encode(),
            headers={"Content-Type": "application/json"},
        )
        raise_for_status(answer, self._clock.now())
        page = answer.object()
        if string(page.get("result")) != "1":
            error = next(iter(records(page.get("errors"))), {})
            code, message = string(error.get("errorCode")), string(error.get("errorMsg"))
            if _NOTHING.search(message):
                return PollResult(number, PollState.NOT_FOUND)
            said = f"{answer.host} could not answer ({code[:20] or 'no error code'})"
            if code == BAD_KEY or _ABOUT_US.search(message):
                raise refused(said)
            raise out_of_order(said) if code in ("", OUT_OF_ORDER) else misunderstood(said)
        data = record(page.get("data"))
        if string(data.get("deliveryOrderNo")) not in ("", number):
            return None
        scans = []
        for line in reversed(records(data.get("trackingList"))):
            written = string(line.get("occurDatetime"))
            scans.append(
                Scan(
                    local=in_zone(local_time(written), BEIJING),
                    text=string(line.get("trackingContent")),
                    code=string(line.get("businessLinkCode")),
                    place=string(line.get("occurLocation")),
                    mark=written,
                )
            )
        events = read_history(DECLARATION.code, scans)
        return poll_result(number, events, without_events=PollState.NOT_FOUND)

    def _ask_list(self, number: str) -> PollResult | None:
        """Ask track.4px.com, which tells of failures only that there is one."""
        answer = self._transport.post(
            join(self._base or DECLARATION.keyless_url, LIST_PATH),
            json={"queryCodes": [number], "language": "en-us", "translateLanguage": ""},
            headers={"Accept": "application/json"},
        )
        raise_for_status(answer, self._clock.now(), keyless=True)
        page = answer.object()
        if string(page.get("result")) != "1":
            raise TransientError(
                f"{answer.host} could not answer (result not 1); asking again later."
            )
        parcels = records(page.get("data"))
        parcel = next((p for p in parcels if string(p.get("queryCode")) == number), None)
        if parcel is None:
            return None
        newest_first = records(parcel.get("tracks"))
        events = read_history(DECLARATION.code, map(_track, reversed(newest_first)))
        unknown = string(parcel.get("status")) == UNKNOWN
        # The number of the local carrier; the shop's own is `shipperCode`.
        texts = (string(line.get("tkDesc")) for line in newest_first)
        named = (string(parcel.get("serverCode")), number_in_texts(texts, DECLARATION.code))
        return poll_result(
            number,
            events,
            without_events=PollState.NOT_FOUND if unknown else PollState.PENDING,
            local_numbers=named,
        )


def _track(line: Mapping[str, Any]) -> Scan:
    """Read a line of the list: `tkDateStr` is the clock of `tkTimezone`, and of it alone.

    `tkDate`, a time with other digits, stands in where there is no other.
    """
    written = string(line.get("tkDateStr")) or string(line.get("tkDate"))
    clock, zone = local_time(written), _zone(string(line.get("tkTimezone")))
    local = clock
    if clock and clock.tzinfo is None:
        local = clock.replace(tzinfo=zone)
    return Scan(
        local=local,
        text=string(line.get("tkDesc")),
        code=string(line.get("tkCode")),
        place=string(line.get("tkLocation")),
        mark=written,
    )


def _zone(written: str) -> tzinfo | None:
    """Return the zone of an offset ("UTC+01:00") or a name ("UTCAmerica/Vancouver")."""
    try:
        return zone_of(written) or ZoneInfo(written.removeprefix("UTC"))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def signature(parameters: Mapping[str, str], body: str, secret: str) -> str:
    """Return the platform's signature: names and values in the order of names, body, secret."""
    pairs = "".join(f"{name}{parameters[name]}" for name in sorted(parameters))
    return hashlib.md5(f"{pairs}{body}{secret}".encode(), usedforsecurity=False).hexdigest()
