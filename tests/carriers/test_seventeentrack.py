"""17TRACK: asked first, registered once, taken up again once, and pushed."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from mailtrack.carriers.base import Push
from mailtrack.carriers.seventeentrack import (
    BURST_SILENCE_S,
    QUOTA_SILENCE_S,
    SeventeenTrack,
    read_push,
    verify_push,
)
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Hint, PollResult, PollState, Reason
from mailtrack.errors import AuthError, MailtrackError, PermanentError, QuotaError, TransientError
from mailtrack.sandbox.carriers import CarrierWorld, Failure
from mailtrack.sandbox.carriers.seventeentrack import CODE, REGISTER, RETRACK, push
from mailtrack.settings import CarrierSettings, Settings

Handler = Callable[[httpx.Request], httpx.Response]
Wired = Callable[[Handler], Transport]
NUMBER = "RR123456785CN"
START = datetime(2026, 2, 10, 8, tzinfo=UTC)
SETTINGS = CarrierSettings(key=SecretStr("k"))


def _event(stage: str | None, text: str = "", **more: Any) -> dict[str, Any]:
    event = {"time_utc": "2026-02-10T08:00:00Z", "description": text, "stage": stage}
    return event | more


def _item(*providers: list[dict[str, Any]], **info: Any) -> dict[str, Any]:
    told = [{"provider": {"key": i}, "events": events} for i, events in enumerate(providers)]
    return {"number": NUMBER, "track_info": {"tracking": {"providers": told}, **info}}


def _answer(*accepted: dict[str, Any]) -> httpx.Response:
    data = {"accepted": list(accepted), "rejected": []}
    return httpx.Response(200, json={"code": 0, "data": data})


def _result(wired: Wired, item: dict[str, Any]) -> PollResult:
    carrier = SeventeenTrack(SETTINGS, wired(lambda _: _answer(item)), FakeClock())
    return carrier.fetch([NUMBER])[NUMBER]


@pytest.fixture
def carrier(
    settings: Settings, transport: Transport, clock: FakeClock, world: CarrierWorld
) -> SeventeenTrack:
    world.asked.clear()
    world.registered.clear()
    world.parcel(NUMBER).scans.clear()
    return SeventeenTrack(settings.carriers[CODE], transport, clock)


def test_the_request_carries_the_key_and_the_numbers(wired: Wired, clock: FakeClock) -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return _answer()

    SeventeenTrack(SETTINGS, wired(handler), clock).fetch(["A1", "B2"])

    assert ["/track/v2.4/gettrackinfo"] == [request.url.path for request in asked]
    assert "k" == asked[0].headers["17token"]
    assert [{"number": "A1"}, {"number": "B2"}] == json.loads(asked[0].content)


@pytest.mark.parametrize(
    "url", ["", "https://t.example/track/v2.2", "https://t.example/track/v2.4/"]
)
def test_an_address_with_another_version_in_it_still_leads_to_this_one(
    wired: Wired, clock: FakeClock, url: str
) -> None:
    asked: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return _answer()

    SeventeenTrack(SETTINGS.model_copy(update={"url": url}), wired(handler), clock).fetch(["A1"])

    assert ["/track/v2.4/gettrackinfo"] == [request.url.path for request in asked]


@pytest.mark.parametrize(
    ("postcode", "more"), [("", {}), ("69001", {"destination_postal_code": "69001"})]
)
def test_the_postcode_of_the_settings_is_told_at_the_registration_alone(
    wired: Wired, clock: FakeClock, postcode: str, more: dict[str, str]
) -> None:
    asked: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        rejected = [{"number": NUMBER, "error": {"code": -18019902}}]
        told = {"accepted": [], "rejected": rejected if len(asked) == 1 else []}
        return httpx.Response(200, json={"code": 0, "data": told})

    own = SETTINGS.model_copy(update={"postcode": postcode})
    SeventeenTrack(own, wired(handler), clock).fetch([NUMBER])

    assert [[{"number": NUMBER}], [{"number": NUMBER, **more}]] == asked


@pytest.mark.parametrize(
    ("info", "beside", "hint"),
    [
        ({"provider_tips": "No data for 90 days"}, {}, "No data for 90 days"),
        ({"provider_tips": [{"tip": "Call +33 6 39 98 00 00"}]}, {}, "Call"),
        ({}, {"provider_tips": "Strike"}, "Strike"),
        ({}, {"sync_status": "Failure"}, Hint.NOT_READ),
        ({}, {"sync_status": "Success"}, ""),
        ({}, {}, ""),
    ],
)
def test_why_nothing_is_found_is_told_where_it_is_known(
    wired: Wired, info: dict[str, Any], beside: dict[str, Any], hint: str
) -> None:
    result = _result(wired, _item([], **info) | beside)

    assert (PollState.NOT_FOUND, hint) == (result.state, result.hint)


def test_the_sandbox_tells_a_carriers_notice_in_the_place_of_scans(
    carrier: SeventeenTrack, world: CarrierWorld
) -> None:
    world.register(CODE, NUMBER)
    world.parcel(NUMBER).notice = "Closed on Sundays"

    assert "Closed on Sundays" == carrier.fetch([NUMBER])[NUMBER].hint


def test_a_reading_that_failed_is_told_of_the_carrier_that_was_read(wired: Wired) -> None:
    providers = [{"provider": {"key": 1}, "latest_sync_status": "Failure", "events": []}]
    item = {"number": NUMBER, "track_info": {"tracking": {"providers": providers}}}

    assert Hint.NOT_READ == _result(wired, item).hint


@pytest.mark.parametrize(("code", "hint"), [(-18010019, Hint.POSTCODE), (-18010020, "")])
def test_a_carrier_that_wants_more_than_the_number_does_not_know_it_yet(
    wired: Wired, clock: FakeClock, code: int, hint: str
) -> None:
    rejected = [{"number": NUMBER, "error": {"code": code}}]
    answer = httpx.Response(200, json={"code": 0, "data": {"accepted": [], "rejected": rejected}})

    result = SeventeenTrack(SETTINGS, wired(lambda _: answer), clock).fetch([NUMBER])[NUMBER]

    assert (PollState.NOT_FOUND, hint) == (result.state, result.hint)


def test_a_new_number_is_registered_once_and_then_only_asked(
    carrier: SeventeenTrack, world: CarrierWorld
) -> None:
    assert PollState.NOT_FOUND == carrier.fetch([NUMBER])[NUMBER].state
    world.scan(NUMBER, CODE, "InTransit_PickedUp", "Picked up", START)

    assert PollState.FOUND == carrier.fetch([NUMBER])[NUMBER].state
    assert [(NUMBER,)] == world.asked[REGISTER]
    assert [(NUMBER,), (NUMBER,)] == world.asked[CODE]


def test_only_the_new_ones_of_a_batch_are_registered(
    carrier: SeventeenTrack, world: CarrierWorld
) -> None:
    world.register(CODE, NUMBER)
    world.scan(NUMBER, CODE, "InTransit_PickedUp", "Picked up", START)

    results = carrier.fetch([NUMBER, "RR000000000CN"])

    assert [PollState.FOUND, PollState.NOT_FOUND] == [result.state for result in results.values()]
    assert [("RR000000000CN",)] == world.asked[REGISTER]


def test_a_number_that_somebody_else_registered_meanwhile_is_asked_again(
    carrier: SeventeenTrack, world: CarrierWorld
) -> None:
    world.register(CODE, NUMBER)
    world.fail_next(CODE, Failure.UNKNOWN)

    assert {} == carrier.fetch([NUMBER])


@pytest.mark.parametrize(("number", "failure"), [("AB1", None), (NUMBER, Failure.UNKNOWN)])
def test_what_cannot_be_a_number_is_rejected(
    carrier: SeventeenTrack, world: CarrierWorld, number: str, failure: Failure | None
) -> None:
    """For its form, or because no carrier has such numbers."""
    if failure:
        world.fail_next(REGISTER, failure)

    assert PollState.REJECTED == carrier.fetch([number])[number].state


def test_a_used_up_quota_of_numbers_is_a_quota(
    carrier: SeventeenTrack, world: CarrierWorld
) -> None:
    world.fail_next(REGISTER, Failure.SPENT)

    with pytest.raises(QuotaError) as caught:
        carrier.fetch([NUMBER])

    assert QUOTA_SILENCE_S == caught.value.retry_after_s


def test_a_used_up_quota_does_not_silence_the_numbers_that_are_registered(
    carrier: SeventeenTrack, world: CarrierWorld
) -> None:
    world.register(CODE, NUMBER)
    world.scan(NUMBER, CODE, "InTransit_PickedUp", "Picked up", START)
    world.fail_next(REGISTER, Failure.SPENT)

    assert [NUMBER] == list(carrier.fetch([NUMBER, "RR000000000CN"]))


@pytest.mark.parametrize("refused", [False, True])
def test_a_number_that_was_stopped_is_taken_up_again(
    carrier: SeventeenTrack, world: CarrierWorld, refused: bool
) -> None:
    """Refused the second time, which changes nothing for us."""
    world.register(CODE, NUMBER)
    world.scan(NUMBER, CODE, "InTransit_PickedUp", "Picked up", START)
    world.scan(NUMBER, CODE, "Expired_Other", "", START)
    if refused:
        world.fail_next(RETRACK, Failure.UNKNOWN)

    assert PollState.FOUND == carrier.fetch([NUMBER])[NUMBER].state
    assert [(NUMBER,)] == world.asked[RETRACK]


def test_a_number_that_still_runs_is_not_taken_up_again(
    carrier: SeventeenTrack, world: CarrierWorld
) -> None:
    world.register(CODE, NUMBER)
    world.scan(NUMBER, CODE, "InTransit_PickedUp", "Picked up", START)
    carrier.fetch([NUMBER])

    assert [] == world.asked[RETRACK]


@pytest.mark.parametrize(
    ("stage", "text", "milestone"),
    [
        ("Delivered_Other", "Lorem", Milestone.DELIVERED),
        ("InTransit_Other", "Customs clearance completed", Milestone.CUSTOMS_CLEARED),
        ("InTransit_Other", "Lorem", Milestone.IN_TRANSIT),
        ("InTransit_Arrival", "Lorem", Milestone.ARRIVED_IN_COUNTRY),
        (None, "Out for delivery", Milestone.OUT_FOR_DELIVERY),
        (None, "Lorem", Milestone.UNKNOWN),
        ("Brand_New", "Delivered", Milestone.DELIVERED),
        ("Exception_Returning", "Lorem", Milestone.RETURNING),
    ],
)
def test_the_stage_decides_unless_it_is_too_wide(
    wired: Wired, stage: str | None, text: str, milestone: Milestone
) -> None:
    assert milestone == _result(wired, _item([_event(stage, text)])).events[0].milestone


def test_a_trouble_has_its_reason(wired: Wired) -> None:
    (event,) = _result(wired, _item([_event("DeliveryFailure_InvalidAddress")])).events

    assert Reason.BAD_ADDRESS == event.reason


def test_the_scans_of_all_carriers_are_one_history(wired: Wired) -> None:
    first = [
        _event(None, "c", time_utc="2026-02-10T09:00:00Z"),
        _event(None, "a", time_utc="2026-02-10T07:00:00Z"),
    ]
    second = [
        _event(None, "d", time_utc="2026-02-10T10:00:00Z"),
        _event(None, "b", time_utc="2026-02-10T08:00:00Z"),
    ]

    assert ["d", "c", "b", "a"] == [e.text for e in _result(wired, _item(first, second)).events]


def test_a_zone_that_17track_had_to_guess_is_doubtful(wired: Wired) -> None:
    raw = {"date": "2026-02-10", "time": "09:00:00", "timezone": None}
    (event,) = _result(wired, _item([_event(None, "x", time_raw=raw)])).events

    assert not event.at_certain


@pytest.mark.parametrize(
    ("raw", "at", "certain"),
    [
        ({"date": "2026-02-10", "time": "09:00:00", "timezone": "+01:00"}, 8, True),
        ({"date": "2026-02-10", "time": "09:00:00", "timezone": None}, 8, False),
        ({"date": "2026-02-10", "time": "09:00:00", "timezone": "Paris"}, 8, False),
        ({"date": "2026-02-10", "time": None, "timezone": None}, -1, False),
    ],
)
@pytest.mark.parametrize("utc", [None, "", "soon"])
def test_a_delivery_that_is_dated_by_the_carriers_own_clock_alone_is_not_lost(
    wired: Wired, raw: dict[str, Any], at: int, certain: bool, utc: str | None
) -> None:
    scan = _event("Delivered_Other", "Livré", time_utc=utc, time_iso=None, time_raw=raw)
    (event,) = _result(wired, _item([scan])).events

    midnight = datetime(2026, 2, 10, tzinfo=UTC)
    assert (Milestone.DELIVERED, midnight + timedelta(hours=at)) == (event.milestone, event.at)
    assert certain is event.at_certain


def test_the_newest_event_stands_in_for_scans_that_are_not_told(wired: Wired) -> None:
    latest = _event("Delivered", "Package delivered", location="LYON")
    item = _item([], latest_event=latest, latest_status={"status": "Delivered"})

    result = _result(wired, item)

    assert PollState.FOUND == result.state
    assert [(Milestone.DELIVERED, START, "LYON")] == [
        (event.milestone, event.at, event.place) for event in result.events
    ]


def test_the_milestones_of_the_summary_are_the_last_resort(wired: Wired) -> None:
    stages = [
        {"key_stage": "PickedUp", "time_utc": "2026-02-08T08:00:00Z"},
        {"key_stage": "Departure", "time_utc": None},
        {"key_stage": "Delivered", "time_utc": "2026-02-10T08:00:00Z"},
    ]

    result = _result(wired, _item([_event("Delivered", time_utc=None)], milestone=stages))

    assert [Milestone.DELIVERED, Milestone.CARRIER_ACCEPTED] == [e.milestone for e in result.events]


@pytest.mark.parametrize(
    ("older", "milestone"),
    [(None, Milestone.DELIVERED), ("Delivered_Other", Milestone.UNKNOWN)],
)
def test_the_status_says_what_new_words_mean_unless_it_is_that_of_an_older_scan(
    wired: Wired, older: str | None, milestone: Milestone
) -> None:
    scans = [_event(None, "Lorem")]
    if older:
        scans.append(_event(older, "Livré", time_utc="2026-02-09T08:00:00Z"))
    status = {"status": "Delivered", "sub_status": "Delivered_Other"}

    result = _result(wired, _item(scans, latest_status=status))

    assert milestone == result.events[0].milestone


def test_a_status_without_any_day_is_no_event_but_the_number_is_known(wired: Wired) -> None:
    result = _result(wired, _item([], latest_status={"status": "Delivered"}))

    assert (PollState.PENDING, ()) == (result.state, result.events)


@pytest.mark.parametrize(
    ("told", "local"), [("6A12345678901", "6A12345678901"), ("", None), (NUMBER, None)]
)
def test_the_local_number_is_another_one_or_none(
    wired: Wired, told: str, local: str | None
) -> None:
    item = _item([_event("InTransit")], misc_info={"local_number": told, "local_key": 0})

    assert local == _result(wired, item).local_number


def test_the_promised_day_is_the_last_of_its_window(wired: Wired) -> None:
    window = {"from": "2026-02-12T08:00:00+01:00", "to": "2026-02-14T20:00:00+01:00"}
    item = _item([], time_metrics={"estimated_delivery_date": window})

    assert date(2026, 2, 14) == _result(wired, item).estimated_delivery


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("NotFound", PollState.NOT_FOUND),
        ("", PollState.NOT_FOUND),
        ("InfoReceived", PollState.PENDING),
    ],
)
def test_without_events_the_status_tells_unknown_from_waiting(
    wired: Wired, status: str, state: PollState
) -> None:
    assert state == _result(wired, _item([], latest_status={"status": status})).state


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(401, json={"code": -18010002}), AuthError),
        (httpx.Response(200, json={"code": -18010002}), AuthError),
        (httpx.Response(200, json={"code": -18010004}), AuthError),
        (httpx.Response(429, json={"code": 429}), QuotaError),
        (httpx.Response(200, json={"code": 429}), QuotaError),
        (httpx.Response(200, json={"code": -18019907}), QuotaError),
        (httpx.Response(200, json={"code": -18010003}), TransientError),
        (httpx.Response(503), TransientError),
        (httpx.Response(200, json={"code": -18010014}), PermanentError),
        (httpx.Response(200, json={"code": True}), PermanentError),
        (httpx.Response(200, json={}), PermanentError),
        (httpx.Response(200, json={"code": 0, "data": []}), PermanentError),
        (httpx.Response(200, json=[]), PermanentError),
        (httpx.Response(200, text="{"), TransientError),
    ],
)
def test_every_failure_is_one_of_the_four_branches(
    wired: Wired, clock: FakeClock, answer: httpx.Response, error: type[MailtrackError]
) -> None:
    with pytest.raises(error) as caught:
        SeventeenTrack(SETTINGS, wired(lambda _: answer), clock).fetch([NUMBER])

    assert error is type(caught.value)
    assert NUMBER not in str(caught.value)


@pytest.mark.parametrize(
    "answer", [httpx.Response(429), httpx.Response(200, json={"code": 429, "data": {}})]
)
def test_too_many_calls_a_second_bring_a_minute_of_silence(
    wired: Wired, clock: FakeClock, answer: httpx.Response
) -> None:
    with pytest.raises(QuotaError) as caught:
        SeventeenTrack(SETTINGS, wired(lambda _: answer), clock).fetch([NUMBER])

    assert BURST_SILENCE_S == caught.value.retry_after_s


def test_a_push_is_believed_by_its_signature_over_the_exact_bytes() -> None:
    body = b'{"event": "TRACKING_UPDATED"}'
    sign = hashlib.sha256(body + b"/k").hexdigest()

    assert verify_push(body, sign, "k")
    assert verify_push(body, f" {sign.upper()}\n", "k")
    assert not verify_push(body + b" ", sign, "k")
    assert not verify_push(body, sign, "other")
    assert not verify_push(body, "", "k")
    assert not verify_push(body, "é", "k")


def test_without_a_key_no_push_is_believed() -> None:
    assert not verify_push(b"{}", hashlib.sha256(b"{}/").hexdigest(), "")


def test_a_push_says_the_same_as_an_answer(carrier: SeventeenTrack, world: CarrierWorld) -> None:
    world.register(CODE, NUMBER)
    world.parcel(NUMBER, local_number="6A12345678901")
    world.scan(NUMBER, CODE, "InTransit_PickedUp", "Pris en charge", START)

    body, sign = push(world, NUMBER)

    assert verify_push(body, sign, world.key)
    assert Push(carrier.fetch([NUMBER])) == read_push(body)


def test_a_push_names_the_number_that_was_stopped(world: CarrierWorld) -> None:
    body, _ = push(world, NUMBER, "TRACKING_STOPPED")

    assert Push({}, frozenset({NUMBER})) == read_push(body)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"{}", b"[" * 100_000])
def test_what_is_no_push_is_refused(body: bytes) -> None:
    with pytest.raises(PermanentError, match="push of 17TRACK"):
        read_push(body)
