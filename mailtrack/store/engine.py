"""Connections to the store: SQLite for one machine, PostgreSQL for many.

`Store.write` is one transaction that sees no other writer between its reads and its
writes: PostgreSQL by row locks where the functions ask for them, SQLite by BEGIN
IMMEDIATE. `Store.transact` runs a function in one, and again where another transaction
stood in its way; `Store.transact_batches` a function on several things in one, and on each
in one of its own where that fails. `Store.read` is a consistent view.

Row locks are taken before anything is written and always in this order, so that no two
transactions wait for each other: a subscriber, then parcels by rising number of their row,
then what belongs to them, and wordings last. They are FOR NO KEY UPDATE (`locked`): a plain
FOR UPDATE would stand in the way of everybody who stores a row that points to the locked one
(PostgreSQL checks a foreign key under FOR KEY SHARE).
"""

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine, Select, bindparam, create_engine, event, func, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    DisconnectionError,
    NoSuchModuleError,
    OperationalError,
)

from mailtrack.errors import ConfigurationError, MailtrackError, TransientError
from mailtrack.store.announcing import TOPIC, Due, announced_in, as_payload

#: How long a SQLite writer waits for another one (milliseconds).
BUSY_TIMEOUT_MS = 30_000
#: How long a PostgreSQL server may take to answer at all (seconds).
CONNECT_TIMEOUT_S = 10
#: How long sent bytes may go unconfirmed before a host counts as gone (milliseconds); the
#: kernel alone would wait for a quarter of an hour, and with it whoever holds a lease.
_GONE_MS = 30_000
#: How long a transaction may do nothing (milliseconds): a process that is suspended in one (a
#: paused machine) would hold its rows for as long, and keep the other of two from its lease.
IDLE_MS = 15_000
_POSTGRESQL: Mapping[str, int] = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "tcp_user_timeout": _GONE_MS,
    "keepalives_idle": 10,
    "keepalives_interval": 10,
}
_READ_ONLY = "mailtrack_read_only"
_RESTS_SINCE = "mailtrack_rests_since"
#: What makes a transaction of reads see one moment.
_READ_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "sqlite": {_READ_ONLY: True},
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}
#: SQLite's words and PostgreSQL's codes for a database that is none of ours.
_NOT_OURS = ("no such table", "unable to open", "readonly", "not a database")
_UNDEFINED_TABLE = "42P01"
#: How long a connection may have rested and be used without asking whether it still lives
#: (seconds): a server that went away meanwhile costs a job its turn, and no more.
_FRESH_S = 5.0
#: How many works are one transaction: others wait for its end.
MOST_TOGETHER = 10
#: How long several works in one transaction wait for each lock: less than it takes PostgreSQL to
#: look for a deadlock (milliseconds; deadlock_timeout is a second).
_TOGETHER_WAIT_MS = 100
#: PostgreSQL's codes for a transaction that another one stood in the way of: it left no trace,
#: and may begin anew (serialization_failure, deadlock_detected, lock_not_available, and
#: foreign_key_violation: what a new row points to was erased meanwhile).
_IN_THE_WAY = frozenset({"40001", "40P01", "55P03", "23503"})
#: PostgreSQL's code for a transaction that did nothing for too long (`IDLE_MS`).
_IDLE = "25P03"
#: How often a transaction is begun, and the longest wait before the second time (seconds); the
#: wait grows with each.
_MOST_BEGINNINGS = 10
_FIRST_WAIT_S = 0.02
#: How long the log of SQLite may take to be emptied (seconds); readers may be in its way.
_CHECKPOINT_S = 5.0

_NOTIFY = select(func.pg_notify(TOPIC, bindparam("due")))

_T = TypeVar("_T")
_Item = TypeVar("_Item")

log = structlog.get_logger(__name__)


class ConflictError(TransientError):
    """Raised when another transaction stood in the way of this one, which may begin anew."""


