"""Cainiao: the consumer page's own JSON, without key or contract.

One request for many numbers; the whole journey up to, and often beyond, the hand-over
to the local carrier. Two traps shape this file. Errors and robot checks come as HTTP
200. And clocks: `time` is always `timeStr` read as Beijing time, and `timeZone` may be
the Chinese one for scans made in Europe, so that only the order of the list is sure.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, ClassVar

from mailtrack.carriers.base import Budget, Declaration
from mailtrack.carriers.history import told_apart
from mailtrack.carriers.shape import (
    day_in_paris,
    in_utc,
    instant_of_ms,
    local_time,
    record,
    records,
    string,
)
from mailtrack.carriers.texts import comparable, split_place, tidy, without_people
from mailtrack.carriers.transport import Answer, Transport, join, raise_for_status
from mailtrack.carriers.vocabulary import Classified, classify
from mailtrack.clock import Clock
from mailtrack.domain.milestones import STAGES, Phase
from mailtrack.domain.model import PollResult, PollState, TrackingEvent
from mailtrack.errors import ChallengeError, MailtrackError, PermanentError, TransientError
from mailtrack.settings import CarrierSettings

DECLARATION = Declaration(
    code="cainiao",
    name="Cainiao",
    url="https://global.cainiao.com",
    page="https://global.cainiao.com/newDetail.htm?mailNoList={number}",
    batch=10,
    # Nothing is published; a challenge hits the address for all Alibaba sites.
    budget=Budget(per_second=0.1, per_day=2_000),
)
PATH = "/global/detail.json"
#: Seconds of silence after a robot check, which is never solved nor retried at once.
CHALLENGE_S = 6 * 3600.0
#: What the slider page, as HTML or as JSON, is known by.
CHALLENGE_MARKS = (
    b"sufei-punish",
    b"punish?x5secdata=",
    b"<punish-component",
    b"FAIL_SYS_USER_VALIDATE",
    b"#nocaptcha",
    b"rgv587_flag",
    b"/_____tmd_____/",
)
#: Parts of the errorCode of a request that will never be understood.
PERMANENT_ERRORS = ("PARAM", "ILLEGAL", "INVALID")
BEIJING = timezone(timedelta(hours=8))
#: Codes after which a parcel is no longer in China, besides those of later phases.
DEPARTURES = frozenset({"LH_DEPART", "LH_ARRIVE", "LH_TRANS_ARRIVE", "TD_TRANS_ARRIVE"})
_ABROAD = frozenset({Phase.ARRIVAL, Phase.DELIVERY, Phase.RETURN, Phase.END})
_LOCAL_NUMBER = re.compile(r"(?=.*\d)[A-Z0-9]{8,30}")
_ZONE = re.compile(r"(?:GMT|UTC)(?:([+-])(\d{1,2})(?::?(\d{2}))?)?", re.IGNORECASE)


class Cainiao:
    """Asks global.cainiao.com."""

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        self._url = join(settings.url or DECLARATION.url, PATH)
        self._transport = transport
        self._clock = clock

    def fetch(self, numbers: Sequence[str]) -> Mapping[str, PollResult]:
        """Ask for all numbers at once; see `carriers.base.Carrier`."""
        answer = self._transport.get(
            self._url,
            params={"mailNos": ",".join(numbers), "lang": "en-US"},
            headers={"Accept": "application/json"},
        )
        results = (_result(module) for module in self._modules(answer))
        # The answer may hold a neighbour's shipment: only what was asked for counts.
        return {result.number: result for result in results if result.number in numbers}

    def _modules(self, answer: Answer) -> list[Mapping[str, Any]]:
        if _is_challenge(answer):
            raise ChallengeError(
                f"{answer.host} asks for a robot check; silent for {CHALLENGE_S / 3600:g} h.",
                CHALLENGE_S,
            )
        raise_for_status(answer, self._clock.now())
        page = answer.json()
        if not isinstance(page, dict):
            raise PermanentError(f"{answer.host} answered JSON of another form than documented.")
        if page.get("success") is not True:
            raise _failure(answer.host, page)
        if not isinstance(page.get("module"), list):
            raise PermanentError(f"{answer.host} answered success without a list of modules.")
        return records(page["module"])


def _is_challenge(answer: Answer) -> bool:
    """Tell a robot check by its marks, in the page or in the address it sends us to."""
    told = answer.body + answer.headers.get("location", "").encode(errors="replace")
    return any(mark in told for mark in CHALLENGE_MARKS)


def _failure(host: str, page: Mapping[str, Any]) -> MailtrackError:
    code = string(page.get("errorCode")) or "no error code"
    said = f"{host} could not answer ({code[:60]})"
    if any(part in code.upper() for part in PERMANENT_ERRORS):
        return PermanentError(f"{said}: it does not understand the request.")
    return TransientError(f"{said}; asking again later.")


def _result(module: Mapping[str, Any]) -> PollResult:
    number = string(module.get("mailNo"))
    local_number = _local_number(module, number)
    events = tuple(_events(records(module.get("detailList"))))
    return PollResult(
        number=number,
        state=_state(module, events, local_number),
        events=events,
        local_number=local_number,
        estimated_delivery=_estimate(record(module.get("globalEtaInfo"))),
    )


def _state(
    module: Mapping[str, Any], events: tuple[TrackingEvent, ...], local_number: str | None
) -> PollState:
    if events:
        return PollState.FOUND
    # An unknown number is echoed as EXTERNAL; a known one waits for its seller.
    source = string(module.get("mailNoSource"))
    unknown = local_number is None and source in ("", "EXTERNAL") and not module.get("status")
    return PollState.NOT_FOUND if unknown else PollState.PENDING


def _local_number(module: Mapping[str, Any], number: str) -> str | None:
    """Return the last-mile number: a field of its own, else the last word of a sentence."""
    words = string(module.get("realMailNo")).split()
    for candidate in (string(module.get("copyRealMailNo")), *words[-1:]):
        if candidate != number and _LOCAL_NUMBER.fullmatch(candidate):
            return candidate
    return None


def _estimate(eta: Mapping[str, Any]) -> date | None:
    latest = eta.get("deliveryMaxTime") or eta.get("deliveryMinTime")
    return day_in_paris(instant_of_ms(latest))


def _events(details: Sequence[Mapping[str, Any]]) -> Iterator[TrackingEvent]:
    """Yield the events newest first, as the page lists them."""
    oldest_first = [_scan(trace) for trace in reversed(details)]
    yield from told_apart(_dated(oldest_first))


@dataclass(frozen=True, slots=True)
class _Scan:
    """One line of the list, before its time is settled."""

    code: str
    text: str
    place: str
    means: Classified
    local: datetime | None
    zone: timezone | None
    mark: str


def _scan(trace: Mapping[str, Any]) -> _Scan:
    code = string(trace.get("actionCode"))
    group = string(record(trace.get("group")).get("nodeCode"))
    place, text = split_place(tidy(string(trace.get("standerdDesc"))))
    own_place, own_text = split_place(tidy(string(trace.get("desc"))))
    said = text if comparable(text) == comparable(own_text) else f"{text} / {own_text}".strip(" /")
    return _Scan(
        code=code,
        text=without_people(text or own_text),
        place=place or own_place,
        means=classify(DECLARATION.code, f"{code}@{group}" if group else code, said),
        local=_local(trace),
        zone=_zone(string(trace.get("timeZone"))),
        mark=string(trace.get("timeStr")) or string(trace.get("time")),
    )


def _local(trace: Mapping[str, Any]) -> datetime | None:
    """Return the wall clock of a scan; `time` is the same wall clock taken for Beijing's."""
    written = local_time(trace.get("timeStr"))
    if written is None:
        at = instant_of_ms(trace.get("time"))
        written = at and in_utc(at + timedelta(hours=8)) if at and at.year < 9999 else None
    return written.replace(tzinfo=None) if written else None


