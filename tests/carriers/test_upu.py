"""The UPU: nothing means unknown, offsets mean nothing, forecasts are no scans."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailtrack.carriers.transport import Transport
from mailtrack.carriers.upu import Upu
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState
from mailtrack.errors import (
    ChallengeError,
    MailtrackError,
    PermanentError,
    QuotaError,
    TransientError,
)
from mailtrack.settings import CarrierSettings

NUMBER = "LZ123456785CN"
asked: list[httpx.Request] = []


def _ask(response: httpx.Response, number: str = NUMBER) -> PollResult | None:
    asked.clear()

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return response

    clock = FakeClock()
    transport = Transport(clock, wire=lambda: httpx.MockTransport(handler))
    return Upu(CarrierSettings(), transport, clock).fetch([number]).get(number)


def _scan(code: str, local: str, offset: str = "+0200", **fields: str) -> dict[str, str]:
    """Write a wall clock as WCF does: milliseconds of UTC, and an offset to print them with."""
    sign, hours = offset[0], int(offset[1:3])
    wall = datetime.fromisoformat(local).replace(tzinfo=UTC).timestamp()
    ms = int(wall - (hours if sign == "+" else -hours) * 3600) * 1000
    return {"EventCd": code, "EventNm": "", "EventDT": f"/Date({ms}{offset})/", **fields}


def _found(*scans: dict[str, str], number: str = NUMBER) -> httpx.Response:
    return httpx.Response(200, json=[{"ID": number, "Events": list(scans), "State": 1}])


def test_the_number_and_the_language_are_in_the_address() -> None:
    _ask(_found())

    assert [f"/gtt.api/service.svc/rest/ItemTTWithTrans/{NUMBER}/FR"] == [
        request.url.path for request in asked
    ]


@pytest.mark.parametrize("offset", ["+0200", "-0500", "+0000"])
def test_only_the_wall_clock_of_a_scan_counts(offset: str) -> None:
    result = _ask(
        _found(
            _scan("EMI", "2026-02-20T11:00:00", offset), _scan("EMA", "2026-02-10T11:00:00", offset)
        )
    )

    assert result is not None
    assert [
        (Milestone.DELIVERED, datetime(2026, 2, 20, 10, 0, tzinfo=UTC), False),
        (Milestone.CARRIER_ACCEPTED, datetime(2026, 2, 10, 3, 0, tzinfo=UTC), False),
    ] == [(event.milestone, event.at, event.at_certain) for event in result.events]


def test_forecasts_and_signatures_are_left_out() -> None:
    result = _ask(
        _found(
            _scan("EMG", "2026-02-20T11:00:00", Signature="PERSONNE"),
            _scan("DLV", "2026-02-25T11:00:00"),
        )
    )

    assert result is not None
    assert ["EMG"] == [event.code for event in result.events]
    assert "PERSONNE" not in repr(result)


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, text=""),
        httpx.Response(200, text=" \r\n"),
        httpx.Response(200, json=[]),
        _found(_scan("DLV", "2026-02-25T11:00:00")),
    ],
)
def test_an_unknown_number_is_an_empty_answer(response: httpx.Response) -> None:
    result = _ask(response)

    assert result is not None
    assert PollState.NOT_FOUND == result.state


def test_what_is_no_s10_number_is_not_asked() -> None:
    result = _ask(_found(), "LP00123456789012")

    assert result is not None
    assert PollState.REJECTED == result.state
    assert [] == asked


def test_another_numbers_answer_is_left_out() -> None:
    assert _ask(_found(number="LZ123456799CN")) is None


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (httpx.Response(429, headers={"Retry-After": "120"}), QuotaError),
        (httpx.Response(403), ChallengeError),
        (httpx.Response(404), PermanentError),
        (httpx.Response(503), TransientError),
        (httpx.Response(200, text="<html>"), ChallengeError),
        (httpx.Response(200, text="1"), PermanentError),
        (httpx.Response(200, json=["x"]), PermanentError),
    ],
)
def test_every_failure_is_one_of_our_branches(
    response: httpx.Response, error: type[MailtrackError]
) -> None:
    with pytest.raises(error) as caught:
        _ask(response)

    assert error is type(caught.value)


_VALUES = st.none() | st.integers() | st.text(max_size=9) | st.from_regex(r"/Date\(-?\d{1,17}\)/")
_SCAN: st.SearchStrategy[Any] = st.dictionaries(
    st.sampled_from(["EventCd", "EventNm", "EventDT", "EventLocation"]), _VALUES
)
_ITEM = st.fixed_dictionaries(
    {"ID": st.just(NUMBER) | _VALUES, "Events": st.lists(_SCAN) | _VALUES}
)


@settings(deadline=None, max_examples=50)
@given(st.lists(_ITEM, max_size=2))
def test_whatever_comes_is_read_or_refused_by_name(body: Any) -> None:
    try:
        result = _ask(httpx.Response(200, json=body))
    except MailtrackError:
        return

    assert result is None or result.number == NUMBER
