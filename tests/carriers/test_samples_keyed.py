"""Documented answers of the carriers with credentials, where a folder of them is at hand.

`MAILTRACK_SAMPLES` names the folder; without it this file is not collected.
"""

import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from pydantic import SecretStr

from mailtrack.carriers import CarrierType
from mailtrack.carriers.aftership import AfterShip
from mailtrack.carriers.dhl import Dhl
from mailtrack.carriers.fedex import FedEx
from mailtrack.carriers.gls import Gls
from mailtrack.carriers.seventeentrack import SeventeenTrack, read_push
from mailtrack.carriers.transport import Transport
from mailtrack.carriers.ups import Ups
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState, TrackingEvent
from mailtrack.errors import AuthError, MailtrackError, PermanentError, QuotaError
from mailtrack.settings import CarrierSettings

SAMPLES = Path(os.environ["MAILTRACK_SAMPLES"]) / "carriers"
SETTINGS = CarrierSettings(
    key=SecretStr("k"), client_id=SecretStr("me"), client_secret=SecretStr("hush")
)


def _fetch(
    make: CarrierType, body: bytes, numbers: Sequence[str], status: int = 200
) -> Mapping[str, PollResult]:
    def handler(request: httpx.Request) -> httpx.Response:
        if "oauth" in request.url.path:
            return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
        return httpx.Response(status, content=body)

    transport = Transport(FakeClock(), wire=lambda: httpx.MockTransport(handler))
    return make(SETTINGS, transport, FakeClock()).fetch(numbers)


def _check(raw: Sequence[Mapping[str, str]], events: Sequence[TrackingEvent], code: str) -> None:
    """Compare lines as written, newest first, with the events read from them."""
    assert [line[code] for line in raw] == [event.code for event in events]
    assert Milestone.UNKNOWN not in {event.milestone for event in events}
    for line, event in zip(raw, events, strict=True):
        written = next(line[key] for key in ("date", "eventDateTime", "time_utc") if key in line)
        at = datetime.fromisoformat(written)
        assert (at.tzinfo is not None) == event.at_certain
        assert at.tzinfo is None or at == event.at


FEDEX = sorted(SAMPLES.glob("fedex/karrio_*DateTime*.json")) + sorted(
    SAMPLES.glob("fedex/karrio_DuplicateTracking*.json")
)


@pytest.mark.parametrize("path", FEDEX, ids=lambda path: path.stem)
def test_a_sample_of_fedex_is_read_whole_and_ends_delivered(path: Path) -> None:
    (complete,) = json.loads(path.read_bytes())["output"]["completeTrackResults"]
    number = complete["trackingNumber"]
    newest = max(complete["trackResults"], key=lambda r: r["scanEvents"][0]["date"])

    result = _fetch(FedEx, path.read_bytes(), [number])[number]

    _check(newest["scanEvents"], result.events, "eventType")
    assert Milestone.DELIVERED == result.events[0].milestone


def _gls_examples() -> list[tuple[str, dict[str, Any]]]:
    found = []
    for path in SAMPLES.glob("gls/docs_*.yaml"):
        responses = yaml.safe_load(path.read_text())["components"]["responses"]
        examples = responses["Response200"]["content"]["application/json"]["examples"]
        found += [(name, example["value"]) for name, example in examples.items()]
    return found


@pytest.mark.parametrize(("name", "body"), _gls_examples())
def test_an_example_of_gls_is_read_whole(name: str, body: dict[str, Any]) -> None:
    numbers = list(dict.fromkeys(parcel["requested"] for parcel in body["parcels"]))

    results = _fetch(Gls, json.dumps(body).encode(), numbers)

    assert set(numbers) == set(results)
    for number, result in results.items():
        lines = [p.get("events", []) for p in body["parcels"] if p["requested"] == number]
        newest = max(lines, key=lambda events: [e["eventDateTime"] for e in events])
        _check(newest, result.events, "code")
        assert (result.state is PollState.FOUND) == bool(newest)


AGGREGATED = sorted(SAMPLES.glob("seventeentrack/*gettrackinfo_ok*.json"))


@pytest.mark.parametrize("path", AGGREGATED, ids=lambda path: path.stem)
def test_a_sample_of_17track_is_read_whole(path: Path) -> None:
    (item,) = json.loads(path.read_bytes())["data"]["accepted"]
    result = _fetch(SeventeenTrack, path.read_bytes(), [item["number"]])[item["number"]]

    _check(item["track_info"]["tracking"]["providers"][0]["events"], result.events, "stage")
    assert Milestone.DELIVERED == result.events[0].milestone
    assert result.estimated_delivery is not None


PUSHES = sorted(SAMPLES.glob("seventeentrack/*TRACKING_UPDATED*.json"))


@pytest.mark.parametrize("path", PUSHES, ids=lambda path: path.stem)
def test_a_sample_of_a_push_is_read_whole(path: Path) -> None:
    data = json.loads(path.read_bytes())["data"]
    lines = data["track_info"]["tracking"]["providers"][0]["events"]
    result = read_push(path.read_bytes()).results[data["number"]]

    _check([{**line, "stage": line["stage"] or ""} for line in lines], result.events, "stage")
    assert Milestone.DELIVERED == result.events[0].milestone


