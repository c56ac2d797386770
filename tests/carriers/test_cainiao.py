"""Cainiao's JSON, read with all its traps."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailtrack.carriers.cainiao import Cainiao
from mailtrack.carriers.transport import CHALLENGE_S, Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState, TrackingEvent
from mailtrack.errors import (
    ChallengeError,
    MailtrackError,
    PermanentError,
    QuotaError,
    TransientError,
)
from mailtrack.settings import CarrierSettings

NUMBER = "LP00123456789012"
EXPORT = "AE_GROUP_EX_CLEARING_CUSTOMS"


def _ask(
    handler: Callable[[httpx.Request], httpx.Response], *numbers: str
) -> dict[str, PollResult]:
    clock = FakeClock()
    transport = Transport(clock, wire=lambda: httpx.MockTransport(handler))
    carrier = Cainiao(CarrierSettings(url="https://cainiao.example"), transport, clock)
    return dict(carrier.fetch(numbers or [NUMBER]))


def _read(*modules: dict[str, Any]) -> dict[str, PollResult]:
    page = {"module": list(modules), "success": True}
    return _ask(lambda _: httpx.Response(200, json=page))


def _module(*traces: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"mailNo": NUMBER, "mailNoSource": "AE", "detailList": list(traces), **fields}


def _trace(when: str, code: str, text: str, zone: str | None = "GMT+8", group: str = "") -> Any:
    """Write a scan as the service does; `time` takes the wall clock for Beijing's."""
    local = datetime.fromisoformat(when)
    trace: dict[str, Any] = {
        "time": int(local.replace(tzinfo=UTC).timestamp() * 1000) - 8 * 3_600_000,
        "timeStr": when,
        "desc": text,
        "standerdDesc": text,
        "actionCode": code,
    }
    if zone is not None:
        trace["timeZone"] = zone
    if group:
        trace["group"] = {"nodeCode": group}
    return trace


def _events(*traces: dict[str, Any]) -> tuple[TrackingEvent, ...]:
    return _read(_module(*traces))[NUMBER].events


def test_one_request_asks_for_all_numbers() -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"module": [], "success": True})

    assert {} == _ask(handler, NUMBER, "LP00000000000001")
    assert ["/global/detail.json"] == [request.url.path for request in asked]
    assert f"{NUMBER},LP00000000000001" == asked[0].url.params["mailNos"]
    assert "en-US" == asked[0].url.params["lang"]


def test_only_the_numbers_that_were_asked_for_are_believed() -> None:
    neighbour = _module(mailNo="LP00999999999999") | {"mailNo": "LP00999999999999"}

    assert [NUMBER] == list(_read(neighbour, _module()))


@pytest.mark.parametrize(
    ("module", "state"),
    [
        ({"mailNo": NUMBER, "mailNoSource": "EXTERNAL", "detailList": []}, PollState.NOT_FOUND),
        ({"mailNo": NUMBER}, PollState.NOT_FOUND),
        ({"mailNo": NUMBER, "mailNoSource": "AE", "detailList": []}, PollState.PENDING),
        ({"mailNo": NUMBER, "status": "SELLER_PREPARING", "detailList": []}, PollState.PENDING),
    ],
)
def test_an_unknown_number_differs_from_one_that_waits_for_its_seller(
    module: dict[str, Any], state: PollState
) -> None:
    assert state == _read(module)[NUMBER].state


def test_a_placeholder_without_events_still_gives_the_number_to_follow() -> None:
    result = _read({"mailNo": NUMBER, "detailList": [], "copyRealMailNo": "LP00844688431450"})[
        NUMBER
    ]

    assert (PollState.PENDING, "LP00844688431450") == (result.state, result.local_number)


@pytest.mark.parametrize(
    ("fields", "local_number"),
    [
        ({"copyRealMailNo": "6A12345678901"}, "6A12345678901"),
        ({"realMailNo": "Latest Tracking Number:\t6A12345678901"}, "6A12345678901"),
        ({"copyRealMailNo": "", "realMailNo": "Number:\tCB042410063FR "}, "CB042410063FR"),
        ({"copyRealMailNo": NUMBER}, None),
        ({"copyRealMailNo": NUMBER, "realMailNo": "Number:\t6A12345678901"}, "6A12345678901"),
        ({"realMailNo": "Latest Tracking Number:"}, None),
        ({"realMailNo": "ask your local carrier"}, None),
        ({"realMailNo": "ASKYOURCARRIER"}, None),
        ({"copyRealMailNo": ["6A12345678901"]}, None),
        ({"realMailNo": "PostNL 3SEXMP0000017 (Netherlands)"}, "3SEXMP0000017"),
        ({"realMailNo": "Latest Tracking Number:\tlx 000 000 017 fr"}, "LX000000017FR"),
        ({"copyRealMailNo": "lx 000.000-017 fr"}, "LX000000017FR"),
        ({"copyRealMailNo": "6a12345678901"}, "6A12345678901"),
        ({"copyRealMailNo": NUMBER.lower()}, None),
        ({"copyVirtualMailNo": "CNG00000000000017"}, "CNG00000000000017"),
        ({"virtualMailNo": "package tracking number:\tCNG00000000000017"}, "CNG00000000000017"),
        (
            {"copyVirtualMailNo": "CNG00000000000017", "copyRealMailNo": "6A12345678901"},
            "6A12345678901",
        ),
        ({}, None),
    ],
)
def test_the_local_number_is_taken_only_where_it_looks_like_one(
    fields: dict[str, Any], local_number: str | None
) -> None:
    assert local_number == _read(_module(**fields))[NUMBER].local_number


