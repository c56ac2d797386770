"""Transactions, and what an operator reads when the database cannot be used."""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from threading import Barrier

import pytest
from sqlalchemy import Connection, delete, event, select, text

from mailtrack.clock import FakeClock
from mailtrack.errors import ConfigurationError, MailtrackError, TransientError
from mailtrack.settings import Settings
from mailtrack.store import engine, inbound, parcels, people
from mailtrack.store import schema as t
from mailtrack.store.engine import MOST_TOGETHER, ConflictError, Store, open_store
from mailtrack.store.inbound import MailPlace


def _one_line(error: BaseException) -> bool:
    return "\n" not in str(error)


def test_a_failed_transaction_leaves_nothing(store: Store, clock: FakeClock) -> None:
    def write_and_fail() -> None:
        with store.write() as connection:
            people.subscriber_of(connection, "ana@example.org", clock.now())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()

    with store.read() as connection:
        assert people.find_subscriber(connection, "ana@example.org") is None


def test_a_reader_sees_one_moment_however_long_it_looks(store: Store, clock: FakeClock) -> None:
    with store.read() as reader:
        assert people.find_subscriber(reader, "ana@example.org") is None
        with store.write() as writer:
            people.subscriber_of(writer, "ana@example.org", clock.now())

        assert people.find_subscriber(reader, "ana@example.org") is None

    with store.read() as reader:
        assert people.find_subscriber(reader, "ana@example.org") is not None


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_statement_that_is_asked_again_and_again_stays_prepared(
    store: Store, clock: FakeClock
) -> None:
    """PostgreSQL takes longer to plan most of ours than to run them."""
    for _ in range(10):
        with store.write() as connection:
            people.subscriber_of(connection, "ana@example.org", clock.now())
        with store.read() as connection:
            people.find_subscriber(connection, "ana@example.org")

    with store.read() as connection:
        prepared = connection.exec_driver_sql("SELECT statement FROM pg_prepared_statements")
        asked = [statement for statement in prepared.scalars() if "address" in statement]

    assert 2 == len(asked)


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_database_host_that_vanishes_is_given_up_within_half_a_minute(
    store: Store,
) -> None:
    """Without an end of its own, a connection to it waits for a quarter of an hour."""
    with store.read() as connection:
        driver = connection.connection.dbapi_connection
        assert driver is not None
        given = driver.info.get_parameters()

    assert "30000" == given["tcp_user_timeout"]
    assert "10" == given["keepalives_idle"] == given["keepalives_interval"]


