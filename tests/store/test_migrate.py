"""The schema as the migrations build it, on both databases."""

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import (
    Boolean,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    func,
    insert,
    inspect,
    select,
)

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


# --- with data in it, and while it is used -------------------------------------------


#: A value of each type; a key that is not a number is made of the table's name.
_SAMPLES: Mapping[type, Any] = {
    Boolean: True,
    Date: date(2026, 3, 3),
    DateTime: datetime(2026, 3, 3, 14, 5, tzinfo=UTC),
    Float: 0.5,
    Integer: 1,
    LargeBinary: b"raw",
    String: "é",
}


def _row(table: Table) -> dict[str, Any]:
    """Return a row whose references all point to the first one."""
    return {
        column.name: next(v for kind, v in _SAMPLES.items() if isinstance(column.type, kind))
        for column in table.columns
    }


def _reflected(store: Store) -> MetaData:
    found = MetaData()
    with store.read() as connection:
        found.reflect(connection)
    found.remove(found.tables["alembic_version"])
    return found


def _contents(store: Store, tables: MetaData) -> dict[str, list[dict[str, Any]]]:
    with store.read() as connection:
        return {
            table.name: [dict(row._mapping) for row in connection.execute(select(table))]
            for table in tables.sorted_tables
        }


def test_a_database_of_the_first_version_keeps_every_row(empty: Store) -> None:
    upgrade(empty, "0001")
    former = _reflected(empty)
    with empty.write() as connection:
        for table in former.sorted_tables:
            connection.execute(insert(table).values(**_row(table)))
    before = _contents(empty, former)

    upgrade(empty)

    assert {1} == {len(rows) for rows in before.values()}
    assert before == _contents(empty, former)


def test_parts_of_the_former_version_go_on_writing_while_the_database_is_upgraded(
    empty: Store,
) -> None:
    """What they write has none of the new columns: these only ever come with a default."""
    upgrade(empty, "0001")
    former = _reflected(empty).tables["subscriber"]
    serials, upgraded = count(), threading.Event()

    def write_on() -> int:
        written = 0
        while not (upgraded.is_set() and written):
            with empty.write() as connection:
                row = {**_row(former), "address": f"{next(serials)}@example.org"}
                del row["id"]
                connection.execute(insert(former).values(**row))
            written += 1
        return written

    with ThreadPoolExecutor() as pool:
        writers = [pool.submit(write_on) for _ in range(2)]
        reached = [pool.submit(upgrade, empty) for _ in range(2)]
        revisions = {future.result() for future in reached}
        upgraded.set()
        written = sum(writer.result() for writer in writers)

    with empty.read() as connection:
        kept = connection.execute(select(func.count()).select_from(former)).scalar_one()
    require_current(empty)
    assert (1, written) == (len(revisions), kept)