@pytest.mark.parametrize(
    ("text", "local_number"),
    [
        ("Handed over to local carrier with tracking 6a12345678901.", "6A12345678901"),
        ("Handed over, tracking LA123456785FR (La Poste)", "LA123456785FR"),
        ("Handed over, tracking LA123456784FR", None),  # its check digit is wrong
        ("Handed over on 2026-11-10, ref. 123456789012", None),
        (f"Order {NUMBER} has left, batch CNG00000000000017", None),  # Cainiao's own
        ("Call +33 6 39 98 00 00", None),
    ],
)
def test_a_number_in_a_scans_words_is_local_only_where_its_form_says_so(
    text: str, local_number: str | None
) -> None:
    scan = _trace("2026-11-10 10:00:00", "GTMS_ACCEPT", "Handed over", "GMT+1") | {"desc": text}

    assert local_number == _read(_module(scan))[NUMBER].local_number
    told = _read(_module(scan, copyRealMailNo="8V12345678901"))[NUMBER]
    assert "8V12345678901" == told.local_number


def test_a_virtual_number_alone_is_asked_at_cainiao_itself() -> None:
    module = {"mailNo": NUMBER, "detailList": [], "copyVirtualMailNo": "CNG00000000000017"}

    result = _read(module)[NUMBER]

    assert (PollState.PENDING, "CNG00000000000017") == (result.state, result.local_number)


@pytest.mark.parametrize("name", ["latestTrace", "globalCombinedLogisticsTraceDTO"])
@pytest.mark.parametrize("lines", [{}, {"detailList": []}, {"detailList": None}])
def test_the_newest_scan_stands_in_for_a_list_without_any(name: str, lines: dict[str, Any]) -> None:
    scan = _trace("2026-11-13 08:10:00", "GTMS_DO_DEPART", "Out for delivery", "GMT+1")

    result = _read({"mailNo": NUMBER, "mailNoSource": "AE", name: scan, **lines})[NUMBER]

    assert (PollState.FOUND, [Milestone.OUT_FOR_DELIVERY]) == (
        result.state,
        [event.milestone for event in result.events],
    )


def test_the_newest_scan_is_told_once_where_it_is_listed_too() -> None:
    scan = _trace("2026-11-13 08:10:00", "GTMS_DO_DEPART", "Out for delivery", "GMT+1")

    assert 1 == len(_read(_module(scan, latestTrace=scan))[NUMBER].events)


def test_the_modules_may_stand_under_another_name() -> None:
    page = {"success": True, "data": [_module()]}

    assert [NUMBER] == list(_ask(lambda _: httpx.Response(200, json=page)))


def test_a_code_is_the_same_in_any_spelling() -> None:
    when = "2026-11-13 08:10:00"
    (odd,) = _events(_trace(when, " gtms do depart", "x", "GMT+1"))
    (usual,) = _events(_trace(when, "GTMS_DO_DEPART", "x", "GMT+1"))

    assert usual == odd


def test_the_addressees_town_is_neither_kept_nor_named_in_errors() -> None:
    town = "Exempleville"
    module = _module(_trace("2026-11-13 08:10:00", "X", "y"), destCountry=f"France,{town}")

    assert town not in repr(_read(module))
    for page in ({"success": False, "module": [module]}, {"success": True, "module": module}):
        with pytest.raises(MailtrackError) as caught:
            _ask(lambda _, page=page: httpx.Response(200, json=page))  # type: ignore[misc]
        assert town not in str(caught.value)


def test_the_estimate_is_a_day_in_france() -> None:
    """22:30 UTC is already the next day in Paris."""
    late = int(datetime(2026, 3, 10, 23, 30, tzinfo=UTC).timestamp() * 1000)
    eta = {"deliveryMinTime": late, "deliveryMaxTime": late}

    result = _read(_module(globalEtaInfo=eta))[NUMBER]

    assert date(2026, 3, 11) == result.estimated_delivery


