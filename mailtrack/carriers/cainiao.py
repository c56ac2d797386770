"""Cainiao: the consumer page's own JSON, without key or contract.

One request for many numbers; the whole journey up to, and often beyond, the hand-over
to the local carrier. Two traps shape this file. Errors and robot checks come as HTTP
200. And clocks: `time` is always `timeStr` read as Beijing time, and `timeZone` may be
the Chinese one for scans made in Europe, so that only the order of the list is sure.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar

from mailtrack.carriers.base import Budget, Declaration
from mailtrack.carriers.history import ABROAD, BEIJING, STEP, borne_out, is_sure_of, told_apart
from mailtrack.carriers.local_numbers import number_in_texts, other_number
from mailtrack.carriers.shape import (
    day_in_paris,
    in_utc,
    instant_of_ms,
    local_time,
    record,
    records,
    string,
    zone_of,
)
from mailtrack.carriers.texts import (
    comparable,
    comparable_code,
    split_place,
    tidy,
    without_people,
)
from mailtrack.carriers.transport import (
    CHALLENGE_S,
    Transport,
    challenged,
    join,
    misunderstood,
    out_of_order,
    raise_for_status,
)
from mailtrack.carriers.vocabulary import classify
from mailtrack.clock import Clock
from mailtrack.domain.milestones import STAGES
from mailtrack.domain.model import PollResult, PollState, TrackingEvent
from mailtrack.errors import PermanentError
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
#: Codes after which a parcel is no longer in China, besides those of later phases.
DEPARTURES = frozenset({"LH_DEPART", "LH_ARRIVE", "LH_TRANS_ARRIVE", "TD_TRANS_ARRIVE"})
#: Fields that name the local carrier's number, the surest first; a virtual one may be the
#: number by which Cainiao itself goes on.
LOCAL_NUMBERS = ("copyRealMailNo", "realMailNo", "copyVirtualMailNo", "virtualMailNo")
#: Single scans that stand in for a list without any, newest first.
STAND_INS = ("latestTrace", "globalCombinedLogisticsTraceDTO")


class Cainiao:
    """Asks global.cainiao.com."""

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        self._url = join(settings.url or DECLARATION.url, PATH)
        self._transport = transport
        self._clock = clock

    def fetch(self, numbers: Sequence[str]) -> Mapping[str, PollResult]:
        """Ask for all numbers at once; see `carriers.base.Carrier`.

        1. A robot check is a page in the place of JSON, or known by its marks, in what came or
           in the address that it sends us to.
        2. A failure tells by its status, or inside a 200.
        3. What is left may hold a neighbour's shipment: only what was asked for counts.
        """
        answer = self._transport.get(
            self._url,
            params={"mailNos": ",".join(numbers), "lang": "en-US"},
            headers={"Accept": "application/json"},
        )
        # 1.
        told = answer.body + answer.headers.get("location", "").encode(errors="replace")
        if answer.is_page or any(mark in told for mark in CHALLENGE_MARKS):
            raise challenged(f"{answer.host} asks for a robot check", CHALLENGE_S)
        # 2.
        raise_for_status(answer, self._clock.now(), keyless=True)
        page = answer.object()
        if page.get("success") is not True:
            code = string(page.get("errorCode")) or "no error code"
            said = f"{answer.host} could not answer ({code[:60]})"
            is_ours = any(part in code.upper() for part in PERMANENT_ERRORS)
            raise misunderstood(said) if is_ours else out_of_order(said)
        lists = (page.get(name) for name in ("module", "data"))
        modules = next((one for one in lists if isinstance(one, list)), None)
        if modules is None:
            raise PermanentError(f"{answer.host} answered success without a list of modules.")
        # 3.
        results = map(_result, records(modules))
        return {result.number: result for result in results if result.number in numbers}


def _result(module: Mapping[str, Any]) -> PollResult:
    """Return what the page tells of one shipment."""
    number = string(module.get("mailNo"))
    lines = records(module.get("detailList"))
    stand_ins = (records([module.get(name)]) for name in STAND_INS)
    status = string(module.get("status"))
    told = (_events(listed, status) for listed in (lines, *stand_ins))
    events = next(filter(None, told), ())
    texts = (string(line.get(name)) for line in lines for name in ("desc", "standerdDesc"))
    named = [string(module.get(name)) for name in LOCAL_NUMBERS]
    local_number = other_number(number, *named, number_in_texts(texts, DECLARATION.code))
    # An unknown number is echoed as EXTERNAL; a known one waits for its seller.
    is_echo = string(module.get("mailNoSource")) in ("", "EXTERNAL") and not module.get("status")
    without_events = PollState.NOT_FOUND if is_echo and not local_number else PollState.PENDING
    eta = record(module.get("globalEtaInfo"))
    latest = eta.get("deliveryMaxTime") or eta.get("deliveryMinTime")
    return PollResult(
        number=number,
        state=PollState.FOUND if events else without_events,
        events=events,
        local_number=local_number,
        estimated_delivery=day_in_paris(instant_of_ms(latest)),
    )


def _events(newest_first: Sequence[Mapping[str, Any]], status: str) -> tuple[TrackingEvent, ...]:
    """Return the lines of the page as events, newest first as they are listed.

    `status` is Cainiao's of the whole parcel.

    From the oldest line on:
    1. Read the words: those of Cainiao, and the carrier's own where they differ.
    2. Read the clock. It is believed with its zone, but abroad not with China's own.
    3. Keep the order: a doubtful time never runs before its predecessor, it is put one
       second behind it.
    """
    events: list[TrackingEvent] = []
    abroad = False
    latest: datetime | None = None
    for line in reversed(newest_first):
        # 1.
        code = comparable_code(string(line.get("actionCode")))
        group = record(line.get("group")).get("nodeCode")
        place, text = split_place(tidy(string(line.get("standerdDesc"))))
        own_place, own_text = split_place(tidy(string(line.get("desc"))))
        same = comparable(text) == comparable(own_text)
        said = text if same else f"{text} / {own_text}".strip(" /")
        full_code = f"{code}@{string(group)}" if string(group) else code
        means = classify(DECLARATION.code, full_code, said)
        # 2.
        local, zone = _wall_clock(line)
        here = abroad or STAGES[means.milestone].phase in ABROAD
        certain = local is not None and is_sure_of(zone, abroad=here)
        at = in_utc(local.replace(tzinfo=zone or BEIJING)) if local else None
        # 3.
        if latest is not None and not certain:
            at = max(at or latest, latest + STEP)
        if at is None:
            continue
        events.append(
            TrackingEvent(
                at=at,
                milestone=means.milestone,
                source=DECLARATION.code,
                code=code,
                text=without_people(text or own_text),
                place=place or own_place,
                at_certain=certain,
                reason=means.reason,
                mark=string(line.get("timeStr")) or string(line.get("time")),
                certainty=means.certainty,
            )
        )
        latest = max(at, latest or at)
        abroad = here or code in DEPARTURES or zone not in (None, BEIJING)
    return told_apart(borne_out(DECLARATION.code, events, status))


def _wall_clock(line: Mapping[str, Any]) -> tuple[datetime | None, timezone | None]:
    """Return the naive time that a person on the spot read, and the zone of it, where given."""
    local = local_time(line.get("timeStr"))
    if local is None:
        # `time` is the same wall clock taken for Beijing's.
        at = instant_of_ms(line.get("time"))
        local = in_utc(at + timedelta(hours=8)) if at and at.year < 9999 else None
    return local and local.replace(tzinfo=None), zone_of(string(line.get("timeZone")))
