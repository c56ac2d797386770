"""AfterShip: listed first, created once, words before wide tags, customers left out."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from mailtrack.carriers.aftership import AfterShip, read_push, verify_push
from mailtrack.carriers.base import Push
from mailtrack.carriers.transport import DEFAULT_RETRY_S, MAX_RETRY_S, Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PickupPoint, PollResult, PollState, Reason
from mailtrack.errors import AuthError, MailtrackError, PermanentError, QuotaError, TransientError
from mailtrack.sandbox.carriers import CarrierWorld, Failure
from mailtrack.sandbox.carriers.aftership import CODE, CREATE, push
from mailtrack.settings import CarrierSettings, Settings

Handler = Callable[[httpx.Request], httpx.Response]
Wired = Callable[[Handler], Transport]
NUMBER = "RR123456785CN"
START = datetime(2026, 2, 10, 8, tzinfo=UTC)
SETTINGS = CarrierSettings(key=SecretStr("k"))


def _checkpoint(subtag: str, message: str = "", **more: Any) -> dict[str, Any]:
    when = {"checkpoint_time": "2026-02-10T09:00:00+01:00"}
    return {"slug": "x", "subtag": subtag, "message": message, **when, **more}


def _tracking(*oldest_first: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"tracking_number": NUMBER, "checkpoints": list(oldest_first), **more}


def _answer(*trackings: dict[str, Any]) -> httpx.Response:
    data = {"trackings": list(trackings)}
    return httpx.Response(200, json={"meta": {"code": 200}, "data": data})


def _result(wired: Wired, *trackings: dict[str, Any]) -> PollResult:
    carrier = AfterShip(SETTINGS, wired(lambda _: _answer(*trackings)), FakeClock())
    return carrier.fetch([NUMBER])[NUMBER]


@pytest.fixture
def carrier(
    settings: Settings, transport: Transport, clock: FakeClock, world: CarrierWorld
) -> AfterShip:
    world.asked.clear()
    world.registered.clear()
    world.parcel(NUMBER).scans.clear()
    return AfterShip(settings.carriers[CODE], transport, clock)


def test_the_requests_carry_the_key_and_the_numbers(wired: Wired, clock: FakeClock) -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if request.method == "GET":
            return _answer(_tracking())
        return httpx.Response(201, json={"data": {"tracking_number": "B2", "tag": "Pending"}})

    AfterShip(SETTINGS, wired(handler), clock).fetch([NUMBER, "B2"])

    assert ["GET", "POST"] == [request.method for request in asked]
    assert {"/tracking/2026-07/trackings"} == {request.url.path for request in asked}
    assert {"k"} == {request.headers["as-api-key"] for request in asked}
    assert f"{NUMBER},B2" == asked[0].url.params["tracking_numbers"]
    assert {"tracking_number": "B2"} == json.loads(asked[1].content)


def test_a_checkpoint_that_comes_twice_under_one_hash_is_told_once(wired: Wired) -> None:
    first = _checkpoint("InTransit_002", hash="a1")
    other = _checkpoint("InTransit_002", hash="b2")

    assert 1 == len(_result(wired, _tracking(first, first)).events)
    assert 2 == len(_result(wired, _tracking(first, other)).events)


def test_a_push_is_believed_by_its_signature_over_the_exact_bytes() -> None:
    body = b'{"event": "tracking_update"}'
    sign = "7G5HJLld7sLlTmSVa+Nj90EIN1sZPX1S4rbiqR0RIAo="

    assert verify_push(body, f" {sign}\n", "secret")
    for told in (
        verify_push(body + b" ", sign, "secret"),
        verify_push(body, sign, "other"),
        verify_push(body, sign.lower(), "secret"),
        verify_push(body, "", "secret"),
        verify_push(body, "é", "secret"),
        verify_push(body, "", ""),
    ):
        assert not told


def test_a_push_says_the_same_as_an_answer(carrier: AfterShip, world: CarrierWorld) -> None:
    world.register(CODE, NUMBER)
    world.parcel(NUMBER, local_number="6A12345678901")
    world.scan(NUMBER, CODE, "InTransit_002", "Accepted", START)

    body, sign = push(world, NUMBER)

    assert verify_push(body, sign, world.webhook_secret)
    assert Push(carrier.fetch([NUMBER])) == read_push(body)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"{}", b"[" * 100_000])
def test_what_is_no_push_is_refused(body: bytes) -> None:
    with pytest.raises(PermanentError, match="push of AfterShip"):
        read_push(body)


def test_a_push_without_a_shipment_tells_nothing() -> None:
    assert Push({}) == read_push(b'{"event": "tracking_update", "msg": null}')


def test_a_new_number_is_created_once_and_then_only_listed(
    carrier: AfterShip, world: CarrierWorld
) -> None:
    assert PollState.NOT_FOUND == carrier.fetch([NUMBER])[NUMBER].state
    world.scan(NUMBER, CODE, "InTransit_002", "Accepted", START)

    assert PollState.FOUND == carrier.fetch([NUMBER])[NUMBER].state
    assert [(NUMBER,)] == world.asked[CREATE]


def test_a_number_that_exists_and_was_not_listed_is_asked_again(
    carrier: AfterShip, world: CarrierWorld
) -> None:
    world.register(CODE, NUMBER)
    world.fail_next(CODE, Failure.UNKNOWN)

    assert {} == carrier.fetch([NUMBER])


@pytest.mark.parametrize("status", [402, 429])
def test_a_used_up_plan_does_not_take_away_what_was_listed(
    wired: Wired, clock: FakeClock, status: int
) -> None:
    """The rest is left out, and asked about again."""

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return _answer(_tracking(_checkpoint("Delivered_001")))
        return httpx.Response(status, json={"meta": {"code": status}, "data": {}})

    carrier = AfterShip(SETTINGS, wired(handler), clock)

    assert [NUMBER] == list(carrier.fetch([NUMBER, "B2000000", "C3000000"]))
    with pytest.raises(QuotaError):
        carrier.fetch(["B2000000"])


def test_a_checkpoint_without_a_time_is_dated_by_when_it_was_heard_of(wired: Wired) -> None:
    late: dict[str, Any] = {"checkpoint_time": None, "created_at": "2026-02-10T08:00:00+00:00"}
    (event,) = _result(wired, _tracking(_checkpoint("Delivered_001", **late))).events

    assert (Milestone.DELIVERED, START, False) == (event.milestone, event.at, event.at_certain)


@pytest.mark.parametrize("checkpoints", [[], [_checkpoint("Delivered_001", checkpoint_time="")]])
def test_a_delivery_that_no_checkpoint_dates_is_not_lost(
    wired: Wired, checkpoints: list[dict[str, Any]]
) -> None:
    told = {"tag": "Delivered", "subtag": "Delivered_001"}
    day = {"shipment_delivery_date": "2026-02-10T09:00:00+01:00"}

    dated = _result(wired, _tracking(*checkpoints, **told, **day))
    undated = _result(wired, _tracking(*checkpoints, **told))

    assert [(Milestone.DELIVERED, START)] == [(e.milestone, e.at) for e in dated.events]
    assert (PollState.PENDING, ()) == (undated.state, undated.events)


def test_what_cannot_be_a_number_is_rejected(carrier: AfterShip) -> None:
    assert PollState.REJECTED == carrier.fetch(["AB1"])["AB1"].state


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (Failure.QUOTA, QuotaError),
        (Failure.OUTAGE, TransientError),
        (Failure.BAD_KEY, AuthError),
        (Failure.BAD_REQUEST, PermanentError),
    ],
)
def test_a_creation_that_fails_is_one_of_the_four_branches(
    carrier: AfterShip, world: CarrierWorld, failure: Failure, error: type[MailtrackError]
) -> None:
    world.fail_next(CREATE, failure)

    with pytest.raises(error):
        carrier.fetch([NUMBER])


@pytest.mark.parametrize(
    ("subtag", "message", "milestone"),
    [
        ("Delivered_001", "Lorem", Milestone.DELIVERED),
        ("Delivered_999", "Lorem", Milestone.DELIVERED),
        ("InTransit_001", "Customs clearance completed", Milestone.CUSTOMS_CLEARED),
        ("InTransit_001", "Lorem", Milestone.IN_TRANSIT),
        ("OutForDelivery_002", "Lorem", Milestone.PICKUP_AVAILABLE),
        ("Brand_New", "Delivered", Milestone.DELIVERED),
        ("Pending_001", "Lorem", Milestone.UNKNOWN),
    ],
)
def test_the_subtag_decides_unless_it_is_too_wide(
    wired: Wired, subtag: str, message: str, milestone: Milestone
) -> None:
    assert milestone == _result(wired, _tracking(_checkpoint(subtag, message))).events[0].milestone


def test_a_trouble_has_its_reason(wired: Wired) -> None:
    assert (
        Reason.ABSENT == _result(wired, _tracking(_checkpoint("AttemptFail_002"))).events[0].reason
    )


def test_checkpoints_are_listed_oldest_first(wired: Wired) -> None:
    late = {"checkpoint_time": "2026-02-11T09:00:00"}
    newest, oldest = _result(
        wired,
        _tracking(
            _checkpoint("InTransit_002", "Accepted", city="SHENZHEN", country_name="China"),
            _checkpoint("Delivered_001", "Delivered", location="LYON", **late),
        ),
    ).events

    assert ("Delivered", "LYON", False) == (newest.text, newest.place, newest.at_certain)
    assert ("SHENZHEN, China", START, True) == (oldest.place, oldest.at, oldest.at_certain)


def test_of_two_carriers_with_one_number_the_newest_history_counts(wired: Wired) -> None:
    old = _tracking(_checkpoint("Delivered_001", "old", checkpoint_time="2024-02-10T09:00:00Z"))
    new = _tracking(_checkpoint("InTransit_002", "new"))

    assert ["new"] == [event.text for event in _result(wired, new, old).events]


def test_the_last_mile_has_a_number_of_its_own(wired: Wired) -> None:
    tracking = _tracking(last_mile={"tracking_number": "6A12345678901", "slug": "la-poste"})

    assert "6A12345678901" == _result(wired, tracking).local_number


@pytest.mark.parametrize(
    "promise",
    [
        {"latest_estimated_delivery": {"datetime": "2026-02-14T00:00:00+01:00"}},
        {"courier_estimated_delivery": {"estimated_delivery_date_max": "2026-02-14"}},
        {"expected_delivery": "2026-02-14"},
    ],
)
def test_the_promised_day_may_stand_in_several_places(
    wired: Wired, promise: dict[str, Any]
) -> None:
    assert date(2026, 2, 14) == _result(wired, _tracking(**promise)).estimated_delivery


def test_a_shop_to_collect_at_is_a_pickup_point_only_for_parcels_that_are_collected(
    wired: Wired,
) -> None:
    place = {"pickup_location": "TABAC DU PORT"}

    collected = _result(wired, _tracking(delivery_type="pickup_at_store", **place))
    brought = _result(wired, _tracking(delivery_type="to_door", **place))

    assert (PickupPoint("TABAC DU PORT"), None) == (collected.pickup_point, brought.pickup_point)


@pytest.mark.parametrize(
    ("tag", "state"),
    [("Pending", PollState.NOT_FOUND), ("InfoReceived", PollState.PENDING)],
)
def test_without_checkpoints_the_tag_tells_unknown_from_waiting(
    wired: Wired, tag: str, state: PollState
) -> None:
    assert state == _result(wired, _tracking(tag=tag)).state


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(400, json={"meta": {"code": 400}}), PermanentError),
        (httpx.Response(401, json={"meta": {"code": 401}}), AuthError),
        (httpx.Response(403), AuthError),
        (httpx.Response(429), QuotaError),
        (httpx.Response(500), TransientError),
        (httpx.Response(200, json=[]), PermanentError),
        (httpx.Response(200, json={"data": {}}), PermanentError),
        (httpx.Response(200, text="{"), TransientError),
    ],
)
def test_every_failure_is_one_of_the_four_branches(
    wired: Wired, clock: FakeClock, answer: httpx.Response, error: type[MailtrackError]
) -> None:
    with pytest.raises(error) as caught:
        AfterShip(SETTINGS, wired(lambda _: answer), clock).fetch([NUMBER])

    assert error is type(caught.value)
    assert NUMBER not in str(caught.value)


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        (str(int(FakeClock().now().timestamp()) + 30), 30.0),
        ("0", 1.0),
        ("99999999999", MAX_RETRY_S),
        ("soon", DEFAULT_RETRY_S),
        ("9" * 400, DEFAULT_RETRY_S),
    ],
)
def test_a_quota_ends_when_its_header_says(
    wired: Wired, clock: FakeClock, reset: str, seconds: float
) -> None:
    answer = httpx.Response(429, headers={"X-RateLimit-Reset": reset})

    with pytest.raises(QuotaError) as caught:
        AfterShip(SETTINGS, wired(lambda _: answer), clock).fetch([NUMBER])

    assert seconds == caught.value.retry_after_s
