"""The schema as the migrations build it, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from mailtrack.errors import ConfigurationError
from mailtrack.settings import Settings
from mailtrack.store.engine import Store, open_store
from mailtrack.store.migrate import require_current, upgrade
from mailtrack.store.schema import metadata


@pytest.fixture
def empty(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store without a single table."""
    if database == "sqlite":
        address = f"sqlite:///{tmp_path / 'new' / 'mailtrack.db'}"
    else:
        server = request.getfixturevalue("postgres")
        address = server.address(server.create("template0"))
    store = open_store(Settings(database_url=address).store_url)
    yield store
    store.close()


def _tables(store: Store) -> set[str]:
    with store.read() as connection:
        return set(inspect(connection).get_table_names())


def test_an_empty_database_gets_every_table(empty: Store) -> None:
    revision = upgrade(empty)

    assert {*metadata.tables, "alembic_version"} == _tables(empty)
    assert "0001" <= revision


def test_upgrading_twice_changes_nothing(empty: Store) -> None:
    first = upgrade(empty)
    before = _tables(empty)

    assert first == upgrade(empty)
    assert before == _tables(empty)


def test_the_migrated_database_is_what_the_tables_in_the_code_say(store: Store) -> None:
    with store.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})

        assert [] == compare_metadata(context, metadata)


@pytest.mark.parametrize("index", ["ix_inbound_due", "ix_leg_due", "ix_notice_due"])
def test_what_is_due_is_found_by_an_index_over_what_is_due_alone(store: Store, index: str) -> None:
    with store.read() as connection:
        table = index.removeprefix("ix_").removesuffix("_due")
        found = next(i for i in inspect(connection).get_indexes(table) if i["name"] == index)

        assert f"{connection.dialect.name}_where" in found["dialect_options"]


def test_a_database_of_another_version_is_refused_with_what_to_do(
    store: Store, empty: Store
) -> None:
    require_current(store)

    with pytest.raises(ConfigurationError, match=r"revision none.*`mailtrack db upgrade`"):
        require_current(empty)


def test_migrations_fail_as_a_whole(empty: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailtrack.store.migrate.current", lambda _: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        upgrade(empty)

    assert set() == _tables(empty)
