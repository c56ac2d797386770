"""Paack's own traps: JSON in a script, times of three forms, steps that have not happened."""

import json
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from mailtrack.carriers.paack import Paack
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PickupPoint, PollResult, PollState
from mailtrack.errors import ChallengeError
from mailtrack.settings import CarrierSettings

NUMBER = "EXEMPLE00017"
STEPS: list[dict[str, Any]] = [
    {"id": "SD", "label": "delivered"},
    {"id": "SP002", "label": "inDelivery", "timestamp": 1794553200, "timeline": True},
    {"id": "SX", "label": "somethingNew", "time": 1794535200000},
    {"id": "SH", "label": "delivered", "timestamp": 1794553201, "timeline": False},
    {"id": "SM001", "label": "manifested", "timestamp": "2026-11-10T14:20:00+01:00"},
]


def _page(steps: list[dict[str, Any]], **order: Any) -> str:
    expected = {"start": "2026-11-13T08:00:00Z", "end": "2026-11-13T18:00:00Z"}
    data = {
        "orderTrackData": {"external_id": NUMBER, "expected_delivery_ts": expected} | order,
        "activeEvent": steps[0] if steps else None,
        "eventList": steps,
    }
    context = {"state": {"loaderData": {"routes/tracking.order": data}}}
    script = f"window.__remixContext = {json.dumps(context)};window.more = {{}};"
    return f"<!doctype html><html><body><script>{script}</script></body></html>"


def _read(page: str, status: int = 200) -> PollResult | None:
    clock = FakeClock()
    handler = httpx.MockTransport(lambda _: httpx.Response(status, text=page))
    transport = Transport(clock, wire=lambda: handler)
    return Paack(CarrierSettings(), transport, clock).fetch_for(NUMBER, ["33000"])


def test_a_page_is_read_whole_but_for_what_is_hidden_or_has_not_happened() -> None:
    result = _read(_page(STEPS))

    assert result is not None
    assert date(2026, 11, 13) == result.estimated_delivery
    assert [
        (datetime(2026, 11, 13, 7, 0, tzinfo=UTC), Milestone.OUT_FOR_DELIVERY, "inDelivery"),
        (datetime(2026, 11, 13, 2, 0, tzinfo=UTC), Milestone.UNKNOWN, "somethingNew"),
        (datetime(2026, 11, 10, 13, 20, tzinfo=UTC), Milestone.SHIPPED, "manifested"),
    ] == [(event.at, event.milestone, event.code) for event in result.events]


def test_a_pickup_point_is_named_while_the_parcel_waits_there() -> None:
    ready = [{"label": "availableForPickup", "timestamp": 1794553200}]
    point = {"pudo_name": "TABAC  DU PORT", "pudo_address": "1 QUAI INVENTÉ"}
    waiting, going = _read(_page(ready, **point)), _read(_page(STEPS, **point))

    assert waiting is not None
    assert going is not None
    assert PickupPoint("TABAC DU PORT", "1 QUAI INVENTÉ") == waiting.pickup_point
    assert going.pickup_point is None


@pytest.mark.parametrize("status", [302, 404])
def test_an_unknown_order_is_sent_elsewhere(status: int) -> None:
    assert PollResult(NUMBER, PollState.NOT_FOUND) == _read("", status)


@pytest.mark.parametrize("said", ["Order not found", "Commande introuvable !"])
def test_an_unknown_order_is_told_in_words(said: str) -> None:
    assert PollResult(NUMBER, PollState.NOT_FOUND) == _read(f"<html><h1>{said}</h1></html>")


def test_an_order_of_another_number_is_not_believed() -> None:
    assert _read(_page(STEPS, external_id="EXEMPLE00999")) is None


@pytest.mark.parametrize(
    "page",
    [
        "<html><body>Bienvenue</body></html>",
        "<script>window.__remixContext = {oops</script>",
        "<script>window.__remixContext = [];</script>",
        _page(STEPS).replace("routes/tracking.order", "routes/order"),
    ],
)
def test_a_page_of_another_form_is_one_clear_error(page: str) -> None:
    with pytest.raises(ChallengeError, match="another form"):
        _read(page)
