"""The invented journeys are read back as the stories they tell."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from mailtrack.carriers.cainiao import Cainiao
from mailtrack.carriers.laposte import LaPoste
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import TrackingEvent
from mailtrack.domain.tracking import walk
from mailtrack.sandbox.carriers import CarrierWorld, carrier_app, serve
from mailtrack.sandbox.itineraries import JOURNEYS, Journey, play
from mailtrack.settings import CarrierSettings

START = datetime(2026, 2, 10, 3, 0, tzinfo=UTC)
NUMBER, LOCAL = "LP00123456789012", "6A12345678901"
ENDS = {
    "delivered": Milestone.DELIVERED,
    "picked up": Milestone.DELIVERED,
    "returned": Milestone.RETURNED,
    "held by customs": Milestone.DELIVERED,
}


def _ask(world: CarrierWorld) -> list[TrackingEvent]:
    clock = FakeClock()
    transport = Transport(clock)
    with serve(carrier_app(world)) as base:
        cainiao = Cainiao(CarrierSettings(url=f"{base}/cainiao"), transport, clock)
        laposte = LaPoste(
            CarrierSettings(url=f"{base}/laposte", key=SecretStr(world.key)),
            transport,
            clock,
        )
        look = cainiao.fetch([NUMBER])[NUMBER]
        assert LOCAL == look.local_number
        events = [*look.events, *laposte.fetch([LOCAL])[LOCAL].events]
        transport.close()
    return events


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.name)
def test_a_journey_ends_as_it_is_called(journey: Journey) -> None:
    world = CarrierWorld()
    times = list(play(world, journey, NUMBER, LOCAL, START))

    events = _ask(world)

    assert ENDS[journey.name] == walk(events)[-1].milestone
    assert len(journey.steps) == len(times) == len(events)
    assert Milestone.UNKNOWN not in {event.milestone for event in events}


def test_a_journey_is_revealed_scan_by_scan() -> None:
    world = CarrierWorld()
    playing = play(world, JOURNEYS[0], NUMBER, LOCAL, START)

    first, second = next(playing), next(playing)

    assert (START, START + timedelta(hours=9)) == (first, second)
    assert 2 == len(world.parcel(NUMBER).scans["cainiao"])
    assert world.parcel(NUMBER).local_number is None
