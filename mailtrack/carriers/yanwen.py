"""Yanwen (燕文): the merchants' service, up to thirty numbers a request.

Also reads the older form of its answers: one object with one list of scans on either
side of the border. Scans after the arrival are local times with China's offset.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar

from mailtrack.carriers.base import Budget, Declaration
from mailtrack.carriers.history import BEIJING, Scan, in_order_of_time, oldest_first, read_history
from mailtrack.carriers.shape import local_time, records, string
from mailtrack.carriers.transport import Answer, Transport, join, raise_for_status
from mailtrack.clock import Clock
from mailtrack.domain.model import PollResult, PollState
from mailtrack.errors import (
    AuthError,
    MailtrackError,
    PermanentError,
    QuotaError,
    TransientError,
)
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
_LOCAL_NUMBER = re.compile(r"(?=.*\d)[A-Z0-9]{8,30}")
_ZONE = re.compile(r"(?:GMT|UTC)?([+-]?)(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE | re.ASCII)


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
        results = (_result(parcel, numbers) for parcel in _parcels(answer))
        return {result.number: result for result in results if result}


def _parcels(answer: Answer) -> list[Mapping[str, Any]]:
    page = answer.json()
    if not isinstance(page, dict):
        raise PermanentError(f"{answer.host} answered JSON of another form than documented.")
    if string(page.get("code")) != "0":
        raise _failure(answer.host, page)
    # The older form is the parcel itself.
    return records(page["result"]) if "result" in page else [page]


def _failure(host: str, page: Mapping[str, Any]) -> MailtrackError:
    said = f"{host} could not answer (code {string(page.get('code'))[:20] or 'missing'})"
    message = string(page.get("message"))
    if _TOO_OFTEN.search(message):
        return QuotaError(f"{said}: we ask too often.", QUOTA_S)
    if _ABOUT_US.search(message):
        return AuthError(f"{said}: it refuses our credentials; check the carrier's settings.")
    return TransientError(f"{said}; asking again later.")


def _result(parcel: Mapping[str, Any], numbers: Sequence[str]) -> PollResult | None:
    names = [string(parcel.get(name)) for name in NAMES]
    number = next((name for name in names if name in numbers), None)
    if number is None and not any(names) and len(numbers) == 1:
        # The older form does not even repeat a number that it does not know.
        number = numbers[0]
    if number is None:
        return None
    events = read_history(DECLARATION.code, _scans(parcel))
    local_number = _local_number(parcel, number)
    status = string(parcel.get("tracking_status"))
    if not (events or local_number) and status in ("", UNKNOWN):
        return PollResult(number, PollState.NOT_FOUND)
    return PollResult(
        number, PollState.FOUND if events else PollState.PENDING, events, local_number
    )


def _local_number(parcel: Mapping[str, Any], number: str) -> str | None:
    exchanged = string(parcel.get("exchange_number"))
    other = exchanged not in ("", number)
    return exchanged if other and _LOCAL_NUMBER.fullmatch(exchanged) else None


def _scans(parcel: Mapping[str, Any]) -> Sequence[Scan]:
    """Return the scans oldest first; the two lists of the older form run side by side."""
    lists = [oldest_first([*_lines(records(parcel.get(name)))]) for name in LISTS]
    if sum(map(bool, lists)) == 1:
        return next(filter(None, lists))
    return in_order_of_time(scan for scans in lists for scan in scans)


def _lines(lines: Sequence[Mapping[str, Any]]) -> Iterator[Scan]:
    for line in lines:
        written = string(line.get("time_stamp")) or string(line.get("timestamp"))
        local = local_time(written)
        if local is not None:
            yield Scan(
                local=_aware(local, string(line.get("time_zone"))),
                text=string(line.get("message")),
                code=string(line.get("tracking_status")),
                place=string(line.get("location")),
                mark=written,
            )


def _aware(local: datetime, zone: str) -> datetime:
    """Return a time in its zone: the one written beside it, else China's, as is usual."""
    if local.tzinfo is not None:
        return local
    found = _ZONE.fullmatch(zone.replace(" ", ""))
    if found is None:
        return local.replace(tzinfo=BEIJING)
    offset = timedelta(hours=int(found[2]) % 15, minutes=int(found[3] or 0) % 60)
    return local.replace(tzinfo=timezone(-offset if found[1] == "-" else offset))
