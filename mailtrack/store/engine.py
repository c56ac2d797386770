"""Connections to the store: SQLite for one machine, PostgreSQL for many.

`Store.write` is one transaction that sees no other writer between its reads and its
writes: PostgreSQL by row locks where the functions ask for them, SQLite by BEGIN
IMMEDIATE. `Store.read` is a consistent view.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from mailtrack.errors import ConfigurationError, MailtrackError, TransientError

#: How long a SQLite writer waits for another one (milliseconds).
BUSY_TIMEOUT_MS = 30_000
#: How long a PostgreSQL server may take to answer at all (seconds).
CONNECT_TIMEOUT_S = 10
#: How long sent bytes may go unconfirmed before a host counts as gone (milliseconds); the
#: kernel alone would wait for a quarter of an hour, and with it whoever holds a lease.
_GONE_MS = 30_000
_POSTGRESQL: Mapping[str, int] = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "tcp_user_timeout": _GONE_MS,
    "keepalives_idle": 10,
    "keepalives_interval": 10,
}
_READ_ONLY = "mailtrack_read_only"
#: What makes a transaction of reads see one moment.
_READ_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "sqlite": {_READ_ONLY: True},
    "postgresql": {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
}
#: SQLite's words and PostgreSQL's codes for a database that is none of ours.
_NOT_OURS = ("no such table", "unable to open", "readonly", "not a database")
_UNDEFINED_TABLE = "42P01"


class Store:
    """The database, opened once per process (after a fork, never before)."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open one transaction; commit at the end, roll back on any error."""
        with _plain_errors(self.engine), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that changes nothing and blocks no writer."""
        with _plain_errors(self.engine), self.engine.connect() as connection:
            yield connection.execution_options(**_READ_OPTIONS[self.engine.dialect.name])

    def close(self) -> None:
        self.engine.dispose()


def open_store(url: str) -> Store:
    """Open the store at a SQLAlchemy address; raise ConfigurationError if it makes no sense."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return Store(_sqlite(url, parsed.database))
        return Store(
            create_engine(
                parsed,
                pool_pre_ping=True,
                pool_size=10,
                max_overflow=20,
                connect_args=_POSTGRESQL,
            )
        )
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise ConfigurationError(
            f"MAILTRACK_DATABASE_URL is no address of a database that we speak to ({error}); "
            "it starts with postgresql:// or sqlite:///."
        ) from error


def _sqlite(url: str, path: str | None) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
    event.listen(engine, "connect", _configure_sqlite)
    if path and path != ":memory:":
        _make_folder(Path(path).parent)
        opened = _OpenedFile(Path(path))
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


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"Cannot create the data folder {folder}: {error.strerror}."
        ) from error


def _configure_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's "begin" event starts transactions
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",  # a sent mail that is forgotten would be sent again
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


@contextmanager
def _plain_errors(engine: Engine) -> Iterator[None]:
    """Turn what the operator can mend into one line; leave programming errors alone."""
    try:
        yield
    except DBAPIError as error:
        to_mend = isinstance(error, OperationalError) or error.connection_invalidated
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
