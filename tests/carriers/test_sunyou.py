"""SunYou's own traps: a call around the JSON, two halves of a way, a clock for each scan."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from mailtrack.carriers.sunyou import SunYou
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState
from mailtrack.errors import ChallengeError, MailtrackError, PermanentError, TransientError
from mailtrack.settings import CarrierSettings

NUMBER = "SYAE000000017"


def _event(written: str, zone: str, status: str, what: str, text: str = "x") -> dict[str, str]:
    keys = ("createTime", "timeZone", "status", "eventCode", "content")
    return dict(zip(keys, (written, zone, status, what, text), strict=True))


CLEARED = _event("2026-11-10 16:20:00", "+01:00", "2064", "ClearanceSuccessed")
ALERTED = _event("2026-11-03 11:00:00", "+08:00", "101", "PreAlert")
OUT = _event("2026-11-13 08:02:00", "+01:00", "2071", "OutForDelivery", "Out for delivery")


def _parcel(**result: Any) -> dict[str, Any]:
    halves = {half: {"items": items} for half, items in result.items()}
    parcel = {"has": True, "orderNo": NUMBER, "displayStatus": "4", "result": halves}
    return {"data": [parcel], "message": "success", "status": 1}


def _read(body: str) -> PollResult | None:
    clock = FakeClock()
    handler = httpx.MockTransport(lambda _: httpx.Response(200, text=body))
    transport = Transport(clock, wire=lambda: handler)
    return SunYou(CarrierSettings(), transport, clock).fetch([NUMBER]).get(NUMBER)


def _call(body: Any) -> str:
    return f"searchCallback({json.dumps(body)})\n"


def test_both_halves_of_a_way_are_read_in_the_order_of_time() -> None:
    result = _read(_call(_parcel(origin=[CLEARED, ALERTED], destination=[OUT])))

    assert result is not None
    assert [
        (datetime(2026, 11, 13, 7, 2, tzinfo=UTC), Milestone.OUT_FOR_DELIVERY, "2071", True),
        (datetime(2026, 11, 10, 15, 20, tzinfo=UTC), Milestone.CUSTOMS_CLEARED, "2064", True),
        (datetime(2026, 11, 3, 3, 0, tzinfo=UTC), Milestone.SHIPPED, "101", True),
    ] == [(e.at, e.milestone, e.code, e.at_certain) for e in result.events]


def test_brackets_in_a_text_do_not_end_the_call() -> None:
    result = _read(_call(_parcel(origin=[OUT | {"content": "Out for delivery (2nd) :)"}])))

    assert result is not None
    assert "Out for delivery (2nd) :)" == result.events[0].text


def test_json_without_a_call_is_read_as_well() -> None:
    assert _read(json.dumps(_parcel(origin=[OUT]))) is not None


def test_a_scan_without_a_zone_is_doubtful() -> None:
    result = _read(_call(_parcel(origin=[ALERTED | {"timeZone": ""}])))

    assert result is not None
    assert [False] == [event.at_certain for event in result.events]


def test_an_unknown_number_is_told_in_a_200() -> None:
    result = _read(_call({"data": [{"has": False, "orderNo": NUMBER}], "status": 1}))

    assert result is not None
    assert PollState.NOT_FOUND == result.state


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("searchCallback(", TransientError),
        ("", TransientError),
        ("searchCallback([])", PermanentError),
        (_call({"status": 0}), TransientError),
        (_call({"status": 1, "data": {}}), ChallengeError),
        ("<html><body>()</body></html>", ChallengeError),
    ],
)
def test_what_is_no_answer_is_one_clear_error(body: str, error: type[MailtrackError]) -> None:
    with pytest.raises(error) as caught:
        _read(body)

    assert error is type(caught.value)
