"""Bringing the database to the schema of this version; safe to run twice, and by many."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from mailtrack.errors import ConfigurationError
from mailtrack.store.engine import Store

#: One migration at a time on PostgreSQL; any constant will do.
_LOCK_KEY = 4_216_733


def upgrade(store: Store) -> str:
    """Run what is missing, in one transaction; return the revision reached."""
    with store.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        command.upgrade(_config(connection), "head")
        return _current(connection) or ""


def require_current(store: Store) -> None:
    """Raise ConfigurationError where the database is not of this version."""
    with store.read() as connection:
        current = _current(connection)
    head = ScriptDirectory.from_config(_config(None)).get_current_head()
    if current != head:
        raise ConfigurationError(
            f"The database is at revision {current or 'none'}, this version needs {head}: "
            "run `mailtrack db upgrade`."
        )


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", "mailtrack.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
