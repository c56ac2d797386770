"""Carriers' answers taken in by one thread, against HTTP requests and one insert for each answer.

Both ask the same server on loopback, in a process of its own: what counts is the processor's
time of this one.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random

import httpx

from benchmarks.measure import Ratio
from benchmarks.stores import STORES, OpenStore
from benchmarks.world import let_people_follow, service
from mailtrack.carriers.fake import FakeCarrier
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState, TrackingEvent
from mailtrack.runtime.services import Services
from mailtrack.store import leg_claims
from mailtrack.store.engine import Store
from mailtrack.store.schema import leg, unmapped
from mailtrack.tracking.polling import Poller

ANSWERS, PER_REQUEST = 400, 10

#: What a carrier has told of each parcel before, one scan a day, and what it tells now.
ROAD = (
    Milestone.SHIPPED,
    Milestone.CARRIER_ACCEPTED,
    Milestone.IN_TRANSIT,
    Milestone.ARRIVED_IN_COUNTRY,
    Milestone.CUSTOMS_STARTED,
    Milestone.CUSTOMS_CLEARED,
)


class _OverHttp(FakeCarrier):
    """Answers in return for a request: every number has come so far along `ROAD`."""

    def __init__(self, client: httpx.Client, url: str, events: Sequence[TrackingEvent]) -> None:
        super().__init__("cainiao", batch=PER_REQUEST)
        self._client, self._url, self._events = client, url, tuple(events)

    def fetch(self, numbers: Sequence[str]) -> Mapping[str, PollResult]:
        self._client.get(self._url).raise_for_status()
        return {one: PollResult(one, PollState.FOUND, events=self._events) for one in numbers}


def ratios() -> Iterator[Ratio]:
    """Measure answers with one new scan each, and such that bring nothing new, on each database."""
    with _server() as url, httpx.Client() as client:
        for name, open_store in STORES.items():
            yield from _measured(name, open_store, client, url)


def _measured(name: str, open_store: OpenStore, client: httpx.Client, url: str) -> Iterator[Ratio]:
    with open_store() as store, service(store) as services:
        now = services.clock.now()
        events = [
            TrackingEvent(now - timedelta(days=age), stage, "cainiao", stage, "Done", "Roissy")
            for age, stage in enumerate(reversed(ROAD))
        ]
        with store.write() as connection:
            let_people_follow(connection, ANSWERS, now)
        _ask_all(services, _OverHttp(client, url, events[1:]))
        yardstick = _cpu_s(lambda: _ask_and_insert(store, client, url))
        for what, target in (
            ("with a new scan", "≤ 3 ms each"),
            ("with nothing new", "≤ 1 ms each"),
        ):
            with store.write() as connection:
                connection.execute(leg.update().values(next_poll_at=now))
            yield Ratio(
                f"{ANSWERS} answers {what} taken in: the processor's time ({name})",
                _cpu_s(lambda: _ask_all(services, _OverHttp(client, url, events))),
                "httpx, one insert each",
                yardstick,
                target,
                count=ANSWERS,
            )


def _ask_all(services: Services, carrier: FakeCarrier) -> None:
    """Ask about everything that is due, as a worker does."""
    poller = Poller(
        services.store,
        {"cainiao": carrier},
        {"cainiao": carrier.declaration},
        services.clock,
        Random(7),
    )
    now, until = services.clock.now(), services.clock.later(600)
    with services.store.write() as connection:
        legs = leg_claims.claim_legs(
            connection, "cainiao", token="t", now=now, until=until, limit=ANSWERS
        )
    assert len(legs) == ANSWERS
    for start in range(0, ANSWERS, PER_REQUEST):
        poller.poll("cainiao", legs[start : start + PER_REQUEST], "t")


def _ask_and_insert(store: Store, client: httpx.Client, url: str) -> None:
    now, row = datetime.now(UTC), {"carrier": "cainiao", "code": "", "times": 1}
    for serial in range(ANSWERS):
        if serial % PER_REQUEST == 0:
            client.get(url).raise_for_status()
        with store.write() as connection:
            connection.execute(
                unmapped.insert(), {**row, "text": str(serial), "first_at": now, "last_at": now}
            )


def _cpu_s(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


@contextmanager
def _server() -> Iterator[str]:
    """Run an HTTP server that knows one page; give its address."""
    command = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="benchmarks"
    ) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().split()[5].decode()}/__init__.py"
        finally:
            process.terminate()
