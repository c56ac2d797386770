"""DHL Unified: words before codes, names left out, one number a call."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from mailtrack.carriers.dhl import Dhl
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState
from mailtrack.errors import AuthError, MailtrackError, PermanentError, QuotaError, TransientError
from mailtrack.settings import CarrierSettings

Wired = Callable[[Callable[[httpx.Request], httpx.Response]], Transport]
NUMBER = "3318810025"
SETTINGS = CarrierSettings(key=SecretStr("k"))


def _event(code: str, text: str, **more: Any) -> dict[str, Any]:
    event = {"timestamp": "2026-02-10T09:00:00+01:00", "statusCode": code, "description": text}
    return event | more


def _shipment(*newest_first: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": NUMBER, "events": list(newest_first), **more}


def _result(wired: Wired, *shipments: dict[str, Any]) -> PollResult:
    transport = wired(lambda _: httpx.Response(200, json={"shipments": list(shipments)}))
    return Dhl(SETTINGS, transport, FakeClock()).fetch([NUMBER])[NUMBER]


def test_the_request_carries_the_key_as_a_header(wired: Wired, clock: FakeClock) -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"shipments": []})

    Dhl(SETTINGS, wired(handler), clock).fetch([NUMBER])

    assert "/track/shipments" == asked[0].url.path
    assert NUMBER == asked[0].url.params["trackingNumber"]
    assert "k" == asked[0].headers["DHL-API-Key"]
    assert "k" not in asked[0].url.params.values()


@pytest.mark.parametrize(
    ("code", "text", "milestone"),
    [
        ("pre-transit", "The instruction data was provided", Milestone.SHIPPED),
        ("transit", "The shipment is out for delivery", Milestone.OUT_FOR_DELIVERY),
        ("transit", "Customs clearance completed", Milestone.CUSTOMS_CLEARED),
        ("transit", "Lorem ipsum", Milestone.UNKNOWN),
        ("delivered", "Delivered", Milestone.DELIVERED),
        ("delivered", "Delivered to pick-up point", Milestone.PICKUP_AVAILABLE),
        ("failure", "Returned to shipper", Milestone.RETURNED),
        ("failure", "Lorem ipsum", Milestone.EXCEPTION),
        ("unknown", "", Milestone.UNKNOWN),
    ],
)
def test_the_words_tell_more_than_the_code(
    wired: Wired, code: str, text: str, milestone: Milestone
) -> None:
    assert milestone == _result(wired, _shipment(_event(code, text))).events[0].milestone


def test_the_name_beside_a_delivery_is_left_out(wired: Wired) -> None:
    (event,) = _result(
        wired, _shipment(_event("delivered", "JEANNE EXEMPLE", status="DELIVERED"))
    ).events

    assert (Milestone.DELIVERED, "DELIVERED") == (event.milestone, event.text)


@pytest.mark.parametrize("status", ["", "ZUSTELLNACHWEIS 7"])
def test_unknown_words_beside_a_delivery_are_taken_for_a_name(wired: Wired, status: str) -> None:
    shipment = _shipment(_event("delivered", "JEANNE EXEMPLE", status=status))

    assert [status] == [event.text for event in _result(wired, shipment).events]


def test_unknown_words_on_the_way_are_shown_as_they_are(wired: Wired) -> None:
    assert "Lorem" == _result(wired, _shipment(_event("transit", "Lorem"))).events[0].text


def test_the_town_of_a_facility_is_kept_without_its_street(wired: Wired) -> None:
    where = {"address": {"addressLocality": "1 rue Exemple, ROISSY", "countryCode": "FR"}}

    assert (
        "ROISSY"
        == _result(wired, _shipment(_event("transit", "Processed", location=where))).events[0].place
    )


def test_a_time_without_an_offset_is_doubtful_and_keeps_the_order_of_the_list(
    wired: Wired,
) -> None:
    newest, oldest = _result(
        wired,
        _shipment(
            _event("transit", "Arrived at facility", timestamp="2026-02-10T09:00:00"),
            _event("transit", "Departed", timestamp="2026-02-10T08:30:00Z"),
        ),
    ).events

    assert (False, True) == (newest.at_certain, oldest.at_certain)
    assert datetime(2026, 2, 10, 8, 30, tzinfo=UTC) == oldest.at
    assert newest.at > oldest.at


def test_an_event_without_a_time_is_left_out(wired: Wired) -> None:
    shipment = _shipment(_event("transit", "x", timestamp="soon"), _event("transit", "Departed"))

    assert ["Departed"] == [event.text for event in _result(wired, shipment).events]


def test_of_two_divisions_with_one_number_the_newest_shipment_counts(wired: Wired) -> None:
    old = _shipment(_event("delivered", "Delivered", timestamp="2024-02-10T09:00:00Z"))
    new = _shipment(_event("transit", "Departed"))

    assert ["Departed"] == [event.text for event in _result(wired, new, old).events]


def test_the_status_stands_in_where_there_are_no_events(wired: Wired) -> None:
    result = _result(wired, {"id": NUMBER, "status": _event("delivered", "Delivered")})

    assert [Milestone.DELIVERED] == [event.milestone for event in result.events]


def test_a_shipment_without_anything_dated_is_pending(wired: Wired) -> None:
    assert PollState.PENDING == _result(wired, {"id": NUMBER}).state


@pytest.mark.parametrize(
    "promise",
    [
        {"estimatedTimeOfDelivery": "2026-02-14T00:00:00+01:00"},
        {
            "estimatedTimeOfDelivery": "2026-02-13T00:00:00Z",
            "estimatedDeliveryTimeFrame": {"estimatedThrough": "2026-02-14T18:00:00"},
        },
    ],
)
def test_the_promised_day_is_the_local_one(wired: Wired, promise: dict[str, Any]) -> None:
    assert (
        date(2026, 2, 14)
        == _result(wired, _shipment(_event("transit", "x"), **promise)).estimated_delivery
    )


def test_a_problem_document_says_that_the_number_is_unknown(wired: Wired) -> None:
    problem = {"title": "No result found", "status": 404, "instance": f"/shipment/{NUMBER}"}
    dhl = Dhl(SETTINGS, wired(lambda _: httpx.Response(404, json=problem)), FakeClock())

    assert PollState.NOT_FOUND == dhl.fetch([NUMBER])[NUMBER].state


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(404, json={"message": "no route"}), PermanentError),
        (httpx.Response(404, text="<html>"), TransientError),
        (httpx.Response(400, json={"status": 400}), PermanentError),
        (httpx.Response(401, json={"status": 401}), AuthError),
        (httpx.Response(429, json={"status": 429}), QuotaError),
        (httpx.Response(503), TransientError),
        (httpx.Response(200, json=[]), PermanentError),
    ],
)
def test_every_failure_is_one_of_the_four_branches(
    wired: Wired, clock: FakeClock, answer: httpx.Response, error: type[MailtrackError]
) -> None:
    with pytest.raises(error) as caught:
        Dhl(SETTINGS, wired(lambda _: answer), clock).fetch([NUMBER])

    assert error is type(caught.value)
    assert NUMBER not in str(caught.value)


def test_a_used_up_day_lasts_until_midnight_gmt(wired: Wired) -> None:
    clock = FakeClock(datetime(2026, 3, 2, 22, 0, tzinfo=UTC))

    with pytest.raises(QuotaError) as caught:
        Dhl(SETTINGS, wired(lambda _: httpx.Response(429)), clock).fetch([NUMBER])

    assert 7200 == caught.value.retry_after_s
