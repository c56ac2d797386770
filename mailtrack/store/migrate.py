"""Bringing the database to the schema of this version; safe to run twice, and by many.

Revisions are numbered, so that a part can tell at its start whether the database is of
its version without loading Alembic.
"""

from importlib.resources import files

from sqlalchemy import Connection, inspect, text

from mailtrack.errors import ConfigurationError
from mailtrack.store import row_counts
from mailtrack.store.engine import Store

#: One migration at a time on PostgreSQL; any constant will do.
_LOCK_KEY = 4_216_733


def upgrade(store: Store, to: str = "head") -> str:
    """Run what is missing up to a revision, in one transaction; return the one reached.

    Rows are counted anew with the tables of this version: see `store.row_count_triggers`.
    Raises ConfigurationError where a newer version of the program made the database.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "mailtrack.store:migrations")
    config.set_main_option("path_separator", "os")
    store.make()
    with store.rebuild() as connection:
        _refuse_newer(current(connection))
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        found = current(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, to)
        reached = current(connection)
        if found != reached == newest():
            row_counts.start(connection)
        return reached


def require_current(store: Store) -> None:
    """Raise ConfigurationError where the database is not of this version."""
    with store.read() as connection:
        found = current(connection)
    _refuse_newer(found)
    if found != newest():
        raise ConfigurationError(
            f"The database is at revision {found or 'none'}, this version needs {newest()}: "
            "run `mailtrack db upgrade`."
        )


def _refuse_newer(found: str) -> None:
    if found > newest():
        raise ConfigurationError(
            f"The database is at revision {found}, which is newer than this version of mailtrack "
            f"({newest()}): install the newer version again; there is no way back down."
        )


def require_kept(store: Store) -> None:
    """Raise ConfigurationError where the database was emptied or deleted under a running part.

    A newer version is no reason to stop: its tables have all that this one needs.
    """
    with store.read() as connection:
        if not current(connection):
            raise ConfigurationError(
                "The database has lost its tables while it was open: restore a backup, or run "
                "`mailtrack db upgrade` for an empty one."
            )


def is_empty(store: Store) -> bool:
    """Whether a database has no tables of ours, or is not even there."""
    if store.file and not store.file.exists():
        return True
    with store.read() as connection:
        return not current(connection)


def current(connection: Connection) -> str:
    """Return the revision of a database, "" where it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def newest() -> str:
    """Return the revision that this version of the program needs."""
    folder = files("mailtrack.store.migrations") / "versions"
    return max(file.name[:4] for file in folder.iterdir() if file.name[:4].isdigit())