def _zone(text: str) -> timezone | None:
    found = _ZONE.fullmatch(text.replace(" ", ""))
    if found is None:
        return None
    sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    return timezone(-offset if sign == "-" else offset) if offset < timedelta(hours=15) else None


def _dated(oldest_first: Iterable[_Scan]) -> Iterator[TrackingEvent]:
    """Yield events with their times: a doubtful one never runs before its predecessor."""
    abroad = False
    latest: datetime | None = None
    for scan in oldest_first:
        here = abroad or STAGES[scan.means.milestone].phase in _ABROAD
        certain = scan.local is not None and _is_sure_of(scan.zone, abroad=here)
        at = _instant(scan, latest, certain=certain)
        if at is None:
            continue
        yield _event(scan, at, certain=certain)
        latest = max(at, latest or at)
        abroad = here or scan.code in DEPARTURES or scan.zone not in (None, BEIJING)


def _is_sure_of(zone: timezone | None, *, abroad: bool) -> bool:
    return zone is not None and not (abroad and zone == BEIJING)


def _instant(scan: _Scan, latest: datetime | None, *, certain: bool) -> datetime | None:
    at = in_utc(scan.local.replace(tzinfo=scan.zone or BEIJING)) if scan.local else None
    if certain or latest is None:
        return at
    # One second later, so that sorting by time keeps the carrier's order.
    following = latest + timedelta(seconds=1)
    return max(at, following) if at else following


def _event(scan: _Scan, at: datetime, *, certain: bool) -> TrackingEvent:
    return TrackingEvent(
        at=at.astimezone(UTC),
        milestone=scan.means.milestone,
        source=DECLARATION.code,
        code=scan.code,
        text=scan.text,
        place=scan.place,
        at_certain=certain,
        reason=scan.means.reason,
        mark=scan.mark,
    )
