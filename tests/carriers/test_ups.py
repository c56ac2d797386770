"""UPS: three-digit codes where the type is too wide, dates in pieces, verdicts as warnings."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from mailtrack.carriers.transport import Transport
from mailtrack.carriers.ups import SILENCE_S, Ups
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PickupPoint, PollResult, PollState, Reason
from mailtrack.errors import AuthError, MailtrackError, PermanentError, QuotaError, TransientError
from mailtrack.settings import CarrierSettings

Handler = Callable[[httpx.Request], httpx.Response]
Wired = Callable[[Handler], Transport]
NUMBER = "1Z12345E0205271688"
SETTINGS = CarrierSettings(client_id=SecretStr("me"), client_secret=SecretStr("hush"))


def _with_token(handler: Handler) -> Handler:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/security/v1/oauth/token":
            return httpx.Response(200, json={"access_token": "t1", "expires_in": "14399"})
        return handler(request)

    return handle


def _ups(wired: Wired, answer: httpx.Response) -> Ups:
    return Ups(SETTINGS, wired(_with_token(lambda _: answer)), FakeClock())


def _activity(code: str, text: str, kind: str = "I", **more: Any) -> dict[str, Any]:
    return {
        "status": {"type": kind, "description": text, "statusCode": code},
        "date": "20260210",
        "time": "090000",
        "gmtOffset": "+01:00",
        **more,
    }


def _answer(package: dict[str, Any], number: str = NUMBER) -> httpx.Response:
    shipment = {"inquiryNumber": number, "package": [{"trackingNumber": number, **package}]}
    return httpx.Response(200, json={"trackResponse": {"shipment": [shipment]}})


def _result(wired: Wired, *activities: dict[str, Any], **package: Any) -> PollResult:
    answer = _answer({"activity": list(activities), **package})
    return _ups(wired, answer).fetch([NUMBER])[NUMBER]


def _codes(*codes: str) -> dict[str, Any]:
    return {"response": {"errors": [{"code": code} for code in codes]}}


@pytest.mark.parametrize("code", ["250003", "TW0001", "10429"])
def test_a_warning_beside_a_whole_history_changes_nothing_of_it(wired: Wired, code: str) -> None:
    package = {"trackingNumber": NUMBER, "activity": [_activity("011", "Delivered", "D")]}
    shipment = {"inquiryNumber": NUMBER, "package": [package], "warnings": [{"code": code}]}
    answer = httpx.Response(200, json={"trackResponse": {"shipment": [shipment]}})

    result = _ups(wired, answer).fetch([NUMBER])[NUMBER]

    assert [Milestone.DELIVERED] == [event.milestone for event in result.events]


@pytest.mark.parametrize("base", ["", "https://wwwcie.ups.com/api", "https://wwwcie.ups.com/"])
def test_the_request_carries_a_token_and_names_itself(
    wired: Wired, clock: FakeClock, base: str
) -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return _answer({})

    settings = SETTINGS.model_copy(update={"url": base})
    Ups(settings, wired(_with_token(handler)), clock).fetch([NUMBER])

    assert f"/api/track/v1/details/{NUMBER}" == asked[0].url.path
    assert "Bearer t1" == asked[0].headers["Authorization"]
    assert "mailtrack" == asked[0].headers["transactionSrc"]
    assert 32 == len(asked[0].headers["transId"])


@pytest.mark.parametrize(
    ("code", "text", "kind", "milestone"),
    [
        ("003", "Shipment Ready for UPS", "M", Milestone.SHIPPED),
        ("038", "Picked Up by UPS", "I", Milestone.CARRIER_ACCEPTED),
        ("005", "Departed from Facility", "I", Milestone.IN_TRANSIT),
        ("005", "Your package was released by the customs agency.", "I", Milestone.CUSTOMS_CLEARED),
        ("005", "Lorem ipsum", "I", Milestone.IN_TRANSIT),
        ("021", "Out For Delivery Today", "I", Milestone.OUT_FOR_DELIVERY),
        ("040", "Prêt à être retiré", "I", Milestone.PICKUP_AVAILABLE),
        ("013", "Colis retenu en douane", "X", Milestone.CUSTOMS_HELD),
        ("013", "Lorem ipsum", "X", Milestone.EXCEPTION),
        ("011", "Livré", "D", Milestone.DELIVERED),
        ("035", "Returning to Sender", "X", Milestone.RETURNING),
        ("", "", "M", Milestone.SHIPPED),
        ("999", "", "D", Milestone.DELIVERED),
        ("999", "", "", Milestone.UNKNOWN),
        ("000", "", "", Milestone.UNKNOWN),
    ],
)
def test_the_status_code_tells_more_than_the_type(
    wired: Wired, code: str, text: str, kind: str, milestone: Milestone
) -> None:
    assert milestone == _result(wired, _activity(code, text, kind)).events[0].milestone


def test_a_trouble_has_its_reason(wired: Wired) -> None:
    assert Reason.REFUSED == _result(wired, _activity("064", "Delivery refused")).events[0].reason


def test_the_pieces_of_a_time_make_an_instant(wired: Wired) -> None:
    (event,) = _result(wired, _activity("005", "Departed", time="71356")).events

    assert datetime(2026, 2, 10, 6, 13, 56, tzinfo=UTC) == event.at
    assert event.at_certain


@pytest.mark.parametrize("missing", [{"gmtOffset": ""}, {"time": "", "gmtOffset": "+01:00"}])
def test_a_time_in_parts_is_doubtful(wired: Wired, missing: dict[str, Any]) -> None:
    assert not _result(wired, _activity("005", "Departed", **missing)).events[0].at_certain


def test_the_newest_activity_comes_first_with_its_place(wired: Wired) -> None:
    where = {"address": {"city": "ROISSY", "countryCode": "FR", "addressLine1": "1 rue Exemple"}}
    newest, oldest = _result(
        wired,
        _activity("011", "Delivered", date="20260211"),
        _activity("005", "Departed", location=where),
    ).events

    assert (Milestone.DELIVERED, "ROISSY, FR") == (newest.milestone, oldest.place)


def test_a_package_without_activity_is_pending(wired: Wired) -> None:
    assert PollState.PENDING == _result(wired).state


def test_another_packages_answer_is_not_believed(wired: Wired) -> None:
    assert {} == _ups(wired, _answer({}, "1Z9999999999999999")).fetch([NUMBER])


def test_the_posts_number_has_a_type_and_ups_own_has_none(wired: Wired) -> None:
    alternates = [
        {"number": "1Z12345E0205271689"},
        {"number": "6A12345678901", "type": "LOCAL_POST"},
    ]

    assert "6A12345678901" == _result(wired, alternateTrackingNumber=alternates).local_number


def test_a_rescheduled_day_wins_over_the_first_one(wired: Wired) -> None:
    dates = [
        {"type": "SDD", "date": "20260212"},
        {"type": "RDD", "date": "20260214"},
        {"type": "DEL", "date": "20260215"},
    ]

    assert date(2026, 2, 14) == _result(wired, deliveryDate=dates).estimated_delivery


def test_an_access_point_is_told_and_the_addressees_address_is_not(wired: Wired) -> None:
    addresses = [
        {"type": "DESTINATION", "name": "JEANNE EXEMPLE", "address": {"city": "PARIS"}},
        {"type": "ACCESS_POINT", "address": {"addressLine1": "2 quai Test", "city": "LYON"}},
    ]
    result = _result(
        wired,
        _activity("040", "Ready"),
        packageAddress=addresses,
        accessPointInformation={"pickupByDate": "20260220"},
    )

    assert (
        PickupPoint("UPS Access Point", "2 quai Test, LYON", date(2026, 2, 20))
        == result.pickup_point
    )


def test_nobody_is_told_of_an_access_point_before_the_parcel_waits(wired: Wired) -> None:
    assert _result(wired, _activity("005", "Departed")).pickup_point is None


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (
            200,
            {"trackResponse": {"shipment": [{"warnings": [{"code": "TW0001"}]}]}},
            PollState.NOT_FOUND,
        ),
        (404, _codes("TW0001"), PollState.NOT_FOUND),
        (400, _codes("TV1002"), PollState.REJECTED),
    ],
)
def test_a_verdict_on_the_number_comes_as_a_warning_or_an_error(
    wired: Wired, status: int, body: dict[str, Any], state: PollState
) -> None:
    assert state == _ups(wired, httpx.Response(status, json=body)).fetch([NUMBER])[NUMBER].state


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(400, json=_codes("TV1001")), PermanentError),
        (httpx.Response(401, json=_codes("250002")), AuthError),
        (httpx.Response(200, json=_codes("250003")), AuthError),
        (httpx.Response(403, text="blocked"), AuthError),
        (httpx.Response(429, json=_codes("10429")), QuotaError),
        (httpx.Response(200, json=_codes("10429")), QuotaError),
        (httpx.Response(500, json=_codes("TV1002")), TransientError),
        (httpx.Response(200, json=[]), PermanentError),
        (httpx.Response(200, json={}), PermanentError),
        (httpx.Response(200, text="{"), TransientError),
    ],
)
def test_every_failure_is_one_of_the_four_branches(
    wired: Wired, answer: httpx.Response, error: type[MailtrackError]
) -> None:
    with pytest.raises(error) as caught:
        _ups(wired, answer).fetch([NUMBER])

    assert error is type(caught.value)
    assert NUMBER not in str(caught.value)


@pytest.mark.parametrize("status", [200, 429])
def test_a_quota_without_a_time_brings_a_quarter_of_an_hour_of_silence(
    wired: Wired, status: int
) -> None:
    with pytest.raises(QuotaError) as caught:
        _ups(wired, httpx.Response(status, json=_codes("10429"))).fetch([NUMBER])

    assert SILENCE_S == caught.value.retry_after_s
