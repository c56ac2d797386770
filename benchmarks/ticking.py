"""One tick of the dispatcher with the same work due in a small store and in a large one.

A tick should cost what is due, not what is stored.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, String, case, cast, delete, insert, literal, select, text

from benchmarks.measure import Ratio, in_turns
from benchmarks.stores import STORES, OpenStore
from mailtrack.carriers.base import Budget
from mailtrack.carriers.fake import FakeCarrier
from mailtrack.clock import FakeClock
from mailtrack.jobs.dispatcher import Dispatcher
from mailtrack.store.engine import Store
from mailtrack.store.schema import leg, leg_claim, parcel

SMALL, LARGE = 10_000, 300_000
#: The last request has room for five, who come early.
DUE = 1_995
EARLY = 5
#: What the requests of a tick take.
TAKEN = DUE + EARLY
ROUNDS = 15

CLOCK = FakeClock()


class Nowhere:
    """Takes every message."""

    def room(self, queue: str) -> int:
        del queue
        return 10_000

    def send(self, queue: str, actor: str, *args: object) -> None:
        """Forget it."""


def ratios() -> Iterator[Ratio]:
    """Measure on each database."""
    for name, open_store in STORES.items():
        yield _measured(name, open_store)


def _measured(name: str, open_store: OpenStore) -> Ratio:
    with ExitStack() as stack:
        small, large = (stack.enter_context(open_store()) for _ in range(2))
        fill(small, SMALL)
        fill(large, LARGE)
        ours, yardstick = in_turns(
            lambda: _tick(large), lambda: _tick(small), ROUNDS, before=lambda: _reset(small, large)
        )
    return Ratio(
        f"a tick, {DUE:,} due among {LARGE:,} ({name})",
        ours,
        f"among {SMALL:,}",
        yardstick,
        "≤ 1.3",
    )


def fill(store: Store, count: int, taken: int = TAKEN, early: int = EARLY) -> None:
    """Store parcels with a leg each, of which `taken`, evenly spread, are due.

    The first `early` of them are so nearly.
    """
    now = CLOCK.now()
    numbers = select(literal(1).label("i")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.i + 1).where(numbers.c.i < count))
    number = literal("LP") + cast(numbers.c.i + 10**9, String)
    one = select(number, _moment(now))
    every = count // taken
    chosen = parcel.c.id % every == 0
    due = case(
        (chosen & (parcel.c.id > early * every), _moment(now)),
        (chosen, _moment(now + timedelta(minutes=10))),
        else_=_moment(now + timedelta(hours=8)),
    )
    asked = _moment(now - timedelta(hours=1))
    one_leg = (parcel.c.id, literal("cainiao"), parcel.c.number, asked, due, literal(False))
    legs = select(*one_leg, *_blank())
    columns = ["parcel_id", "carrier", "number", "last_answer_at", "next_poll_at", "is_local"]
    with store.write() as connection:
        connection.execute(insert(parcel).from_select(["number", "created_at"], one))
        connection.execute(
            insert(leg).from_select([*columns, "state", "asked", "failures", "last_error"], legs)
        )
        connection.execute(text("ANALYZE"))


def _moment(at: datetime) -> ColumnElement[datetime]:
    return literal(at, leg.c.next_poll_at.type)


def _blank() -> list[object]:
    return [literal(""), literal(0), literal(0), literal("")]


def _tick(store: Store) -> None:
    generous = FakeCarrier("cainiao", budget=Budget(per_second=1e6, per_day=10**9))
    handed = Dispatcher(store, Nowhere(), {"cainiao": generous.declaration}, CLOCK, 120.0).tick()
    assert handed.polls == TAKEN // generous.declaration.batch


def _reset(*stores: Store) -> None:
    """Let what was claimed be due again."""
    for store in stores:
        with store.write() as connection:
            connection.execute(delete(leg_claim))