def test_an_instant_comes_from_the_wall_clock_and_its_zone_not_from_the_epoch() -> None:
    (event,) = _events(_trace("2026-08-22 20:03:00", "LH_POST_COLLECTION", "Accepted", "GMT+3"))

    assert datetime(2026, 8, 22, 17, 3, tzinfo=UTC) == event.at
    assert event.at_certain


@pytest.mark.parametrize("zone", ["GMT+8", "GMT+08:00", "UTC+8", "gmt +8"])
def test_a_chinese_zone_is_believed_in_china(zone: str) -> None:
    (event,) = _events(_trace("2026-07-02 00:16:31", "PU_PICKUP_SUCCESS", "Accepted", zone))

    assert datetime(2026, 7, 1, 16, 16, 31, tzinfo=UTC) == event.at
    assert event.at_certain


@pytest.mark.parametrize("zone", [None, "", "CST", "GMT+99"])
def test_a_scan_without_a_zone_is_read_in_beijing_and_marked_doubtful(zone: str | None) -> None:
    (event,) = _events(_trace("2026-07-02 00:16:31", "PU_PICKUP_SUCCESS", "Accepted", zone))

    assert (datetime(2026, 7, 1, 16, 16, 31, tzinfo=UTC), False) == (event.at, event.at_certain)


def test_a_chinese_zone_is_doubted_once_the_parcel_has_left_china() -> None:
    arrived, cleared, left = _events(
        _trace("2026-02-12 09:00:00", "COMMON_INTRANSIT", "Shipment on the way"),
        _trace("2026-02-11 12:00:00", "CC_IM_SUCCESS", "Import customs clearance complete"),
        _trace("2026-02-10 12:00:00", "SC_OUTBOUND_SUCCESS", "Departed from sorting center"),
    )

    assert [True, False, False] == [left.at_certain, cleared.at_certain, arrived.at_certain]


def test_a_doubtful_time_never_runs_before_its_predecessor() -> None:
    """08:10 in Belgium under a Chinese zone looks older than the scan before it."""
    newer, older = _events(
        _trace("2026-02-12 08:10:00", "GTMS_ACCEPT", "Received by local delivery company"),
        _trace(
            "2026-02-12 07:00:00", "CC_IM_SUCCESS", "Import customs clearance complete", "GMT+1"
        ),
    )

    assert datetime(2026, 2, 12, 6, 0, tzinfo=UTC) == older.at
    assert datetime(2026, 2, 12, 6, 0, 1, tzinfo=UTC) == newer.at
    assert [Milestone.CUSTOMS_CLEARED, Milestone.LOCAL_TRANSIT] == [
        older.milestone,
        newer.milestone,
    ]


def test_a_scan_without_a_readable_wall_clock_falls_back_to_the_epoch() -> None:
    trace = _trace("2026-07-02 00:16:31", "PU_PICKUP_SUCCESS", "Accepted") | {"timeStr": "soon"}

    (event,) = _events(trace)

    assert datetime(2026, 7, 1, 16, 16, 31, tzinfo=UTC) == event.at


def test_a_scan_without_any_time_follows_its_predecessor() -> None:
    bare = {"actionCode": "GTMS_SIGNED", "desc": "Delivered"}

    newest, _ = _events(bare, _trace("2026-07-02 00:16:31", "PU_PICKUP_SUCCESS", "Accepted"))

    assert datetime(2026, 7, 1, 16, 16, 32, tzinfo=UTC) == newest.at
    assert () == _events(bare)


def test_leaving_customs_on_the_export_side_clears_nothing_in_france() -> None:
    when = "2026-08-23 14:18:40"
    (export,) = _events(_trace(when, "CC_HO_OUT_SUCCESS", "Leaving customs", "GMT+2", EXPORT))
    (imported,) = _events(_trace(when, "CC_HO_OUT_SUCCESS", "Leaving customs", "GMT+2"))

    assert Milestone.IN_TRANSIT == export.milestone
    assert Milestone.CUSTOMS_CLEARED == imported.milestone


def test_the_carriers_own_note_helps_where_the_standard_text_says_little() -> None:
    trace = _trace("2026-02-12 09:00:00", "COMMON_INTRANSIT", "In transit")
    (event,) = _events(trace | {"desc": "wait for customs clearance "})

    assert (Milestone.CUSTOMS_STARTED, "In transit") == (event.milestone, event.text)


def test_the_town_in_front_of_a_text_is_its_place() -> None:
    trace = _trace("2026-07-03 02:55:17", "SC_OUTBOUND_SUCCESS", "Outbound in sorting center")
    (event,) = _events(trace | {"standerdDesc": "[Xiaoshan District]\tDeparted  from center "})

    assert ("Xiaoshan District", "Departed from center") == (event.place, event.text)


