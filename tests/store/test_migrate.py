"""The schema as the migrations build it, on both databases."""

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
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
    text,
)

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import ParcelId, TrackingEvent
from mailtrack.errors import ConfigurationError
from mailtrack.settings import Settings
from mailtrack.store import parcels
from mailtrack.store.engine import Store, open_store
from mailtrack.store.migrate import require_current, upgrade
from mailtrack.store.schema import metadata, notice, parcel, subscription, wording
from mailtrack.store.schema.codes import SkipReasons
from mailtrack.store.wordings import fingerprint_key


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
    empty.make()

    with pytest.raises(ConfigurationError, match=r"revision none.*`mailtrack db upgrade`"):
        require_current(empty)


def test_a_database_of_a_newer_version_is_left_as_it_is_and_said(store: Store) -> None:
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    for use in (require_current, upgrade):
        with pytest.raises(ConfigurationError, match="revision 9999, which is newer than this"):
            use(store)


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
            table.name: [
                dict(row._mapping)
                for row in connection.execute(select(table).order_by(*table.primary_key))
            ]
            for table in tables.sorted_tables
        }


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: Columns that have another name since: by table, from the former to the present one.
_RENAMED = {
    "parcel": {"first_look_at": "first_answer_at", "last_look_at": "last_answer_at"},
    "leg": {"last_look_at": "last_answer_at"},
}


