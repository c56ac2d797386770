"""Requests leave full: what polling costs, counted at the carriers themselves."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from mailtrack.carriers import REGISTRY
from mailtrack.carriers.base import Carrier
from mailtrack.carriers.transport import Transport
from mailtrack.clock import FakeClock
from mailtrack.domain import scheduling
from mailtrack.domain.scheduling import PollContext
from mailtrack.jobs.dispatcher import Dispatcher
from mailtrack.sandbox.carriers import CarrierWorld, carrier_app, serve
from mailtrack.sandbox.carriers.seventeentrack import REGISTER
from mailtrack.settings import CarrierSettings
from mailtrack.store import leg_claims, parcels
from mailtrack.store import schema as t
from mailtrack.store.engine import Store

pytestmark = pytest.mark.usefixtures("counted")

Make = Callable[[str], Dispatcher]

LEASE_S = 120.0
PARCELS = 1_000


@dataclass(frozen=True)
class BatchSink:
    """An outlet that asks the carrier at once, and plans what is next without a history."""

    store: Store
    client: Carrier
    clock: FakeClock
    rng: Random

    def room(self, queue: str) -> int:
        del queue
        return 1_000

    def send(self, queue: str, actor: str, *args: Any) -> None:
        del queue, actor
        _, ids, token = args
        now = self.clock.now()
        with self.store.write() as connection:
            legs = leg_claims.claimed(connection, ids, token)
            results = self.client.fetch([leg.number for leg in legs])
            for leg in legs:
                next_poll = scheduling.next_poll(PollContext(None, now), now, self.rng)
                parcels.note_answers(
                    connection, [parcels.AnsweredLeg(leg.id, results[leg.number].state)], now
                )
                parcels.plan(connection, leg.id, next_poll)


@pytest.fixture
def database() -> str:
    """One is enough for counting; test_dispatcher.py asks both."""
    return "sqlite"


@pytest.fixture
def world() -> CarrierWorld:
    return CarrierWorld()


@pytest.fixture
def dispatcher_of(store: Store, clock: FakeClock, world: CarrierWorld) -> Iterator[Make]:
    """Make a dispatcher whose work is done at once, by the real client of one carrier."""
    transport = Transport(clock)
    with serve(carrier_app(world)) as base:

        def make(code: str) -> Dispatcher:
            own = CarrierSettings.model_validate({"url": f"{base}/{code}", "key": world.key})
            client = REGISTRY[code](own, transport, clock)
            sink = BatchSink(store, client, clock, Random(7))
            return Dispatcher(store, sink, {code: client.declaration}, clock, LEASE_S)

        yield make
        transport.close()


def _follow_many(store: Store, carrier: str, now: datetime) -> None:
    """Let many parcels be due at a carrier now."""
    ids = range(1, PARCELS + 1)
    due = {"carrier": carrier, "next_poll_at": now}
    with store.write() as connection:
        connection.execute(
            insert(t.parcel), [{"id": i, "number": f"6A{i:011}", "created_at": now} for i in ids]
        )
        connection.execute(
            insert(t.leg), [due | {"parcel_id": i, "number": f"6A{i:011}"} for i in ids]
        )


def _work_until(store: Store, dispatcher: Dispatcher, clock: FakeClock, asked: int) -> None:
    """Tick every minute until every leg was asked so many times."""
    fewest = select(func.min(t.leg.c.asked))
    while True:
        dispatcher.tick()
        with store.read() as connection:
            if connection.execute(fewest).scalar_one() >= asked:
                return
        clock.advance(minutes=1)


@pytest.mark.parametrize(
    ("carrier", "calls", "registrations"), [("laposte", 100, 0), ("17track", 25, 25)]
)
def test_a_thousand_parcels_cost_as_few_calls_as_their_carrier_allows(
    store: Store,
    clock: FakeClock,
    world: CarrierWorld,
    dispatcher_of: Make,
    carrier: str,
    calls: int,
    registrations: int,
) -> None:
    _follow_many(store, carrier, clock.now())
    dispatcher = dispatcher_of(carrier)

    _work_until(store, dispatcher, clock, asked=1)
    assert (calls, registrations) == (world.requests[carrier], world.requests[REGISTER])
    sizes = {len(numbers) for asked in world.asked.values() for numbers in asked}
    assert {PARCELS // calls} == sizes

    # From now on they come due one by one, hours later, each at a minute of its own.
    world.requests.clear()
    _work_until(store, dispatcher, clock, asked=2)
    assert {carrier: calls} == world.requests