@pytest.mark.parametrize("database", ["postgresql"])
def test_who_stands_still_in_a_transaction_keeps_its_rows_from_nobody_for_long(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process may be suspended anywhere: the other of two would wait for it for ever."""
    monkeypatch.setattr(engine, "IDLE_MS", 200)
    suspended = open_store(store.engine.url.render_as_string(hide_password=False))
    with store.write() as connection:
        owner = people.subscriber_of(connection, "ana@example.org", clock.now())

    def stand_still() -> None:
        with suspended.write() as held:
            people.lock(held, owner)
            with store.write() as connection:
                people.unsubscribe(connection, owner, clock.now())
            people.heard_from(held, owner)

    with pytest.raises(TransientError, match="idle-in-transaction"):
        stand_still()

    with suspended.read() as connection:
        assert people.left_at(connection, owner) == clock.now()
    suspended.close()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_full_disk_is_said_in_one_line_and_heals_with_room(
    store: Store, clock: FakeClock
) -> None:
    def keep(uid: int) -> None:
        with store.write() as connection:
            connection.execute(text(f"PRAGMA max_page_count = {pages}"))
            place = MailPlace("colis@host", "INBOX", 1, uid)
            raw = Random(uid).randbytes(100_000)  # which nothing can compress
            inbound.keep(connection, place, raw, clock.now(), clock.now())

    pages = 1  # SQLite takes the pages in use for less
    with pytest.raises(MailtrackError, match="disk is full") as caught:
        keep(1)
    assert _one_line(caught.value)

    pages = 1_000
    keep(2)
    with store.read() as connection:
        assert {"waiting": 1} == inbound.by_outcome(connection)


def test_a_database_without_tables_points_to_the_command(store: Store) -> None:
    with store.write() as connection:
        for table in ("channel_notice", "notice"):
            connection.execute(text(f"DROP TABLE {table}"))

    with (
        pytest.raises(ConfigurationError, match="mailtrack db upgrade") as caught,
        store.read() as connection,
    ):
        connection.execute(text("SELECT * FROM notice"))
    assert _one_line(caught.value)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "letter.db").write_bytes(b"Dear Sir or Madam, " * 100)
    store = open_store(f"sqlite:///{tmp_path / 'letter.db'}")

    with (
        pytest.raises(ConfigurationError, match=r"letter\.db") as caught,
        store.read() as connection,
    ):
        connection.execute(text("SELECT 1"))
    assert _one_line(caught.value)
    store.close()


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError, match="Cannot create the data folder"):
        open_store(f"sqlite:///{tmp_path / 'file' / 'mailtrack.db'}").make()


def test_who_asks_a_database_that_is_not_there_makes_none(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'data' / 'mailtrack.db'}")

    for open_transaction in (store.write, store.read):
        with (
            pytest.raises(ConfigurationError, match=r"no database .*`mailtrack db upgrade`") as no,
            open_transaction(),
        ):
            raise AssertionError
        assert _one_line(no.value)
    assert [] == list(tmp_path.iterdir())
    store.close()


def test_a_postgresql_that_is_away_is_transient_and_keeps_the_password_to_itself() -> None:
    store = open_store("postgresql+psycopg://mailtrack:hush-hush@127.0.0.1:1/fulltrack")

    away = r"127\.0\.0\.1:1/fulltrack does not answer"
    with pytest.raises(TransientError, match=away) as caught, store.read() as connection:
        connection.execute(text("SELECT 1"))

    assert _one_line(caught.value)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("address", ["no address", "nosuch://host/db"])
def test_an_address_that_makes_no_sense_names_the_setting(address: str) -> None:
    with pytest.raises(ConfigurationError, match="MAILTRACK_DATABASE_URL"):
        open_store(address)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_writer_waits_for_another_one_instead_of_failing(store: Store) -> None:
    with store.write() as connection:
        timeout = connection.execute(text("PRAGMA busy_timeout")).scalar_one()

    assert 10_000 < timeout


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_sqlite_survives_a_power_cut_after_a_commit(settings: Settings) -> None:
    store = open_store(settings.store_url)  # not the tests' own, which waits for no disk
    with store.read() as connection:
        answers = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    store.close()

    assert {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1} == answers
    assert (3, 35) <= sqlite3.sqlite_version_info[:2]  # RETURNING


# --- transactions that stand in each other's way -----------------------------------------


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_of_two_transactions_that_wait_for_each_other_both_are_done_in_the_end(
    store: Store,
) -> None:
    """PostgreSQL ends one of them (deadlock_detected): it left no trace, and begins anew."""
    meet = Barrier(2)
    begun: Counter[str] = Counter()
    with store.write() as connection:
        connection.execute(text("SET deadlock_timeout = '50ms'"))
        for name in ("one", "two"):
            connection.execute(text(f"INSERT INTO lease VALUES ('{name}', '', now())"))

    def in_order(first: str, second: str) -> None:
        def work(connection: Connection) -> None:
            begun[first] += 1
            change = text("UPDATE lease SET holder = holder || :me WHERE name = :name")
            connection.execute(text("SET LOCAL deadlock_timeout = '50ms'"))
            connection.execute(change, {"me": first[0], "name": first})
            if begun[first] == 1:
                meet.wait()
            connection.execute(change, {"me": first[0], "name": second})

        store.transact(work)

    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(in_order, *names) for names in (("one", "two"), ("two", "one"))]
        for finished in done:
            finished.result()

    with store.read() as connection:
        holders = connection.scalars(text("SELECT holder FROM lease ORDER BY name")).all()
    assert [["o", "t"], ["o", "t"]] == [sorted(holder) for holder in holders]
    assert 3 == begun.total()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_what_a_row_points_to_may_be_erased_before_it_is_written(
    store: Store, clock: FakeClock
) -> None:
    """PostgreSQL refuses the row (foreign_key_violation); the second time, all is found anew."""
    number, now = "LP00123456789012", clock.now()
    with store.write() as connection:
        erased = parcels.lock_named(connection, [number], now).named[number]

    def follow(connection: Connection) -> None:
        known = parcels.find_parcel(connection, number)
        if known is not None:
            with store.write() as other:
                other.execute(delete(t.parcel))
        found = known or parcels.lock_named(connection, [number], now).named[number]
        parcels.add_leg(connection, found, "cainiao", number, now)

    store.transact(follow)

    with store.read() as connection:
        (followed,) = connection.scalars(select(t.leg.c.parcel_id))
    assert erased != followed


def _store_somebody(address: str, clock: FakeClock) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        people.subscriber_of(connection, address, clock.now())
        return address

    return work


def _transactions(store: Store) -> list[Connection]:
    """Note every transaction that is committed from now on."""
    committed: list[Connection] = []
    event.listen(store.engine, "commit", committed.append)
    return committed


def test_works_share_a_transaction_until_that_would_be_long(store: Store, clock: FakeClock) -> None:
    addresses = [f"ana{n}@example.org" for n in range(MOST_TOGETHER + 2)]
    committed = _transactions(store)

    done = store.transact_each([_store_somebody(address, clock) for address in addresses])

    assert addresses == done
    assert 2 == len(committed)


def test_a_work_that_fails_takes_no_other_with_it(store: Store, clock: FakeClock) -> None:
    def fail(connection: Connection) -> str:
        people.subscriber_of(connection, "leo@example.org", clock.now())
        raise ZeroDivisionError

    ana, eve = (_store_somebody(f"{name}@example.org", clock) for name in ("ana", "eve"))

    first, failure, last = store.transact_each([ana, fail, eve])

    assert ("ana@example.org", "eve@example.org") == (first, last)
    assert isinstance(failure, ZeroDivisionError)
    with store.read() as connection:
        found = [
            people.find_subscriber(connection, f"{n}@example.org") for n in ("ana", "leo", "eve")
        ]
    assert [False, True, False] == [one is None for one in found]


@pytest.mark.parametrize("database", ["postgresql"])
def test_works_together_wait_for_nobody_and_find_their_turn_alone(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever holds one of their rows would hold up all of them, or wait for them, too."""
    held: list[Connection] = []
    alone = Store.transact
    ana, eve = (_store_somebody(f"{name}@example.org", clock) for name in ("ana", "eve"))
    store.transact(ana)

    def let_go_first(this: Store, work: Callable[[Connection], str]) -> str:
        if held:
            held.pop().rollback()
        return alone(this, work)

    monkeypatch.setattr(Store, "transact", let_go_first)
    with store.engine.connect() as other:
        ana(other)
        held.append(other)

        assert ["eve@example.org", "ana@example.org"] == store.transact_each([eve, ana])


def test_a_transaction_that_is_always_in_the_way_is_given_up_as_transient(store: Store) -> None:
    begun = 0

    def work(_: Connection) -> None:
        nonlocal begun
        begun += 1
        raise ConflictError("Another transaction stood in the way of this one.")

    with pytest.raises(TransientError):
        store.transact(work)

    assert begun > 1


# --- a file that is gone ------------------------------------------------------------


def _delete(path: Path) -> None:
    path.unlink()


def _delete_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


def _replace_by_a_copy(path: Path) -> None:
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    copy.replace(path)


@pytest.mark.parametrize("lose", [_delete, _delete_folder, _replace_by_a_copy])
def test_nothing_is_written_or_read_once_the_file_is_deleted_or_replaced(
    blank_sqlite: Path, tmp_path: Path, clock: FakeClock, lose: Callable[[Path], None]
) -> None:
    path = tmp_path / "data" / "mailtrack.db"
    path.parent.mkdir()
    shutil.copy(blank_sqlite, path)
    store = open_store(f"sqlite:///{path}")
    with store.write() as connection:
        people.subscriber_of(connection, "ana@example.org", clock.now())

    lose(path)

    for open_transaction in (store.write, store.read):
        with (
            pytest.raises(ConfigurationError, match="deleted or replaced") as caught,
            open_transaction() as connection,
        ):
            connection.execute(text("SELECT 1"))
        assert _one_line(caught.value)
    store.close()


def test_a_file_that_is_deleted_meanwhile_takes_no_commit_and_may_be_put_back(
    blank_sqlite: Path, tmp_path: Path, clock: FakeClock
) -> None:
    path = tmp_path / "mailtrack.db"
    shutil.copy(blank_sqlite, path)
    store = open_store(f"sqlite:///{path}")

    def add(address: str, away: bool) -> None:
        with store.write() as connection:
            people.subscriber_of(connection, address, clock.now())
            if away:
                path.rename(tmp_path / "away.db")

    with pytest.raises(ConfigurationError, match="deleted or replaced"):
        add("ana@example.org", away=True)
    (tmp_path / "away.db").rename(path)
    add("bruno@example.org", away=False)

    with store.read() as connection:
        kept = connection.scalars(text("SELECT address FROM subscriber")).all()
    assert ["bruno@example.org"] == kept
    store.close()
