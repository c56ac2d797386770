"""A worker's threads at a slow carrier, nothing stored: the HTTP client alone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from benchmarks.measure import Ratio, Stopwatch
from benchmarks.world import tracking_number
from mailtrack.carriers.cainiao import Cainiao
from mailtrack.carriers.transport import Transport
from mailtrack.clock import SystemClock
from mailtrack.sandbox.carriers import CAINIAO, CarrierWorld, carrier_app, serve
from mailtrack.settings import CarrierSettings

LATENCY_S = 0.2
THREADS = 32
REQUESTS = 640
ROUNDS = 3


def ratios() -> Iterator[Ratio]:
    """Measure once: there is no database."""
    numbers = [tracking_number(serial) for serial in range(REQUESTS)]
    transport, watch = Transport(SystemClock()), Stopwatch()
    with (
        serve(carrier_app(CarrierWorld(latency_s=LATENCY_S))) as base,
        ThreadPoolExecutor(THREADS) as pool,
    ):
        settings = CarrierSettings(url=f"{base}/{CAINIAO}")
        carrier = Cainiao(settings, transport, SystemClock())
        for _ in range(ROUNDS):
            with watch.lap():
                list(pool.map(lambda number: carrier.fetch([number]), numbers))
        transport.close()
    yield Ratio(
        f"{REQUESTS} requests by {THREADS} threads",
        watch.median_s,
        f"{LATENCY_S * 1000:g} ms of waiting each",
        REQUESTS * LATENCY_S / THREADS,
        "≤ 1.11",
    )