def _under_present_names(table: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = _RENAMED.get(table, {})
    return [{names.get(name, name): value for name, value in row.items()} for row in rows]


def _as_number(value: object) -> object:
    """Return a time as microseconds since 1970, as SQLite keeps it; everything else as it is."""
    if not isinstance(value, datetime):
        return value
    return (value.replace(tzinfo=value.tzinfo or UTC) - EPOCH) // timedelta(microseconds=1)


def test_a_database_of_the_first_version_keeps_every_row(empty: Store) -> None:
    upgrade(empty, "0001")
    former = _reflected(empty)
    with empty.write() as connection:
        for table in former.sorted_tables:
            connection.execute(insert(table).values(**_row(table)))
    before = _contents(empty, former)

    upgrade(empty)

    assert {1} == {len(rows) for rows in before.values()}
    # What is kept in fewer bytes, or as a wording, is looked at below.
    for name in ("event_fingerprint", "kind", "state", "skip"):
        before["notice"][0].pop(name, None)
    before["tracking_event"] = [
        {name: row[name] for name in ("id", "parcel_id", "at", "seen_at", "at_certain", "mark")}
        for row in before["tracking_event"]
    ]
    # Those of former versions can be guessed, so that no report is believed by them.
    before["notice"][0]["message_id"] = None
    # As many requests are made at this price as were at the former one.
    before["carrier"][0]["price_h"] *= 7 / 3
    after = _contents(empty, _reflected(empty))
    for name, rows in before.items():
        for was, now in zip(_under_present_names(name, rows), after[name], strict=True):
            expected = {column: _as_number(value) for column, value in was.items()}
            assert expected == {column: _as_number(now[column]) for column in was}


NOW = datetime(2026, 3, 3, 14, 5, tzinfo=UTC)


@pytest.fixture
def of_the_third_version(empty: Store) -> Store:
    """Two parcels: one of Ana and Bruno, whose orders and steps were everybody's; one of Carla."""
    upgrade(empty, "0003")
    tables = _reflected(empty).tables
    rows: Mapping[str, list[Mapping[str, Any]]] = {
        "subscriber": [
            {"id": n, "address": f"{name}@example.org", "created_at": NOW, "soft_bounces": 0}
            for n, name in enumerate(("ana", "bruno", "carla"), 1)
        ],
        "shop_order": [
            {"id": n, "number": f"305416991888000{n}", "shop": "aliexpress", "created_at": NOW}
            for n in (1, 2, 3)
        ],
        "parcel": [
            {"id": n, "number": f"LP0012345678901{n}", "created_at": NOW, "milestone": step}
            for n, step in ((1, "delivered"), (2, "in_transit"))
        ],
        "parcel_order": [
            {"parcel_id": 1, "shop_order_id": 1},
            {"parcel_id": 2, "shop_order_id": 2},
        ],
        "subscription": [
            _followed(1, subscriber_id=1, parcel_id=1, titles="Lampe"),
            _followed(2, subscriber_id=2, parcel_id=1, titles=""),
            _followed(3, subscriber_id=3, parcel_id=2, titles=""),
            _followed(4, subscriber_id=1, shop_order_id=3, titles="Tapis"),
        ],
        "tracking_event": [
            _told(1, 1, "arrived_in_country", "cainiao", NOW),
            _told(2, 1, "delivered", "mail", NOW),
            _told(3, 2, "in_transit", "cainiao", NOW),
        ],
        "notice": [
            {
                "id": 1,
                "subscriber_id": 1,
                "subscription_id": 4,
                "kind": "cancelled",
                "occurrence": "1",
                "state": "sent",
                "created_at": NOW,
                "next_attempt_at": NOW,
                "attempts": 0,
                "last_error": "",
                "message_id": "<s4.1-cancelled-1@example.org>",
            }
        ],
    }
    with empty.write() as connection:
        for name, some in rows.items():
            for row in some:
                connection.execute(insert(tables[name]).values(**row))
    return empty


def _followed(number: int, **row: object) -> Mapping[str, Any]:
    return {"id": number, "created_at": NOW, **row}


def _told(number: int, parcel: int, milestone: str, source: str, at: datetime) -> Mapping[str, Any]:
    words = dict.fromkeys(("code", "text", "place", "mark"), "")
    row = {"parcel_id": parcel, "milestone": milestone, "source": source, "at": at, "seen_at": at}
    return {"id": number, "fingerprint": f"{number}", "at_certain": True, **words, **row}


def test_orders_and_what_mails_told_become_one_person_s(of_the_third_version: Store) -> None:
    """Ana's mail named an article and so the order; Bruno's named the number alone."""
    upgrade(of_the_third_version)
    kept = _contents(of_the_third_version, _reflected(of_the_third_version))

    assert [(1, "3054169918880001"), (3, "3054169918880002"), (1, "3054169918880003")] == [
        (row["subscriber_id"], row["number"]) for row in kept["shop_order"]
    ]
    assert [(1, 1), (2, 2)] == [
        (row["parcel_id"], row["shop_order_id"]) for row in kept["parcel_order"]
    ]
    assert [(1, "delivered"), (2, "delivered")] == [
        (row["subscription_id"], row["milestone"]) for row in kept["mail_event"]
    ]
    assert ["cainiao", "cainiao"] == [row["source"] for row in kept["wording"]]
    assert ["arrived_in_country", "in_transit"] == [row["milestone"] for row in kept["parcel"]]
    assert ["delivered", "delivered", "in_transit", "cancelled"] == [
        row["milestone"] for row in kept["subscription"]
    ]


def test_every_person_and_subscription_gets_a_key_of_its_own(of_the_third_version: Store) -> None:
    upgrade(of_the_third_version)
    kept = _contents(of_the_third_version, _reflected(of_the_third_version))
    keys = [row["key"] for name in ("subscriber", "subscription") for row in kept[name]]

    assert 7 == len(set(keys))
    assert {16} == {len(key) for key in keys}


def test_the_mail_domain_of_who_is_known_counts_for_quotas(of_the_third_version: Store) -> None:
    with of_the_third_version.write() as connection:
        odd = """UPDATE subscriber SET address = '"carla@home"@example.com' WHERE id = 3"""
        connection.exec_driver_sql(odd)

    upgrade(of_the_third_version)

    kept = _contents(of_the_third_version, _reflected(of_the_third_version))["subscriber"]
    assert ["example.org", "example.org", "example.com"] == [row["mail_domain"] for row in kept]


def test_parts_of_the_former_version_go_on_writing_while_the_database_is_upgraded(
    empty: Store,
) -> None:
    """What they write has none of the new columns: these only ever come with a default.

    Not so in the fourth revision, which makes tables anew.
    """
    upgrade(empty, "0004")
    former = _reflected(empty).tables["subscriber"]
    serials, upgraded = count(), threading.Event()

    def write_on() -> int:
        written = 0
        while not (upgraded.is_set() and written):
            with empty.write() as connection:
                serial = next(serials)
                row = {**_row(former), "address": f"{serial}@example.org", "key": f"{serial}"}
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


def test_events_are_known_again_when_their_words_are_shared(empty: Store) -> None:
    """Two parcels of which the same is said; a carrier tells it again, and a notice tells it."""
    event = TrackingEvent(NOW, Milestone.IN_TRANSIT, "cainiao", "LH", "Départ é", "LIEGE", mark="m")
    late = NOW.replace(microsecond=999_700)  # a time that rounds to the next second
    upgrade(empty, "0027")
    tables = _reflected(empty).tables
    told = {"fingerprint": event.fingerprint, "at": NOW, "seen_at": NOW, "at_certain": True}
    told |= {"milestone": "in_transit", "source": "cainiao", "code": "LH", "text": "Départ é"}
    told |= {"place": "LIEGE", "mark": "m", "certainty": "known"}
    owed = {"subscriber_id": 1, "kind": "in_transit", "occurrence": "1", "state": "sent"}
    owed |= {"event_at": NOW, "event_fingerprint": event.fingerprint, "created_at": NOW}
    owed |= {"next_attempt_at": NOW, "attempts": 1, "sent_at": late}
    rows: Mapping[str, list[Mapping[str, Any]]] = {
        "subscriber": [
            {"id": 1, "key": "ana", "address": "ana@example.org", "created_at": NOW}
            | {"soft_bounces": 0, "unwanted": "", "also_wanted": ""}
        ],
        "parcel": [{"id": n, "number": f"LP{n}", "created_at": late} for n in (1, 2)],
        "tracking_event": [{"parcel_id": n, **told} for n in (1, 2)],
        "notice": [{**owed, "last_error": "", "trace": "", "prompt": False, "urgent": False}],
    }
    with empty.write() as connection:
        for name, some in rows.items():
            for row in some:
                connection.execute(insert(tables[name]).values(**row))

    upgrade(empty)

    with empty.write() as connection:
        parcels.add_events_of_each(connection, {ParcelId(1): [event]}, NOW)
        parcels.add_events_of_each(connection, {ParcelId(2): [replace(event, mark="later")]}, NOW)
        assert [event] == parcels.history(connection, ParcelId(1))
        assert 2 == len(parcels.history(connection, ParcelId(2)))
        assert 1 == connection.scalar(select(func.count()).select_from(wording))
        (sent,) = connection.execute(select(notice)).all()
        assert {late} == set(connection.scalars(select(parcel.c.created_at)))
    assert (NOW, late) == (sent.event_at, sent.sent_at)
    assert fingerprint_key(event) == sent.event_fingerprint


def test_notices_keep_their_words_when_these_become_numbers(empty: Store) -> None:
    """One that is due, one of each reason to be left out, and one that no version knows."""
    upgrade(empty, "0030")
    tables = _reflected(empty).tables
    person = {"id": 1, "key": "ana", "address": "ana@example.org", "created_at": NOW}
    person |= {"soft_bounces": 0, "unwanted": "", "also_wanted": ""}
    plain = {"subscriber_id": 1, "attempts": 0, "last_error": "", "trace": ""}
    plain |= {"prompt": False, "urgent": False}
    at = _as_number(NOW) if empty.engine.dialect.name == "sqlite" else NOW
    plain |= {"created_at": at, "next_attempt_at": at}
    words: list[tuple[str, str, str | None]] = [
        ("registered", "due", None),
        ("a_former_one", "failed", None),
        *(("delivered", "skipped", reason) for reason in SkipReasons.words),
    ]
    with empty.write() as connection:
        connection.execute(insert(tables["subscriber"]).values(**person))
        for occurrence, (kind, state, skip) in enumerate(words):
            row = {"kind": kind, "occurrence": f"{occurrence}", "state": state, "skip": skip}
            connection.execute(insert(tables["notice"]).values(**plain, **row))

    upgrade(empty)

    with empty.read() as connection:
        kept = select(notice.c.kind, notice.c.state, notice.c.skip).order_by(notice.c.id)
        found = [tuple(row) for row in connection.execute(kept)]
        waits = select(notice.c.kind, notice.c.next_attempt_at)
        due = [tuple(row) for row in connection.execute(waits.where(notice.c.state == "due"))]
    assert [words[0], ("unknown", *words[1][1:]), *words[2:]] == found
    assert [("registered", NOW)] == due


def _of_an_event(number: int, parcel: int, days: float, source: str) -> Mapping[str, Any]:
    return {**_told(number, parcel, "in_transit", source, NOW + timedelta(days=days))}


def test_what_is_under_way_gets_its_lane_and_the_day_from_which_it_is_late(empty: Store) -> None:
    """A parcel of two carriers, one that was told of, one that ended, and an order."""
    upgrade(empty, "0015")
    tables = _reflected(empty).tables
    step = {"milestone": "in_transit", "milestone_at": NOW}
    rows: Mapping[str, list[Mapping[str, Any]]] = {
        "subscriber": [
            {"id": 1, "key": "ana", "address": "ana@example.org", "created_at": NOW}
            | {"soft_bounces": 0, "unwanted": "", "also_wanted": ""}
        ],
        "parcel": [
            {"id": n, "number": f"LP0012345678901{n}", "created_at": NOW, "ended_at": end, **step}
            for n, end in ((1, None), (2, None), (3, NOW), (4, None))
        ],
        "subscription": [
            _followed(n, key=f"s{n}", subscriber_id=1, parcel_id=n, titles="", trace="", **state)
            for n, state in (
                (1, step),
                (2, step),
                (3, step),
                (4, {"milestone": "delivered", "milestone_at": NOW}),
            )
        ],
        "tracking_event": [
            _of_an_event(1, 1, 2, "laposte"),
            _of_an_event(2, 1, 0, "cainiao"),
            _of_an_event(3, 1, 3, "cainiao"),
            _of_an_event(4, 2, 0, "gls"),
        ],
        "notice": [
            {"id": 1, "subscriber_id": 1, "subscription_id": 2, "kind": "stalled"}
            | {"occurrence": "2026-03-03", "state": "sent", "created_at": NOW + timedelta(days=31)}
            | {"next_attempt_at": NOW, "attempts": 0, "last_error": "", "trace": ""}
            | {"prompt": False, "urgent": False}
        ],
    }
    with empty.write() as connection:
        for name, some in rows.items():
            for row in some:
                connection.execute(insert(tables[name]).values(**row))

    upgrade(empty)

    with empty.read() as connection:
        lanes = connection.execute(
            select(parcel.c.first_carrier, parcel.c.last_carrier).order_by(parcel.c.id)
        ).all()
        slow = connection.scalars(select(subscription.c.slow_at).order_by(subscription.c.id)).all()
        late = connection.scalars(
            select(subscription.c.id).where(subscription.c.slow_at <= NOW + timedelta(days=30))
        ).all()
    assert [("cainiao", "laposte"), ("gls", ""), ("", ""), ("", "")] == lanes
    assert [NOW + timedelta(days=30), None, None, None] == slow
    assert [1] == late
