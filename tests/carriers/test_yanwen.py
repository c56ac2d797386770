"""Yanwen: today's answers, and the older form."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from mailtrack.carriers.transport import Transport
from mailtrack.carriers.yanwen import Yanwen
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState
from mailtrack.errors import (
    AuthError,
    MailtrackError,
    PermanentError,
    QuotaError,
    TransientError,
)
from mailtrack.settings import CarrierSettings

NUMBER, OTHER = "UF000000001YP", "UF000000002YP"
asked: list[httpx.Request] = []


def _read(body: Any, *numbers: str) -> dict[str, PollResult]:
    asked.clear()

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=body)

    clock = FakeClock()
    transport = Transport(clock, wire=lambda: httpx.MockTransport(handler))
    own = CarrierSettings(key=SecretStr("4711"))
    return dict(Yanwen(own, transport, clock).fetch(numbers or [NUMBER]))


def _found(*checkpoints: dict[str, str], **fields: Any) -> dict[str, Any]:
    parcel = {"tracking_number": NUMBER, "checkpoints": list(checkpoints), **fields}
    return {"code": 0, "message": "success", "result": [parcel]}


def _point(written: str, code: str, text: str, **fields: str) -> dict[str, str]:
    return {"time_stamp": written, "tracking_status": code, "message": text, **fields}


def test_one_request_asks_for_all_numbers_with_the_merchants_number() -> None:
    _read(_found(), NUMBER, OTHER)

    assert [f"{NUMBER},{OTHER}"] == [request.url.params["nums"] for request in asked]
    assert "4711" == asked[0].headers["authorization"]


def test_a_history_is_chinas_clock_until_the_parcel_has_arrived() -> None:
    result = _read(
        _found(
            _point("2026-08-15T18:52:19", "LM25", "Out for delivery"),
            _point("2026-08-02T09:10:00", "LH20", "Flight departed"),
        )
    )[NUMBER]

    assert [
        (Milestone.OUT_FOR_DELIVERY, False),
        (Milestone.IN_TRANSIT, True),
    ] == [(event.milestone, event.at_certain) for event in result.events]
    assert datetime(2026, 8, 2, 1, 10, tzinfo=UTC) == result.events[1].at


@pytest.mark.parametrize("zone", ["+02:00", "GMT+2", "2"])
def test_a_zone_beside_the_time_is_believed(zone: str) -> None:
    point = _point("2026-08-15T18:52:19", "LM25", "Out for delivery", time_zone=zone)

    (event,) = _read(_found(point))[NUMBER].events

    assert (datetime(2026, 8, 15, 16, 52, 19, tzinfo=UTC), True) == (event.at, event.at_certain)


def test_the_exchanged_number_is_the_local_one() -> None:
    assert "LZ000000002FR" == _read(_found(exchange_number="LZ000000002FR"))[NUMBER].local_number
    assert _read(_found(exchange_number=NUMBER))[NUMBER].local_number is None


def test_each_number_has_an_answer_of_its_own() -> None:
    body = _found(_point("2026-08-02T09:10:00", "LH20", "Flight departed"))
    body["result"] += [
        {"tracking_number": OTHER, "tracking_status": "NOTFOUND", "checkpoints": []},
        {"tracking_number": "UF000000003YP", "tracking_status": "OR10"},
        {"tracking_number": "UF000000004YP"},
    ]

    results = _read(body, NUMBER, OTHER, "UF000000003YP")

    assert [PollState.FOUND, PollState.NOT_FOUND, PollState.PENDING] == [
        result.state for result in results.values()
    ]


def test_the_older_form_has_a_list_on_either_side_of_the_border() -> None:
    body = {
        "code": 0,
        "waybill_number": "LW000000001CN",
        "yanwen_number": NUMBER,
        "exchange_number": "LW000000001CN",
        "origin_items": [
            {"timestamp": "2017-07-13T01:26:07.47+08:00", "message": "Yanwen Acceptance."},
            {"timestamp": "2017-07-26T10:20:00+08:00", "message": "到达投递局"},
        ],
        "destin_items": [
            {"timestamp": "2017-07-21T11:56:00+08:00", "message": "Arrived at USPS Facility"},
            {"timestamp": "2017-07-26T13:03:00+08:00", "message": "Delivered, In/At Mailbox"},
        ],
    }

    result = _read(body)[NUMBER]

    assert "LW000000001CN" == result.local_number
    assert [
        "Delivered, In/At Mailbox",
        "到达投递局",
        "Arrived at USPS Facility",
        "Yanwen Acceptance.",
    ] == [event.text for event in result.events]


def test_the_older_form_does_not_repeat_a_number_that_it_does_not_know() -> None:
    body = {"code": 0, "waybill_number": None, "origin_items": None, "destin_items": None}

    assert PollState.NOT_FOUND == _read(body)[NUMBER].state
    assert {} == _read(body, NUMBER, OTHER)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"code": 1, "message": "error"}, TransientError),
        ({"code": 2, "message": "Invalid Authorization"}, AuthError),
        ({"code": 3, "message": "too many requests"}, QuotaError),
        ({}, TransientError),
        ([], PermanentError),
    ],
)
def test_failures_inside_a_200_are_our_branches(body: Any, error: type[MailtrackError]) -> None:
    with pytest.raises(error) as caught:
        _read(body)

    assert error is type(caught.value)


_FIELDS = ["tracking_number", "checkpoints", "time_stamp", "time_zone", "message", "result"]
_JSON = st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=8) | st.just(NUMBER),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(_FIELDS), inner | st.just("2026-01-01T00:00:00"))
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=50)
@given(st.fixed_dictionaries({"code": st.just(0), "result": st.lists(_JSON, max_size=3)}))
def test_whatever_comes_is_read_or_refused_by_name(body: Any) -> None:
    try:
        results = _read_raw(body)
    except MailtrackError:
        return

    assert set(results) <= {NUMBER}


def _read_raw(body: Any) -> dict[str, PollResult]:
    clock = FakeClock()
    answer = httpx.Response(200, content=json.dumps(body))
    transport = Transport(clock, wire=lambda: httpx.MockTransport(lambda _: answer))
    return dict(Yanwen(CarrierSettings(), transport, clock).fetch([NUMBER]))
