"""Connections to the store: SQLite for one machine, PostgreSQL for many.

`Store.write` is one transaction that sees no other writer between its reads and its
writes: PostgreSQL by row locks where the functions ask for them, SQLite by BEGIN
IMMEDIATE. `Store.read` is a consistent view.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError

from mailtrack.errors import ConfigurationError, MailtrackError, TransientError

#: How long a SQLite writer waits for another one (milliseconds).
BUSY_TIMEOUT_MS = 30_000
_READ_ONLY = "mailtrack_read_only"


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
            yield connection.execution_options(**{_READ_ONLY: True})

    def close(self) -> None:
        self.engine.dispose()


def open_store(url: str) -> Store:
    """Open the store at a SQLAlchemy address; raise ConfigurationError if it makes no sense."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return Store(_sqlite(url, parsed.database))
        return Store(create_engine(parsed, pool_pre_ping=True, pool_size=10, max_overflow=20))
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigurationError(
            f"MAILTRACK_DATABASE_URL is no database address: {error}"
        ) from error


def _sqlite(url: str, path: str | None) -> Engine:
    if path and path != ":memory:":
        _make_folder(Path(path).parent)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
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
    except OperationalError as error:
        raise _explain(engine, error) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise _explain(engine, error) from error
        raise


def _explain(engine: Engine, error: DBAPIError) -> MailtrackError:
    where = engine.url.render_as_string(hide_password=True)
    what = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no answer"
    if "full" in what:
        return ConfigurationError(f"The disk is full: {where} cannot be written; make room.")
    if "no such table" in what or "unable to open" in what or "readonly" in what:
        return ConfigurationError(f"{where}: {what}; check the path, then `mailtrack db upgrade`.")
    return TransientError(f"The database {where} does not answer: {what}")
