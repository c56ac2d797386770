"""Asking a carrier over real HTTP with a worker's threads, against what its latency allows."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from benchmarks.measure import Ratio
from benchmarks.stores import STORES, OpenStore
from benchmarks.world import let_people_follow, service, tracking_number
from mailtrack.domain.model import LegId
from mailtrack.runtime.services import Services
from mailtrack.sandbox.carriers import CAINIAO, CarrierWorld, carrier_app, serve
from mailtrack.settings import JobSettings
from mailtrack.store import leg_claims

LATENCY_S = 0.05
THREADS = JobSettings().threads
#: Requests, of one number each: what most carriers take.
REQUESTS = 240
SCANS = (
    ("PU_PICKUP_SUCCESS", "Accepted by carrier"),
    ("LH_DEPART", "Departed from departure country/region"),
    ("CC_IM_SUCCESS", "Import customs clearance complete"),
)


def ratios() -> Iterator[Ratio]:
    """Measure on each database."""
    for name, open_store in STORES.items():
        yield _measured(name, open_store)


def _measured(name: str, open_store: OpenStore) -> Ratio:
    world = CarrierWorld(latency_s=LATENCY_S)
    _reveal(world, REQUESTS)
    with (
        open_store() as store,
        serve(carrier_app(world)) as base,
        service(store, carrier_url=f"{base}/cainiao") as services,
    ):
        legs = _due(services)
        poller = replace(services.poller(), rng=Random(1))
        began = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda leg: poller.poll(CAINIAO, [leg], "token"), legs))
        took = time.perf_counter() - began
    assert world.requests[CAINIAO] == REQUESTS
    return Ratio(
        f"{REQUESTS} polls by {THREADS} threads ({name})",
        took,
        f"{LATENCY_S * 1000:g} ms of waiting each",
        REQUESTS * LATENCY_S / THREADS,
    )


def _due(services: Services) -> list[LegId]:
    """Let parcels be followed and claimed; return their legs."""
    now = services.clock.now()
    with services.store.write() as connection:
        let_people_follow(connection, REQUESTS, now)
        return leg_claims.claim_legs(
            connection,
            CAINIAO,
            token="token",
            now=now,
            until=services.clock.later(120),
            limit=REQUESTS,
        )


def _reveal(world: CarrierWorld, count: int) -> None:
    """Let the carrier know every parcel, at three stages of its way."""
    at = datetime.now(UTC) - timedelta(days=3)
    for number in map(tracking_number, range(count)):
        for day, (code, words) in enumerate(SCANS):
            world.scan(number, CAINIAO, code, words, at + timedelta(days=day))
