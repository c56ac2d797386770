"""FedEx: thirty numbers a call, verdicts inside a 200, numbers that were used before."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from mailtrack.carriers.fedex import BURST_SILENCE_S, FedEx
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PickupPoint, PollResult, PollState, Reason
from mailtrack.errors import AuthError, MailtrackError, PermanentError, QuotaError, TransientError
from mailtrack.settings import CarrierSettings

Handler = Callable[[httpx.Request], httpx.Response]
Wired = Callable[[Handler], Transport]
NUMBER = "776094337601"
SETTINGS = CarrierSettings(client_id=SecretStr("me"), client_secret=SecretStr("hush"))


def _with_token(handler: Handler) -> Handler:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return httpx.Response(200, json={"access_token": "t1", "expires_in": 3599})
        return handler(request)

    return handle


def _fedex(wired: Wired, answer: httpx.Response, clock: FakeClock | None = None) -> FedEx:
    return FedEx(SETTINGS, wired(_with_token(lambda _: answer)), clock or FakeClock())


def _scan(code: str, text: str, exception: str = "", **more: Any) -> dict[str, Any]:
    return {
        "date": "2026-02-10T09:00:00+01:00",
        "eventType": code,
        "eventDescription": text,
        "exceptionDescription": exception,
        **more,
    }


def _result(wired: Wired, *tracks: dict[str, Any]) -> PollResult:
    complete = [{"trackingNumber": NUMBER, "trackResults": list(tracks)}]
    body = {"output": {"completeTrackResults": complete}}
    return _fedex(wired, httpx.Response(200, json=body)).fetch([NUMBER])[NUMBER]


def test_a_delivery_without_scans_is_told_by_the_status_and_its_day(wired: Wired) -> None:
    track = {
        "latestStatusDetail": {"code": "DL", "description": "Delivered"},
        "dateAndTimes": [{"type": "ACTUAL_DELIVERY", "dateTime": "2026-02-10T09:00:00+01:00"}],
    }

    (event,) = _result(wired, track).events

    assert (Milestone.DELIVERED, datetime(2026, 2, 10, 8, tzinfo=UTC)) == (
        event.milestone,
        event.at,
    )


def test_the_request_names_all_numbers_and_carries_a_token(wired: Wired, clock: FakeClock) -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"output": {"completeTrackResults": []}})

    FedEx(SETTINGS, wired(_with_token(handler)), clock).fetch(["1", "2"])

    assert ("POST", "/track/v1/trackingnumbers") == (asked[0].method, asked[0].url.path)
    assert "Bearer t1" == asked[0].headers["Authorization"]
    assert {
        "includeDetailedScans": True,
        "trackingInfo": [
            {"trackingNumberInfo": {"trackingNumber": "1"}},
            {"trackingNumberInfo": {"trackingNumber": "2"}},
        ],
    } == json.loads(asked[0].content)


@pytest.mark.parametrize(
    ("code", "text", "exception", "milestone", "reason"),
    [
        ("OC", "Shipment information sent to FedEx", "", Milestone.SHIPPED, None),
        ("PU", "Picked up", "", Milestone.CARRIER_ACCEPTED, None),
        ("OD", "On FedEx vehicle for delivery", "", Milestone.OUT_FOR_DELIVERY, None),
        ("HP", "Ready for recipient pickup", "", Milestone.PICKUP_AVAILABLE, None),
        (
            "DE",
            "Delivery exception",
            "Customer not available or business closed",
            Milestone.DELIVERY_FAILED,
            Reason.ABSENT,
        ),
        ("RS", "Returning package to shipper", "", Milestone.RETURNING, None),
    ],
)
def test_scan_codes_mean_what_their_exception_says(
    wired: Wired,
    code: str,
    text: str,
    exception: str,
    milestone: Milestone,
    reason: Reason | None,
) -> None:
    (event,) = _result(wired, {"scanEvents": [_scan(code, text, exception)]}).events

    assert (milestone, reason) == (event.milestone, event.reason)


def test_the_newest_scan_comes_first_and_places_have_their_country(wired: Wired) -> None:
    where = {"city": "ROISSY", "countryName": "France", "streetLines": ["1 rue Exemple"]}
    scans = [
        _scan("DL", "Delivered", date="2026-02-11T09:00:00+01:00"),
        _scan("AR", "Arrived", scanLocation=where),
    ]

    newest, oldest = _result(wired, {"scanEvents": scans}).events

    assert Milestone.DELIVERED == newest.milestone
    assert ("ROISSY, France", datetime(2026, 2, 10, 8, tzinfo=UTC)) == (oldest.place, oldest.at)


def test_a_scan_without_an_offset_is_doubtful(wired: Wired) -> None:
    scans = [_scan("AR", "Arrived"), _scan("PU", "Picked up", date="2026-02-10T00:00:00")]

    assert [True, False] == [e.at_certain for e in _result(wired, {"scanEvents": scans}).events]


def test_a_number_that_was_used_before_means_its_newest_parcel(wired: Wired) -> None:
    before = {"scanEvents": [_scan("DL", "Delivered", date="2024-02-10T09:00:00+01:00")]}
    now = {"scanEvents": [_scan("PU", "Picked up")]}

    assert ["Picked up"] == [event.text for event in _result(wired, now, before).events]


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("TRACKING.TRACKINGNUMBER.NOTFOUND", PollState.NOT_FOUND),
        ("TRACKING.TRACKINGNUMBER.INVALID", PollState.REJECTED),
    ],
)
def test_an_error_inside_a_200_speaks_of_one_number(
    wired: Wired, code: str, state: PollState
) -> None:
    assert state == _result(wired, {"error": {"code": code}}).state


def test_a_history_counts_more_than_an_error_beside_it(wired: Wired) -> None:
    track = {"error": {"code": "TRACKING.TRACKINGNUMBER.EMPTY"}, "scanEvents": [_scan("PU", "x")]}

    assert PollState.FOUND == _result(wired, track).state


def test_an_error_that_nobody_explains_leaves_its_number_unanswered(wired: Wired) -> None:
    track = {"trackingNumber": NUMBER, "trackResults": [{"error": {"code": "TRACKING.BUSY"}}]}
    body = {"output": {"completeTrackResults": [track]}}

    assert {} == _fedex(wired, httpx.Response(200, json=body)).fetch([NUMBER])


def test_a_single_unknown_number_may_be_a_400(wired: Wired) -> None:
    answer = httpx.Response(400, json={"errors": [{"code": "TRACKING.TRACKINGNUMBER.NOTFOUND"}]})

    assert PollState.NOT_FOUND == _fedex(wired, answer).fetch([NUMBER])[NUMBER].state


def test_a_parcel_without_scans_is_pending(wired: Wired) -> None:
    assert PollState.PENDING == _result(wired, {"scanEvents": []}).state


def test_the_partner_who_delivers_has_a_number_of_its_own(wired: Wired) -> None:
    identifiers = [
        {"type": "CUSTOMER_REFERENCE", "values": ["ORDER1"]},
        {"type": "PARTNER_CARRIER_NUMBER", "values": ["6A12345678901"]},
    ]
    result = _result(wired, {"additionalTrackingInfo": {"packageIdentifiers": identifiers}})

    assert "6A12345678901" == result.local_number


@pytest.mark.parametrize(
    "track",
    [
        {"dateAndTimes": [{"type": "ESTIMATED_DELIVERY", "dateTime": "2026-02-14T00:30:00+01:00"}]},
        {"estimatedDeliveryTimeWindow": {"window": {"ends": "2026-02-14T20:00:00+01:00"}}},
    ],
)
def test_the_promised_day_is_the_local_one(wired: Wired, track: dict[str, Any]) -> None:
    assert date(2026, 2, 14) == _result(wired, track).estimated_delivery


def test_the_place_where_a_parcel_is_held_is_told_without_its_contact(wired: Wired) -> None:
    held = {
        "contact": {"personName": "JEANNE EXEMPLE"},
        "address": {"streetLines": ["2 quai Test"], "postalCode": "69001", "city": "LYON"},
    }
    result = _result(wired, {"holdAtLocation": {"locationContactAndAddress": held}})

    assert PickupPoint("FedEx", "2 quai Test, 69001 LYON") == result.pickup_point


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(400, json={"errors": [{"code": "X.EMPTY"}]}), PermanentError),
        (httpx.Response(403, json={"errors": [{"code": "FORBIDDEN.ERROR"}]}), AuthError),
        (httpx.Response(404, json={"errors": [{"code": "NOT.FOUND.ERROR"}]}), PermanentError),
        (httpx.Response(429), QuotaError),
        (httpx.Response(503), TransientError),
        (httpx.Response(200, json={"errors": [{"code": "NOT.AUTHORIZED.ERROR"}]}), AuthError),
        (httpx.Response(200, json={"errors": [{"code": "INTERNAL.SERVER.ERROR"}]}), TransientError),
        (httpx.Response(200, json={"errors": []}), PermanentError),
        (httpx.Response(200, json={"output": {}}), PermanentError),
        (httpx.Response(200, text="{"), TransientError),
    ],
)
def test_every_failure_is_one_of_the_four_branches(
    wired: Wired, answer: httpx.Response, error: type[MailtrackError]
) -> None:
    with pytest.raises(error) as caught:
        _fedex(wired, answer).fetch([NUMBER])

    assert error is type(caught.value)
    assert NUMBER not in str(caught.value)


@pytest.mark.parametrize(
    ("message", "seconds"),
    [("Daily transaction quota exceeded. Retry after 12:00AM GMT", 7200.0), ("", BURST_SILENCE_S)],
)
def test_a_daily_quota_lasts_until_midnight_gmt_and_a_burst_a_minute(
    wired: Wired, message: str, seconds: float
) -> None:
    clock = FakeClock(datetime(2026, 3, 2, 22, 0, tzinfo=UTC))
    answer = httpx.Response(429, json={"errors": [{"message": message}]})

    with pytest.raises(QuotaError) as caught:
        _fedex(wired, answer, clock).fetch([NUMBER])

    assert seconds == caught.value.retry_after_s
