"""What the tests of the carriers share: a still clock and transports without a network."""

import os
from collections.abc import Callable, Iterator

import httpx
import pytest
from pydantic import SecretStr

from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.sandbox.carriers import ROUTES, CarrierWorld, carrier_app, serve
from mailtrack.settings import CarrierSettings, Settings

#: Recorded answers are tried where a folder of them is at hand, see test_samples.py.
collect_ignore_glob = [] if os.environ.get("MAILTRACK_SAMPLES") else ["test_samples*.py"]

Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def wired(clock: FakeClock) -> Callable[[Handler], Transport]:
    """Make a transport whose requests are answered by a function."""

    def make(handler: Handler) -> Transport:
        return Transport(
            clock, "https://mailtrack.example", wire=lambda: httpx.MockTransport(handler)
        )

    return make


@pytest.fixture
def transport(clock: FakeClock) -> Iterator[Transport]:
    """Speak real HTTP."""
    real = Transport(clock, "https://mailtrack.example")
    yield real
    real.close()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[tuple[CarrierWorld, str]]:
    """Run the sandbox's carriers once per module; gives the world and its address."""
    world = CarrierWorld()
    with serve(carrier_app(world)) as base:
        yield world, base
        world.release()


@pytest.fixture
def world(sandbox: tuple[CarrierWorld, str]) -> CarrierWorld:
    return sandbox[0]


@pytest.fixture
def settings(sandbox: tuple[CarrierWorld, str]) -> Settings:
    """Point all carriers at the sandbox, with credentials that it knows."""
    world, base = sandbox
    return Settings(
        carriers={
            code: CarrierSettings(
                url=f"{base}/{code}",
                key=SecretStr(world.key),
                client_id=SecretStr(world.client_id),
                client_secret=SecretStr(world.client_secret),
            )
            for code in ROUTES
        }
    )