class Store:
    """The database, opened once per process (after a fork, never before)."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        #: Where SQLite is used, publishes what was announced; PostgreSQL does so by itself.
        self.publish: Callable[[set[Due]], None] = lambda _: None

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open one transaction; commit at the end, roll back on any error.

        What it announces (`store.announcing`) is published with the commit, and else to nobody.
        """
        notifies = self.engine.dialect.name == "postgresql"
        with _plain_errors(self.engine), self.engine.begin() as connection:
            announced = announced_in(connection, anew=True)
            yield connection
            if announced and notifies:
                connection.execute(_NOTIFY, {"due": as_payload(announced)})
        if announced and not notifies:
            self.publish(announced)

    def transact(self, work: Callable[[Connection], _T]) -> _T:
        """Run `work` in one transaction; at once again where another one stood in its way.

        So `work` must do nothing but read and write the store. Raises what `write` does.
        """
        for beginning in range(1, _MOST_BEGINNINGS):
            try:
                with self.write() as connection:
                    return work(connection)
            except ConflictError:
                time.sleep(random.uniform(0, _FIRST_WAIT_S * beginning))  # noqa: S311 - jitter
        with self.write() as connection:
            return work(connection)

    def transact_each(self, works: Sequence[Callable[[Connection], _T]]) -> list[_T | Exception]:
        """Run works, several in one transaction, as `transact_batches` does."""
        return self.transact_batches(_run_each, works)

    def transact_batches(
        self, work: Callable[[Connection, Sequence[_Item]], list[_T]], items: Sequence[_Item]
    ) -> list[_T | Exception]:
        """Run `work` on several items in one transaction, or else on each as `transact` does.

        In one, locks may be taken out of order: it is given up before two transactions that wait
        for each other would be found. Nothing of it stays then, nor where it fails for one item,
        which thus keeps up no other. `work` returns something for each item. Returns that or,
        where an item failed in a transaction of its own, why. Raises TransientError where the
        store is away.
        """
        done: list[_T | Exception] = []
        for start in range(0, len(items), MOST_TOGETHER):
            some = items[start : start + MOST_TOGETHER]
            together = self._together(work, some)
            done += together
            if not together:
                done += map(partial(self._outcome, work), some)
        return done

    def _together(
        self, work: Callable[[Connection, Sequence[_Item]], list[_T]], items: Sequence[_Item]
    ) -> list[_T]:
        """Run a work in one transaction; return nothing where that fails, and nothing stays."""
        if len(items) == 1:
            return []
        try:
            with self.write() as connection:
                if connection.dialect.name == "postgresql":
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_TOGETHER_WAIT_MS}")
                return work(connection, items)
        except ConflictError:
            return []
        except TransientError:
            raise
        except Exception as error:  # noqa: BLE001 - which of them fails shows when it runs alone
            log.info("works done one by one", works=len(items), error=type(error).__name__)
            return []

    def _outcome(
        self, work: Callable[[Connection, Sequence[_Item]], list[_T]], item: _Item
    ) -> _T | Exception:
        try:
            return self.transact(lambda connection: work(connection, [item]))[0]
        except Exception as error:  # noqa: BLE001 - the caller's to judge
            return error

    @contextmanager
    def rebuild(self) -> Iterator[Connection]:
        """Open one transaction in which tables may be made anew, as `write` does.

        SQLite drops a table by deleting its rows, and with them all that point to them: their
        checks are off meanwhile, and made up for at the end (sqlite.org/lang_altertable.html).
        """
        with _plain_errors(self.engine), self.engine.connect() as connection:
            sqlite = connection.dialect.name == "sqlite"
            if sqlite:
                _check_references(connection, at_once=False)
            try:
                with connection.begin():
                    yield connection
                    if sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                        raise ValueError("rows that point to nothing")
            finally:
                if sqlite:
                    _check_references(connection, at_once=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that changes nothing and blocks no writer.

        It is committed all the same: psycopg lets go of all prepared statements of a connection
        that rolls back, and PostgreSQL would plan each anew.
        """
        with _plain_errors(self.engine), self.engine.connect() as connection:
            connection.execution_options(**_READ_OPTIONS[self.engine.dialect.name])
            with connection.begin():
                yield connection

    @property
    def file(self) -> Path | None:
        """The file of SQLite, None where there is none."""
        path = self.engine.url.database
        on_disk = self.engine.dialect.name == "sqlite" and path and path != ":memory:"
        return Path(path) if path and on_disk else None

    def make(self) -> None:
        """Make the file of SQLite where there is none, for us alone; raise ConfigurationError."""
        if self.file:
            _make_private(self.file)

    def truncate_log(self, seconds: float = _CHECKPOINT_S) -> bool:
        """Let what was erased leave the files; return True if it did.

        SQLite keeps former pages in its log until that is emptied, which readers may hold up
        for a while: the next erasure, or housekeeping, tries again. PostgreSQL does this by
        itself (autovacuum), and keeps its log for its replicas.
        """
        if self.engine.dialect.name != "sqlite":
            return True
        with _plain_errors(self.engine), self.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute(f"PRAGMA busy_timeout={round(seconds * 1000)}")
            try:
                return not driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            finally:
                driver.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")

    def close(self) -> None:
        self.engine.dispose()


def _run_each(connection: Connection, works: Sequence[Callable[[Connection], _T]]) -> list[_T]:
    return [work(connection) for work in works]


_Query = TypeVar("_Query", bound=Select[Any])


def locked(query: _Query) -> _Query:
    """Let a query keep other writers off its rows until the transaction ends."""
    return query.with_for_update(key_share=True)


def open_store(url: str) -> Store:
    """Open the store at a SQLAlchemy address; raise ConfigurationError if it makes no sense.

    Nothing is made: who only asks leaves no empty database behind.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return Store(_sqlite(url, parsed.database))
        return Store(_postgresql(parsed))
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise ConfigurationError(
            f"MAILTRACK_DATABASE_URL is no address of a database that we speak to ({error}); "
            "it starts with postgresql:// or sqlite:///."
        ) from error


def _postgresql(url: URL) -> Engine:
    engine = create_engine(url, pool_size=10, max_overflow=20, connect_args=_POSTGRESQL)

    def configure(connection: Any, _record: Any) -> None:
        connection.execute(f"SET idle_in_transaction_session_timeout = {IDLE_MS}")
        connection.commit()

    def note_rest(_connection: Any, record: Any) -> None:
        record.info[_RESTS_SINCE] = time.monotonic()

    def ping(connection: Any, record: Any, _proxy: Any) -> None:
        """Ask a connection that has rested whether it still lives; another is taken if not."""
        now = time.monotonic()
        if now - record.info.get(_RESTS_SINCE, now) < _FRESH_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error

    event.listen(engine, "connect", configure)
    event.listen(engine, "checkin", note_rest)
    event.listen(engine, "checkout", ping)
    return engine


def _sqlite(url: str, path: str | None) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
    event.listen(engine, "connect", _configure_sqlite)
    if path and path != ":memory:":
        opened = _OpenedFile(Path(path))
        event.listen(engine, "do_connect", opened.find)
        event.listen(engine, "connect", opened.remember)
        for moment in ("begin", "commit"):
            event.listen(engine, moment, opened.require)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


@dataclass(slots=True)
class _OpenedFile:
    """The file that was opened first, which must be there as long as it is written to.

    SQLite goes on in a file that was deleted or replaced, and with a log of its own (WAL)
    it never looks (https://sqlite.org/howtocorrupt.html, 2.4 and 4): all that is written
    would be gone with the process.
    """

    path: Path
    device_and_inode: tuple[int, int] | None = None

    def find(self, _dialect: Any, _record: Any, _arguments: Any, _options: Any) -> None:
        """Raise ConfigurationError where there is no file, which SQLite would make."""
        if self.device_and_inode is None and not self.path.exists():
            raise ConfigurationError(
                f"There is no database {self.path}: `mailtrack db upgrade` makes one; "
                "if there should be one, check MAILTRACK_DATA_DIR and the folder you are in."
            )

    def remember(self, _connection: Any, _record: Any) -> None:
        if self.device_and_inode is None:
            self.device_and_inode = self._found()

    def require(self, _connection: Connection) -> None:
        """Raise ConfigurationError where the path leads to another file by now, or to none."""
        if self._found() != self.device_and_inode:
            raise ConfigurationError(
                f"The database {self.path} was deleted or replaced while it was open: nothing "
                "more is written; stop everything, put it back or restore a backup, start again."
            )

    def _found(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def _make_private(file: Path) -> None:
    """Let only us read the database; its log and its index get the rights of the file."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"Cannot create the data folder {file.parent}: {error.strerror}."
        ) from error
    try:
        if not file.exists():
            file.touch(mode=0o600)
        found = file.stat()
        if file.is_file() and found.st_mode & 0o077 and found.st_uid == os.geteuid():
            file.chmod(0o600)
    except OSError as error:
        raise ConfigurationError(f"Cannot use the database {file}: {error.strerror}.") from error


def _configure_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's "begin" event starts transactions
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # a sent mail that is forgotten would be sent again
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "foreign_keys=ON",
        "secure_delete=ON",  # what is erased is overwritten, in free pages, too
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _check_references(connection: Connection, *, at_once: bool) -> None:
    """Let SQLite check foreign keys, or not; between transactions only."""
    driver: Any = connection.connection.driver_connection
    driver.execute(f"PRAGMA foreign_keys={'ON' if at_once else 'OFF'}")


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


@contextmanager
def _plain_errors(engine: Engine) -> Iterator[None]:
    """Turn what the operator can mend into one line; leave programming errors alone."""
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _IN_THE_WAY:
            raise ConflictError("Another transaction stood in the way of this one.") from error
        to_mend = isinstance(error, OperationalError) or error.connection_invalidated
        to_mend = to_mend or getattr(error.orig, "sqlstate", None) == _IDLE
        if to_mend or _is_not_ours(error):
            raise _explain(engine, error) from error
        raise


def _is_not_ours(error: DBAPIError) -> bool:
    if getattr(error.orig, "sqlstate", None) == _UNDEFINED_TABLE:
        return True
    return any(words in str(error.orig) for words in _NOT_OURS)


def _explain(engine: Engine, error: DBAPIError) -> MailtrackError:
    where = str(engine.url.set(username=None, password=None))
    what = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no answer"
    if "disk is full" in what or "No space left" in what:
        return TransientError(f"The disk is full: {where} cannot be written; make room.")
    if _is_not_ours(error):
        return ConfigurationError(f"{where}: {what}; check the path, then `mailtrack db upgrade`.")
    return TransientError(f"The database {where} does not answer: {what}")
