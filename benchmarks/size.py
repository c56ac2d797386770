"""How large a store becomes, and what it costs to look over it and to keep house in it.

Looking, and a round of housekeeping with nothing due, should cost the same in a large store as in
a small one. `make bench ARGS="--scale SQLite 10000 100000"` prints that, and the bytes of each
table, for stores of some sizes; without sizes for 10,000, 100,000 and a million parcels.
"""

import time
import timeit
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from benchmarks import stock
from benchmarks.measure import Ratio, in_turns
from benchmarks.stores import STORES, OpenStore
from benchmarks.world import service
from mailtrack.admin import reports
from mailtrack.clock import FakeClock
from mailtrack.runtime.services import Services
from mailtrack.store.engine import Store
from mailtrack.web import metrics

SMALL, LARGE = 1_000, 20_000
SCALE = (10_000, 100_000, 1_000_000)
ROUNDS = 15
#: Where nobody listens: the queues are another measure.
NO_REDIS = "redis://127.0.0.1:1/0"

_BYTES = {
    "sqlite": """
        SELECT coalesce(m.tbl_name, s.name), sum(s.pgsize) FROM dbstat AS s
        LEFT JOIN sqlite_master AS m ON m.name = s.name GROUP BY 1
    """,
    "postgresql": """
        SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables
    """,
}


@dataclass(frozen=True, slots=True)
class Stocked:
    """The service on a store with the history of some parcels."""

    services: Services
    parcels: int

    def look_over(self) -> None:
        metrics.render(self.services)

    def status(self) -> None:
        now, relay = self.services.clock.now(), reports.RelayInUse("", 0)
        with self.services.store.read() as connection:
            reports.status(connection, now, None, relay, self.services.on)

    def keep_house(self) -> None:
        self.services.housekeeping().run()

    def bytes(self) -> Mapping[str, int]:
        """Return how many bytes each table takes, with its indexes."""
        store = self.services.store
        with store.read() as connection:
            rows = connection.execute(text(_BYTES[store.engine.dialect.name])).all()
        return dict(sorted(((name, int(size)) for name, size in rows), key=lambda row: -row[1]))


LOOKS: Mapping[str, Callable[[Stocked], None]] = {
    "metrics": Stocked.look_over,
    "status": Stocked.status,
    "housekeeping, nothing due": Stocked.keep_house,
}


def ratios() -> Iterator[Ratio]:
    """Measure on each database."""
    for name, open_store in STORES.items():
        with ExitStack() as stack:
            small, large = (
                stack.enter_context(stocked(open_store, size)) for size in (SMALL, LARGE)
            )
            for what, look in LOOKS.items():
                ours, yardstick = in_turns(partial(look, large), partial(look, small), ROUNDS)
                yield Ratio(
                    f"{what}, {LARGE:,} parcels ({name})", ours, f"{SMALL:,}", yardstick, "≤ 1.5"
                )


@contextmanager
def stocked(open_store: OpenStore, parcels: int) -> Iterator[Stocked]:
    """Open the service on a store with the history of some parcels; its clock stands still."""
    with open_store() as store, service(store, smtp_port=25, redis_url=NO_REDIS) as services:
        clock = FakeClock()
        vars(services)["clock"] = clock
        stock.fill(store, parcels, clock.now())
        _settle(store)
        services.housekeeping().run()
        yield Stocked(services, parcels)


def _settle(store: Store) -> None:
    """Let the database know its own rows, as its own housekeeping would in time."""
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        words = {"sqlite": "PRAGMA optimize=0x10002", "postgresql": "VACUUM ANALYZE"}
        connection.exec_driver_sql(words[connection.dialect.name])


def main(database: str = "SQLite", *asked: str) -> None:
    """Print what stores of some sizes take, and how long they are looked at."""
    console, sizes = Console(), list(map(int, asked)) or SCALE
    sizes_table = Table("bytes a parcel", *(f"{size:,}" for size in sizes), title=database)
    times = Table("fastest, ms (processor)", *(f"{size:,}" for size in sizes), title=database)
    taken: list[Mapping[str, float]] = []
    looked: list[Mapping[str, str]] = []
    for size in sizes:
        with stocked(STORES[database], size) as store:
            taken.append({name: n / size for name, n in store.bytes().items()})
            looked.append({what: _fastest(look, store) for what, look in LOOKS.items()})
    for name in taken[-1]:
        sizes_table.add_row(name, *(f"{one.get(name, 0):,.0f}" for one in taken))
    sizes_table.add_row("all", *(f"{sum(one.values()):,.0f}" for one in taken))
    for what in LOOKS:
        times.add_row(what, *(one[what] for one in looked))
    console.print(sizes_table, times)


def _fastest(look: Callable[[Stocked], None], store: Stocked) -> str:
    """Return what a look takes, whatever else the machine does in most of the rounds.

    Milliseconds in all, and of this process's processor: PostgreSQL's own are not in these.
    """
    whole, own = (
        min(timeit.repeat(partial(look, store), timer=timer, number=1, repeat=ROUNDS)) * 1000
        for timer in (time.perf_counter, time.process_time)
    )
    return f"{whole:.1f} ({own:.1f})"
