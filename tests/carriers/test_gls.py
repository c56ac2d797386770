"""GLS: ten numbers a call, a verdict for each, a status that explains new event codes."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from mailtrack.carriers.gls import SILENCE_S, Gls
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState
from mailtrack.errors import AuthError, MailtrackError, PermanentError, QuotaError, TransientError
from mailtrack.settings import CarrierSettings

Handler = Callable[[httpx.Request], httpx.Response]
Wired = Callable[[Handler], Transport]
NUMBER = "36301917596"
SETTINGS = CarrierSettings(client_id=SecretStr("me"), client_secret=SecretStr("hush"))


def _with_token(handler: Handler) -> Handler:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth2/v1/token":
            return httpx.Response(200, json={"access_token": "t1", "expires_in": 3599})
        return handler(request)

    return handle


def _gls(wired: Wired, answer: httpx.Response) -> Gls:
    return Gls(SETTINGS, wired(_with_token(lambda _: answer)), FakeClock())


def _event(code: str, text: str, when: str = "2026-02-10T09:00:00+0100") -> dict[str, Any]:
    where = {"city": "ROISSY", "postalCode": "95700", "country": "FR"}
    return {"code": code, "description": text, "eventDateTime": when, **where}


def _parcel(*newest_first: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"requested": NUMBER, "events": list(newest_first), **more}


def _result(wired: Wired, *parcels: dict[str, Any]) -> PollResult:
    answer = httpx.Response(200, json={"parcels": list(parcels)})
    return _gls(wired, answer).fetch([NUMBER])[NUMBER]


def test_a_history_counts_whatever_is_complained_of_beside_it(wired: Wired) -> None:
    event = _event("DELIVD.NORMAL", "Delivered")

    result = _result(wired, _parcel(event, status="DELIVERED", errorCode="E_404_01"))

    assert [Milestone.DELIVERED] == [event.milestone for event in result.events]


def test_the_request_names_all_numbers_and_carries_a_token(wired: Wired, clock: FakeClock) -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"parcels": []})

    Gls(SETTINGS, wired(_with_token(handler)), clock).fetch(["1", "2"])

    assert "/track-and-trace-v1/tracking/simple/trackids/1,2" == asked[0].url.path
    assert "Bearer t1" == asked[0].headers["Authorization"]


def test_events_come_newest_first_with_place_and_instant(wired: Wired) -> None:
    newest, oldest = _result(
        wired,
        _parcel(
            _event("INTIAL.NORMAL", "Handed over", "2026-02-11T09:00:00+0100"),
            _event("INTIAL.PREADVICE", "Data entered"),
        ),
    ).events

    assert [Milestone.CARRIER_ACCEPTED, Milestone.SHIPPED] == [newest.milestone, oldest.milestone]
    assert (datetime(2026, 2, 10, 8, tzinfo=UTC), True) == (oldest.at, oldest.at_certain)
    assert "ROISSY, FR" == oldest.place


@pytest.mark.parametrize(
    ("status", "milestone"),
    [
        ("INDELIVERY", Milestone.OUT_FOR_DELIVERY),
        ("DELIVEREDPS", Milestone.PICKUP_AVAILABLE),
        ("DELIVERED", Milestone.DELIVERED),
        ("NOTDELIVERED", Milestone.DELIVERY_FAILED),
        ("BRANDNEW", Milestone.UNKNOWN),
    ],
)
def test_the_status_explains_a_newest_event_that_is_new_to_us(
    wired: Wired, status: str, milestone: Milestone
) -> None:
    events = _result(
        wired,
        _parcel(
            _event("NEW.CODE", "Lorem", "2026-02-11T09:00:00+0100"),
            _event("OLD.CODE", "Ipsum"),
            status=status,
        ),
    ).events

    assert [milestone, Milestone.UNKNOWN] == [event.milestone for event in events]


def test_an_event_that_is_understood_is_left_as_it_is(wired: Wired) -> None:
    parcel = _parcel(_event("DELIVD.PARCELSHOP", "Delivered"), status="DELIVERED")

    assert Milestone.PICKUP_AVAILABLE == _result(wired, parcel).events[0].milestone


def test_a_dated_status_stands_in_for_missing_events(wired: Wired) -> None:
    parcel = _parcel(status="PREADVICE", statusDateTime="2026-02-10T09:00:00+0100")

    assert [Milestone.SHIPPED] == [event.milestone for event in _result(wired, parcel).events]


def test_a_parcel_without_anything_dated_is_pending(wired: Wired) -> None:
    assert PollState.PENDING == _result(wired, _parcel(status="PREADVICE")).state


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("E_404_01", PollState.NOT_FOUND),
        ("E_404_02", PollState.NOT_FOUND),
        ("E_400_02", PollState.REJECTED),
    ],
)
def test_every_number_has_a_verdict_of_its_own(wired: Wired, code: str, state: PollState) -> None:
    assert state == _result(wired, {"requested": NUMBER, "errorCode": code}).state


def test_an_internal_error_leaves_its_number_unanswered(wired: Wired) -> None:
    body = {"parcels": [{"requested": NUMBER, "errorCode": "E_500_01"}]}

    assert {} == _gls(wired, httpx.Response(200, json=body)).fetch([NUMBER])


def test_of_two_parcels_with_one_number_the_newest_counts(wired: Wired) -> None:
    old = _parcel(_event("DELIVERED", "Delivered", "2024-02-10T09:00:00+0100"))
    new = _parcel(_event("INTIAL.NORMAL", "Handed over"))

    assert ["Handed over"] == [event.text for event in _result(wired, new, old).events]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(400, json={"status": 400}), PermanentError),
        (httpx.Response(401, json={"fault": {}}), AuthError),
        (httpx.Response(403, json={"fault": {}}), AuthError),
        (httpx.Response(404, json={"status": 404}), PermanentError),
        (httpx.Response(429, json={"fault": {}}), QuotaError),
        (httpx.Response(502), TransientError),
        (httpx.Response(200, json=[]), PermanentError),
        (httpx.Response(200, json={"parcels": {}}), PermanentError),
        (httpx.Response(200, text="{"), TransientError),
    ],
)
def test_every_failure_is_one_of_the_four_branches(
    wired: Wired, answer: httpx.Response, error: type[MailtrackError]
) -> None:
    with pytest.raises(error) as caught:
        _gls(wired, answer).fetch([NUMBER])

    assert error is type(caught.value)
    assert NUMBER not in str(caught.value)


def test_a_violated_quota_brings_an_hour_of_silence(wired: Wired) -> None:
    with pytest.raises(QuotaError) as caught:
        _gls(wired, httpx.Response(429)).fetch([NUMBER])

    assert SILENCE_S == caught.value.retry_after_s
