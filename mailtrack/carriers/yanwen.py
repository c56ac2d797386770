"""Yanwen (燕文): the merchants' service, up to thirty numbers a request.

Also reads the older form of its answers: one object with one list of scans on either
side of the border. Scans after the arrival are local times with China's offset.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, ClassVar

from mailtrack.carriers.base import Access, Budget, Declaration
from mailtrack.carriers.history import BEIJING, Scan, in_order_of_time, oldest_first, read_history
from mailtrack.carriers.local_numbers import number_in_texts, other_number
from mailtrack.carriers.shape import in_zone, local_time, records, string, zone_of
from mailtrack.carriers.transport import (
    Transport,
    join,
    out_of_order,
    raise_for_status,
    refused,
    too_often,
)
from mailtrack.clock import Clock
from mailtrack.domain.model import PollResult, PollState
from mailtrack.settings import CarrierSettings

DECLARATION = Declaration(
    code="yanwen",
    name="Yanwen",
    # The documentation prints http, and its certificate was once seen to name another host.
    url="https://api.track.yw56.com.cn",
    page="https://track.yw56.com.cn/en/querydel?nums={number}",
    batch=30,
    # Nothing is published.
    budget=Budget(per_second=1.0, per_day=5_000),
    credentials=("key",),
    access=Access.CONTRACT,
)
PATH = "/api/tracking"
#: Any of these may be the number that was asked for.
NAMES = ("tracking_number", "waybill_number", "yanwen_number", "exchange_number")
LISTS = ("checkpoints", "origin_items", "destin_items")
UNKNOWN = "NOTFOUND"
#: Seconds of silence where a failure speaks of too many requests.
QUOTA_S = 600.0
#: What a failure's message speaks of: its numbers are published nowhere.
_ABOUT_US = re.compile(r"auth|token|merchant|permission|授权|权限|商户", re.IGNORECASE)
_TOO_OFTEN = re.compile(r"limit|frequen|too many|频", re.IGNORECASE)


class Yanwen:
    """Asks api.track.yw56.com.cn."""

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        self._url = join(settings.url or DECLARATION.url, PATH)
        self._key = settings.key
        self._transport = transport
        self._clock = clock

    def fetch(self, numbers: Sequence[str]) -> Mapping[str, PollResult]:
        """Ask for all numbers at once; see `carriers.base.Carrier`."""
        answer = self._transport.get(
            self._url,
            params={"nums": ",".join(numbers)},
            headers={"Authorization": self._key.get_secret_value(), "Accept": "application/json"},
        )
        raise_for_status(answer, self._clock.now())
        page = answer.object()
        code = string(page.get("code"))
        if code != "0":
            said = f"{answer.host} could not answer (code {code[:20] or 'missing'})"
            message = string(page.get("message"))
            if _TOO_OFTEN.search(message):
                raise too_often(said, QUOTA_S)
            if _ABOUT_US.search(message):
                raise refused(said)
            raise out_of_order(said)
        # The older form is the parcel itself.
        parcels = records(page["result"]) if "result" in page else [page]
        results = (_result(parcel, numbers) for parcel in parcels)
        return {result.number: result for result in results if result}


def _result(parcel: Mapping[str, Any], numbers: Sequence[str]) -> PollResult | None:
    """Return what is known of a parcel; None where nobody asked for it.

    The older form does not even repeat a number that it does not know, and has two lists
    of scans that run side by side.
    """
    names = [string(parcel.get(name)) for name in NAMES]
    number = next((name for name in names if name in numbers), None)
    if number is None and not any(names) and len(numbers) == 1:
        number = numbers[0]
    if number is None:
        return None
    lists = [oldest_first([*map(_scan, records(parcel.get(name)))]) for name in LISTS]
    told = [scans for scans in lists if any(scan.local for scan in scans)]
    scans = told[0] if len(told) == 1 else in_order_of_time(chain.from_iterable(told))
    events = read_history(DECLARATION.code, scans)
    texts = (line.text for line in reversed(scans))
    named = (string(parcel.get("exchange_number")), number_in_texts(texts, DECLARATION.code))
    local_number = other_number(number, *named)
    status = string(parcel.get("tracking_status"))
    if not (events or local_number) and status in ("", UNKNOWN):
        return PollResult(number, PollState.NOT_FOUND)
    return PollResult(
        number, PollState.FOUND if events else PollState.PENDING, events, local_number
    )


def _scan(line: Mapping[str, Any]) -> Scan:
    """Read a line; its zone stands in the time or beside it, else it is China's, as is usual."""
    written = string(line.get("time_stamp")) or string(line.get("timestamp"))
    zone = zone_of(string(line.get("time_zone"))) or BEIJING
    return Scan(
        local=in_zone(local_time(written), zone),
        text=string(line.get("message")),
        code=string(line.get("tracking_status")),
        place=string(line.get("location")),
        mark=written,
    )