def test_a_postmans_name_and_telephone_are_left_out() -> None:
    trace = _trace("2026-07-03 02:55:17", "GOT", "已收件（揽投员姓名：张三,联系电话:13812345678）")
    (event,) = _events(trace)

    assert "已收件" == event.text


def test_a_scan_keeps_its_fingerprint_when_its_text_or_zone_changes() -> None:
    (before,) = _events(_trace("2026-07-03 02:55:17", "SC_OUTBOUND_SUCCESS", "Outbound"))
    (after,) = _events(_trace("2026-07-03 02:55:17", "SC_OUTBOUND_SUCCESS", "Left", "GMT+08:00"))

    assert before.fingerprint == after.fingerprint


def test_two_scans_of_one_second_are_told_apart_and_stay_so() -> None:
    first = _trace("2026-07-03 02:55:17", "COMMON_INTRANSIT", "Pre-Shipment Info Sent To X")
    second = _trace("2026-07-03 02:55:17", "COMMON_INTRANSIT", "Shipment on the way")
    third = _trace("2026-07-04 02:55:17", "COMMON_INTRANSIT", "Shipment on the way")

    earlier = {event.fingerprint for event in _events(second, first)}
    later = {event.fingerprint for event in _events(third, second, first)}

    assert 2 == len(earlier)
    assert earlier < later


def test_a_parcel_level_status_is_not_trusted() -> None:
    module = _module(_trace("2026-07-03 02:55:17", "SIGNED", "Signed"), status="DELIVERED")

    (event,) = _read(module)[NUMBER].events

    assert Milestone.IN_TRANSIT == event.milestone


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, text="<script>window.location='/_____tmd_____/punish?x5secdata=1'"),
        httpx.Response(200, text="<punish-component></punish-component>"),
        httpx.Response(200, json={"ret": ["FAIL_SYS_USER_VALIDATE"], "data": {}}),
        httpx.Response(200, json={"rgv587_flag": "sm", "url": "https://x.example"}),
        httpx.Response(302, headers={"Location": "https://x.example/_____tmd_____/punish"}),
        httpx.Response(429, text="sufei-punish"),
    ],
)
def test_a_robot_check_brings_hours_of_silence(response: httpx.Response) -> None:
    with pytest.raises(ChallengeError, match="robot check") as caught:
        _ask(lambda _: response)

    assert CHALLENGE_S == caught.value.retry_after_s


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (httpx.Response(200, json={"success": False, "errorCode": "SYSTEM_BUSY"}), TransientError),
        (httpx.Response(200, json={"success": False}), TransientError),
        (
            httpx.Response(200, json={"success": False, "errorCode": "ILLEGAL_PARAM"}),
            PermanentError,
        ),
        (httpx.Response(200, json={"success": True}), PermanentError),
        (httpx.Response(200, json=[]), PermanentError),
        (httpx.Response(200, text="<html>maintenance</html>"), ChallengeError),
        (httpx.Response(500), TransientError),
        (httpx.Response(429, headers={"Retry-After": "7"}), QuotaError),
    ],
)
def test_every_failure_is_one_of_our_branches(
    response: httpx.Response, error: type[MailtrackError]
) -> None:
    with pytest.raises(error) as caught:
        _ask(lambda _: response)

    assert error is type(caught.value)


#: NaN and infinities too: Python's reader takes them.
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = [
    "mailNoSource",
    "status",
    "realMailNo",
    "copyRealMailNo",
    "globalEtaInfo",
    "detailList",
    "time",
    "timeStr",
    "desc",
    "standerdDesc",
    "timeZone",
    "actionCode",
    "group",
    "nodeCode",
    "deliveryMaxTime",
    "deliveryMinTime",
]
_LIKE_A_MODULE = st.fixed_dictionaries(
    {"mailNo": st.just(NUMBER) | _JSON},
    optional={name: _JSON | st.lists(_JSON) for name in _FIELDS}
    | {
        "detailList": st.lists(
            st.dictionaries(
                st.sampled_from(_FIELDS),
                _JSON | st.sampled_from(["GMT+1", "9999-12-31 23:59:59", "0001-01-01 00:00:00"]),
            )
        )
    },
)


@settings(deadline=None, max_examples=50)
@given(page=_JSON | st.builds(lambda m: {"success": True, "module": m}, st.lists(_LIKE_A_MODULE)))
def test_whatever_comes_is_read_or_refused_by_name(page: Any) -> None:
    try:
        results = _ask(lambda _: httpx.Response(200, content=json.dumps(page)))
    except MailtrackError:
        return

    assert set(results) <= {NUMBER}
