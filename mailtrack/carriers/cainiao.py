"""Cainiao: the consumer page's own JSON, without key or contract.

One request for many numbers; the whole journey up to, and often beyond, the hand-over
to the local carrier. Two traps shape this file. Errors and robot checks come as HTTP
200. And clocks: `time` is always `timeStr` read as Beijing time, and `timeZone` may be
the Chinese one for scans made in Europe, so that only the order of the list is sure.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar

from mailtrack.carriers.base import Budget, Declaration
from mailtrack.carriers.history import ABROAD, BEIJING, STEP, is_sure_of, told_apart
from mailtrack.carriers.shape import (
    day_in_paris,
    in_utc,
    instant_of_ms,
    local_time,
    other_number,
    record,
    records,
    string,
)
from mailtrack.carriers.texts import comparable, split_place, tidy, without_people
from mailtrack.carriers.transport import (
    Transport,
    join,
    misunderstood,
    out_of_order,
    raise_for_status,
)
from mailtrack.carriers.vocabulary import classify
from mailtrack.clock import Clock
from mailtrack.domain.milestones import STAGES
from mailtrack.domain.model import PollResult, PollState, TrackingEvent
from mailtrack.errors import ChallengeError, PermanentError
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
#: Codes after which a parcel is no longer in China, besides those of later phases.
DEPARTURES = frozenset({"LH_DEPART", "LH_ARRIVE", "LH_TRANS_ARRIVE", "TD_TRANS_ARRIVE"})
_ZONE = re.compile(r"(?:GMT|UTC)(?:([+-])(\d{1,2})(?::?(\d{2}))?)?", re.IGNORECASE)


class Cainiao:
    """Asks global.cainiao.com."""

    declaration: ClassVar[Declaration] = DECLARATION

    def __init__(self, settings: CarrierSettings, transport: Transport, clock: Clock) -> None:
        self._url = join(settings.url or DECLARATION.url, PATH)
        self._transport = transport
        self._clock = clock

    def fetch(self, numbers: Sequence[str]) -> Mapping[str, PollResult]:
        """Ask for all numbers at once; see `carriers.base.Carrier`.

        1. A robot check is known by its marks, in the page or in the address it sends us to.
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
        if any(mark in told for mark in CHALLENGE_MARKS):
            silent = f"silent for {CHALLENGE_S / 3600:g} h"
            raise ChallengeError(f"{answer.host} asks for a robot check; {silent}.", CHALLENGE_S)
        # 2.
        raise_for_status(answer, self._clock.now())
        page = answer.object()
        if page.get("success") is not True:
            code = string(page.get("errorCode")) or "no error code"
            said = f"{answer.host} could not answer ({code[:60]})"
            is_ours = any(part in code.upper() for part in PERMANENT_ERRORS)
            raise misunderstood(said) if is_ours else out_of_order(said)
        if not isinstance(page.get("module"), list):
            raise PermanentError(f"{answer.host} answered success without a list of modules.")
        # 3.
        results = map(_result, records(page["module"]))
        return {result.number: result for result in results if result.number in numbers}


def _result(module: Mapping[str, Any]) -> PollResult:
    """Return what the page tells of one shipment."""
    number = string(module.get("mailNo"))
    # The last-mile number has a field of its own, else it is the last word of a sentence.
    last_word = string(module.get("realMailNo")).split()[-1:]
    local_number = other_number(number, string(module.get("copyRealMailNo")), *last_word)
    events = _events(records(module.get("detailList")))
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


def _events(newest_first: Sequence[Mapping[str, Any]]) -> tuple[TrackingEvent, ...]:
    """Return the lines of the page as events, newest first as they are listed.

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
        code, group = string(line.get("actionCode")), record(line.get("group")).get("nodeCode")
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
            )
        )
        latest = max(at, latest or at)
        abroad = here or code in DEPARTURES or zone not in (None, BEIJING)
    return told_apart(events)


def _wall_clock(line: Mapping[str, Any]) -> tuple[datetime | None, timezone | None]:
    """Return the naive time that a person on the spot read, and the zone of it, where given."""
    local = local_time(line.get("timeStr"))
    if local is None:
        # `time` is the same wall clock taken for Beijing's.
        at = instant_of_ms(line.get("time"))
        local = in_utc(at + timedelta(hours=8)) if at and at.year < 9999 else None
    found = _ZONE.fullmatch(string(line.get("timeZone")).replace(" ", ""))
    sign, hours, minutes = found.groups() if found else (None, None, None)
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    is_zone = found is not None and offset < timedelta(hours=15)
    zone = timezone(-offset if sign == "-" else offset) if is_zone else None
    return local and local.replace(tzinfo=None), zone
