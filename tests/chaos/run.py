"""One run on one pair of servers: set up, played, and held against what was fed in."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from sqlalchemy import func, select

from mailtrack.clock import FastClock
from mailtrack.domain.model import Outcome
from mailtrack.errors import TransientError
from mailtrack.runtime.supervisor import embedded_broker
from mailtrack.settings import Settings
from mailtrack.store.engine import Store, open_store
from mailtrack.store.migrate import upgrade
from mailtrack.store.schema import channel_notice, inbound, notice
from tests.chaos.expectations import Expectations
from tests.chaos.outside import Outside, outside
from tests.chaos.parts import Crew, Part, clean_environment, mailtrack
from tests.chaos.plan import Plan, Size, draw
from tests.chaos.play import LOOK_S, Play, Say
from tests.chaos.servers import run_postgres, run_redis
from tests.chaos.strikes import APART, TOGETHER, Kind, Stage

#: How long the service may take to start (real seconds).
START_S = 90.0

#: The faults by the pair of servers: PostgreSQL and Redis with the parts apart, or SQLite
#: and the embedded Valkey with the parts under `mailtrack up`.
KINDS: Mapping[str, Mapping[str, Kind]] = {"apart": APART, "together": TOGETHER}


@dataclass(frozen=True, slots=True)
class Report:
    """What came of one run."""

    store: str
    folder: Path
    play: Play
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    seconds: float

    @property
    def plan(self) -> Plan:
        return self.play.plan

    @property
    def worst_s(self) -> float:
        """Return the longest time until a path went on; what never did counts in full."""
        never = self.plan.size.patience_s
        return max(
            (never if felt.recovered_s is None else felt.recovered_s for felt in self.play.felt),
            default=0.0,
        )


def perform(store: str, seed: int, size: Size, say: Say, *, twice: bool = False) -> Report:
    """Run one plan on one pair of servers; `twice`: two watchers and two dispatchers."""
    begun = time.monotonic()
    kinds = KINDS[store]
    plan = draw(seed, size, list(kinds), [name for name, kind in kinds.items() if kind.always])
    folder = Path(tempfile.mkdtemp(prefix=f"mailtrack-chaos-{store}-"))
    say(f"{store}: seed {seed}, {len(plan.strikes)} faults; logs in {folder}")
    with ExitStack() as stack:
        clock = FastClock(datetime.now(UTC), size.speed)
        world = stack.enter_context(outside(clock, size.slow_s))
        world.sink.unknown = {j.followers[0].address for j in plan.journeys if j.undeliverable}
        crew = stack.enter_context(Crew(folder, {}))
        database, redis_url = _serve(store, crew)
        own = open_store(Settings(data_dir=folder, database_url=database).store_url)
        stack.callback(own.close)
        upgrade(own)
        crew.environment = _environment(world, size, folder, database, redis_url, store)
        play = Play(plan, Stage(world, crew, redis_url), kinds, Expectations(), say)
        for name in _names(store, twice=twice):
            crew.add(Part(name, mailtrack(name.partition("-")[0])))
        _await(play, lambda: _is_ready(world), START_S)
        play.run()
        _await(play, lambda: not _is_busy(own), size.patience_s)
        stored = _outcomes(own)
    expectations = play.expectations
    elsewhere = play.elsewhere
    elsewhere.take_in(play.stage.outside.receiver.got, expectations.subjects)
    lost = (*expectations.lost(stored), *elsewhere.lost())
    doubled = (*expectations.doubled(stored), *elsewhere.doubled())
    return Report(store, folder, play, lost, doubled, time.monotonic() - begun)


def _serve(store: str, crew: Crew) -> tuple[str, str]:
    """Start the servers; return the addresses of the database ("": SQLite) and of Redis."""
    if store == "together":
        _, url = embedded_broker(crew.folder)
        return "", url
    return run_postgres(crew), run_redis(crew)


def _environment(
    world: Outside, size: Size, folder: Path, database: str, redis_url: str, store: str
) -> dict[str, str]:
    return clean_environment(
        {
            **world.settings(),
            **size.settings,
            "DATA_DIR": str(folder),
            "DATABASE_URL": database,
            "REDIS_URL": redis_url if store == "apart" else "",
        }
    )


def _names(store: str, *, twice: bool) -> Iterator[str]:
    if store == "together":
        yield "up"
        return
    yield from ("watch", "dispatch", "work", "work-2", "web")
    if twice:
        yield from ("watch-2", "dispatch-2")


def _await(play: Play, holds: Callable[[], bool], seconds: float) -> None:
    """Wait until something holds, looking after everything meanwhile."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        play.check()
        time.sleep(LOOK_S)
    play.check()


def _is_ready(world: Outside) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{world.web_url}/readyz", timeout=5).is_success
    return False


def _is_busy(store: Store) -> bool:
    """Return True if a mail waits to be read or a notice to be sent, by mail or elsewhere."""
    waiting = select(func.count()).select_from(inbound).where(inbound.c.outcome.is_(None))
    due = select(func.count()).select_from(notice).where(notice.c.state == "due")
    elsewhere = select(func.count()).where(channel_notice.c.state == "due")
    try:
        with store.read() as connection:
            return any(
                connection.execute(query).scalar_one() for query in (waiting, due, elsewhere)
            )
    except TransientError:
        return True


def _outcomes(store: Store) -> dict[str, Outcome | None]:
    """Return the outcome of every mail in the store, by its content."""
    with store.read() as connection:
        rows = connection.execute(select(inbound.c.content_key, inbound.c.outcome)).all()
    return {row.content_key: row.outcome and Outcome(row.outcome) for row in rows}