STOPS = sorted(SAMPLES.glob("seventeentrack/*TRACKING_STOPPED*.json"))


@pytest.mark.parametrize("path", STOPS, ids=lambda path: path.stem)
def test_a_sample_of_a_stop_names_its_number(path: Path) -> None:
    data = json.loads(path.read_bytes())["data"]

    assert {data["number"]} == read_push(path.read_bytes()).stopped


LISTS = sorted(SAMPLES.glob("aftership/*get_trackings_ok.json"))


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_a_sample_of_aftership_is_read_without_its_customer(path: Path) -> None:
    (tracking,) = json.loads(path.read_bytes())["data"]["trackings"]
    number = tracking["tracking_number"]
    result = _fetch(AfterShip, path.read_bytes(), [number])[number]

    assert [line["subtag"] for line in tracking["checkpoints"]] == [e.code for e in result.events]
    assert [Milestone.SHIPPED] == [event.milestone for event in result.events]
    assert tracking["customer_name"] not in repr(result)


REGISTERED = sorted(SAMPLES.glob("seventeentrack/*register_ok*.json")) + sorted(
    SAMPLES.glob("seventeentrack/*register_partly*.json")
)


@pytest.mark.parametrize("path", REGISTERED, ids=lambda path: path.stem)
def test_a_sample_of_a_registration_tells_which_numbers_are_known_from_now_on(path: Path) -> None:
    told = json.loads(path.read_bytes())["data"]
    accepted = [item["number"] for item in told["accepted"]]
    rejected = [item["number"] for item in told["rejected"]]
    unknown = [{"number": n, "error": {"code": -18019902}} for n in (*accepted, *rejected)]

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/register"):
            return httpx.Response(200, content=path.read_bytes())
        return httpx.Response(200, json={"code": 0, "data": {"rejected": unknown}})

    transport = Transport(FakeClock(), wire=lambda: httpx.MockTransport(handler))
    results = SeventeenTrack(SETTINGS, transport, FakeClock()).fetch([*accepted, *rejected])
    states = {number: result.state for number, result in results.items()}
    known, refused = PollState.NOT_FOUND, PollState.REJECTED
    assert dict.fromkeys(accepted, known) | dict.fromkeys(rejected, refused) == states


CREATED = sorted(SAMPLES.glob("aftership/*post_trackings_created*.json"))


@pytest.mark.parametrize("path", CREATED, ids=lambda path: path.stem)
def test_a_sample_of_a_new_shipment_is_known_and_has_no_scan(path: Path) -> None:
    number = json.loads(path.read_bytes())["data"]["tracking"]["tracking_number"]

    def handler(request: httpx.Request) -> httpx.Response:
        listed = request.method == "GET"
        empty = httpx.Response(200, json={"data": {"trackings": []}})
        return empty if listed else httpx.Response(201, content=path.read_bytes())

    transport = Transport(FakeClock(), wire=lambda: httpx.MockTransport(handler))
    result = AfterShip(SETTINGS, transport, FakeClock()).fetch([number])[number]
    assert (PollState.NOT_FOUND, ()) == (result.state, result.events)


VERDICTS: Mapping[str, tuple[CarrierType, int, PollState]] = {
    "dhl/karrio_unified_error": (Dhl, 404, PollState.NOT_FOUND),
    "gls/karrio_error": (Gls, 200, PollState.NOT_FOUND),
    "ups/karrio_InvalidTrackingNumberResponseJSON": (Ups, 400, PollState.REJECTED),
    "ups/karrio_TrackingNumberNotFoundResponseJSON": (Ups, 200, PollState.NOT_FOUND),
}


@pytest.mark.parametrize("name", [n for n in VERDICTS if (SAMPLES / f"{n}.json").exists()])
def test_a_sample_of_a_verdict_is_understood(name: str) -> None:
    make, status, state = VERDICTS[name]
    number = "36301917596"
    results = _fetch(make, (SAMPLES / f"{name}.json").read_bytes(), [number], status)

    assert state == results[number].state


REFUSALS: Mapping[str, tuple[CarrierType, int, type[MailtrackError]]] = {
    "fedex/karrio_ErrorResponse": (FedEx, 400, PermanentError),
    "ups/karrio_AuthError": (Ups, 401, AuthError),
    "seventeentrack/documented_v2.2_error_bad_key": (SeventeenTrack, 200, AuthError),
    "seventeentrack/documented_v2.2_error_429": (SeventeenTrack, 429, QuotaError),
}


@pytest.mark.parametrize("name", [n for n in REFUSALS if (SAMPLES / f"{n}.json").exists()])
def test_a_sample_of_a_refusal_is_the_right_branch(name: str) -> None:
    make, status, error = REFUSALS[name]

    with pytest.raises(error):
        _fetch(make, (SAMPLES / f"{name}.json").read_bytes(), ["36301917596"], status)
