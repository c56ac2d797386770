"""4PX: the signed platform, and the list without a key."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from mailtrack import carriers
from mailtrack.carriers.fourpx import DECLARATION, FourPx, signature
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState
from mailtrack.errors import AuthError, MailtrackError, PermanentError, TransientError
from mailtrack.settings import CarrierSettings, Settings

NUMBER = "4PX0000000000001CN"
PLATFORM = CarrierSettings(client_id=SecretStr("app"), client_secret=SecretStr("s3cret"))
LIST = CarrierSettings(keyless=True)


def _ask(
    own: CarrierSettings, handler: Callable[[httpx.Request], httpx.Response]
) -> PollResult | None:
    clock = FakeClock()
    transport = Transport(clock, wire=lambda: httpx.MockTransport(handler))
    return FourPx(own, transport, clock).fetch([NUMBER]).get(NUMBER)


def _read(own: CarrierSettings, body: Any) -> PollResult | None:
    return _ask(own, lambda _: httpx.Response(200, json=body))


def _order(*lines: dict[str, str], number: str = NUMBER) -> dict[str, Any]:
    return {"result": "1", "data": {"deliveryOrderNo": number, "trackingList": list(lines)}}


def _parcel(*tracks: dict[str, str], **fields: Any) -> dict[str, Any]:
    return {"result": 1, "data": [{"queryCode": NUMBER, "tracks": list(tracks), **fields}]}


def _track(written: str, code: str, zone: str = "UTC+08:00", text: str = "x") -> dict[str, str]:
    return {"tkDateStr": written, "tkCode": code, "tkTimezone": zone, "tkDesc": text}


@pytest.mark.parametrize(
    ("own", "why"),
    [
        (CarrierSettings(), "no client_id: set MAILTRACK_CARRIERS__4PX__CLIENT_ID"),
        (PLATFORM, None),
        (LIST, None),
    ],
)
def test_the_list_without_a_key_is_used_only_where_the_settings_say_so(
    own: CarrierSettings, why: str | None
) -> None:
    assert why == carriers.why_off(DECLARATION, Settings(carriers={"4px": own}))


def test_a_request_to_the_platform_is_signed_over_what_is_sent() -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=_order())

    _ask(PLATFORM, handler)

    query, body = asked[0].url.params, asked[0].content.decode()
    names = ("app_key", "format", "method", "timestamp", "v")
    told = "".join(f"{name}{query[name]}" for name in names) + body + "s3cret"
    assert hashlib.md5(told.encode()).hexdigest() == query["sign"]
    assert ("tr.order.tracking.get", "app") == (query["method"], query["app_key"])
    assert {"deliveryOrderNo": NUMBER} == json.loads(body)
    assert "/router/api/service" == asked[0].url.path
    assert "s3cret" not in str(asked[0].url)


def test_a_signature_sorts_its_parameters() -> None:
    assert hashlib.md5(b"a1b2{}key").hexdigest() == signature({"b": "2", "a": "1"}, "{}", "key")


def test_the_list_is_asked_without_a_key() -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=_parcel())

    _ask(LIST, handler)

    assert "https://track.4px.com/track/v2/front/listTrackV3" == str(asked[0].url)
    assert [NUMBER] == json.loads(asked[0].content)["queryCodes"]


def test_the_platform_prints_beijings_clock_newest_first() -> None:
    result = _read(
        PLATFORM,
        _order(
            {"occurDatetime": "2026-02-12 09:00:00", "trackingContent": "Hand over to airline."},
            {"occurDatetime": "2026-02-10 13:46:50", "trackingContent": "Shipment picked up."},
        ),
    )

    assert result is not None
    assert [
        (Milestone.IN_TRANSIT, datetime(2026, 2, 12, 1, 0, tzinfo=UTC)),
        (Milestone.CARRIER_ACCEPTED, datetime(2026, 2, 10, 5, 46, 50, tzinfo=UTC)),
    ] == [(event.milestone, event.at) for event in result.events]


@pytest.mark.parametrize(
    ("zone", "hour", "certain"),
    [
        ("UTC+08:00", 5, True),
        ("UTC+8", 5, True),
        ("UTC+01:00", 12, True),
        ("UTC", 13, True),
        ("UTCAmerica/Vancouver", 21, True),
        ("", 5, False),
        ("UTC/", 5, False),
    ],
)
def test_the_lists_clock_is_that_of_the_zone_beside_it(zone: str, hour: int, certain: bool) -> None:
    """A European scan is no seven hours off; without a zone it is read where it was made."""
    result = _read(LIST, _parcel(_track("2026-02-10 13:46:50", "FPX_M_HA", zone)))

    assert result is not None
    assert [(datetime(2026, 2, 10, hour, 46, 50, tzinfo=UTC), certain)] == [
        (event.at, event.at_certain) for event in result.events
    ]


def test_doubtful_scans_keep_the_order_of_the_list() -> None:
    result = _read(
        LIST,
        _parcel(
            _track("2026-02-12 09:00:00", "FPX_S_OK", ""),
            _track("2026-02-12 11:00:00", "FPX_D_SD", ""),
            _track("2026-02-12 10:00:00", "FPX_I_RCUK", ""),
        ),
    )

    assert result is not None
    assert ["FPX_S_OK", "FPX_D_SD", "FPX_I_RCUK"] == [
        event.code for event in sorted(result.events, key=lambda event: event.at, reverse=True)
    ]


def test_a_scan_that_has_its_other_time_alone_is_dated_by_it() -> None:
    line = {"tkDate": "2026-02-10T05:46:50.000+00:00", "tkCode": "FPX_S_OK", "tkDesc": "Delivered"}

    result = _read(LIST, _parcel(line))

    assert result is not None
    assert [datetime(2026, 2, 10, 5, 46, 50, tzinfo=UTC)] == [event.at for event in result.events]


@pytest.mark.parametrize(
    ("served", "local"),
    [
        ("6A12345678901", "6A12345678901"),
        ("6a 12345-678901", "6A12345678901"),
        (NUMBER, None),
        ("—", None),
    ],
)
def test_the_server_code_is_the_local_number(served: str, local: str | None) -> None:
    track = _track("2026-02-12 09:00:00", "FPX_M_HA")
    result = _read(LIST, _parcel(track, serverCode=served, hawbCodeSet=[NUMBER, served]))

    assert result is not None
    assert local == result.local_number


@pytest.mark.parametrize(
    ("own", "body", "state"),
    [
        (LIST, {"result": 1, "data": [{"queryCode": NUMBER, "status": 7}]}, PollState.NOT_FOUND),
        (LIST, {"result": 1, "data": [{"queryCode": NUMBER, "status": 0}]}, PollState.PENDING),
        (PLATFORM, {"result": "1", "data": None}, PollState.NOT_FOUND),
        (
            PLATFORM,
            {"result": "0", "errors": [{"errorCode": "9", "errorMsg": "order not exist"}]},
            PollState.NOT_FOUND,
        ),
    ],
)
def test_a_number_without_scans_is_unknown_or_waits(
    own: CarrierSettings, body: Any, state: PollState
) -> None:
    result = _read(own, body)

    assert result is not None
    assert state == result.state


def test_another_numbers_answer_is_left_out() -> None:
    assert _read(PLATFORM, _order(number="4PX0000000000009CN")) is None
    assert _read(LIST, {"result": 1, "data": [{"queryCode": "X"}]}) is None


@pytest.mark.parametrize(
    ("own", "body", "error"),
    [
        (PLATFORM, {"result": "0", "errors": [{"errorCode": "000013"}]}, AuthError),
        (PLATFORM, {"result": "0", "errors": [{"errorCode": "1", "errorMsg": "sign"}]}, AuthError),
        (PLATFORM, {"result": "0", "errors": [{"errorCode": "DS000000"}]}, TransientError),
        (PLATFORM, {"result": "0", "errors": [{"errorCode": "000002"}]}, PermanentError),
        (PLATFORM, {"result": "0"}, TransientError),
        (PLATFORM, [], PermanentError),
        (LIST, {"result": 0}, TransientError),
        (LIST, "x", PermanentError),
    ],
)
def test_failures_inside_a_200_are_our_branches(
    own: CarrierSettings, body: Any, error: type[MailtrackError]
) -> None:
    with pytest.raises(error) as caught:
        _read(own, body)

    assert error is type(caught.value)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(NUMBER),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["data", "result", "errors", "queryCode", "tracks", "tkDateStr", "trackingList"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=50)
@given(own=st.sampled_from([PLATFORM, LIST]), body=_JSON)
def test_whatever_comes_is_read_or_refused_by_name(own: CarrierSettings, body: Any) -> None:
    try:
        result = _read(own, body)
    except MailtrackError:
        return

    assert result is None or result.number == NUMBER
