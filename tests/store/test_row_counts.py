"""Counts that triggers keep: equal to a full count, whatever is written, by however many."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import Connection, Table, delete, update

from mailtrack.admin.backups import back_up, restore
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import NoticeId
from mailtrack.runtime.services import Services
from mailtrack.settings import Settings
from mailtrack.store import erasure, notices, parcels, people, row_counts, subscriptions
from mailtrack.store import schema as t
from mailtrack.store.engine import Store, open_store
from mailtrack.store.row_counts import Difference
from mailtrack.store.subscriptions import Subscription

Follow = Callable[..., Subscription]


def _differences(store: Store) -> list[Difference]:
    with store.read() as connection:
        return row_counts.differences(connection)


def _counts(store: Store, table: Table) -> dict[tuple[str, ...], int]:
    with store.read() as connection:
        return dict(row_counts.by_labels(connection, table))


def test_counts_follow_what_is_written_changed_and_erased(
    store: Store, clock: FakeClock, follow: Follow
) -> None:
    ana, bruno = follow(), follow("LP00123456789013", "bruno@example.org")
    with store.write() as connection:
        for mine in (ana, bruno):
            notices.owe_follower(connection, mine.id, "expired", occurrence="1", now=clock.now())
        connection.execute(
            update(t.parcel).where(t.parcel.c.id == 1).values(milestone=Milestone.DELIVERED)
        )

    assert {("",): 1, ("delivered",): 1} == _counts(store, t.parcel)
    assert {("expired", "due", ""): 2} == _counts(store, t.notice)

    with store.write() as connection:
        notices.mark_skipped(connection, NoticeId(1), "muted")
        erasure.erase(connection, bruno.subscriber)

    assert {("expired", "skipped", "muted"): 1} == _counts(store, t.notice)
    assert {("delivered",): 1} == _counts(store, t.parcel)
    assert {("",): 1} == _counts(store, t.subscription)
    assert [] == _differences(store)


def test_what_is_rolled_back_is_not_counted(store: Store, clock: FakeClock) -> None:
    def fail(connection: Connection) -> None:
        people.subscriber_of(connection, "ana@example.org", clock.now())
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.transact(fail)

    assert {} == _counts(store, t.subscriber)


def test_a_row_that_is_there_already_is_not_counted_twice(store: Store, follow: Follow) -> None:
    follow()
    follow()

    assert {("",): 1} == _counts(store, t.parcel)
    assert [] == _differences(store)


WRITERS, TIMES = 6, 25


def test_writers_at_once_neither_wait_for_each_other_nor_miscount(
    store: Store, clock: FakeClock
) -> None:
    """Each writes the kinds in another order: with one row for a kind, two would deadlock.

    All hold their transactions until the last has counted (PostgreSQL), so that a slot that two
    of them used would keep this from ending.
    """
    together = Barrier(WRITERS)
    held = store.engine.dialect.name == "postgresql"

    def note(connection: Connection, writer: int, serial: int) -> None:
        name = f"{writer}-{serial}"
        owner = people.subscriber_of(connection, f"p{name}@example.org", clock.now())
        parcel = parcels.lock_named(connection, [f"LP{name}"], clock.now()).named[f"LP{name}"]
        mine, _ = subscriptions.follow_parcel(connection, owner, parcel, [], [], clock.now())
        kinds = ["expired", "stalled", "pickup_reminder"]
        for kind in kinds[writer % 3 :] + kinds[: writer % 3]:
            notices.owe_follower(connection, mine, kind, occurrence="1", now=clock.now())
        if held:
            together.wait(timeout=60)

    def write(writer: int) -> None:
        for serial in range(TIMES):
            with store.write() as connection:
                note(connection, writer, serial)
            if serial % 5 == 4:
                with store.write() as connection:
                    name = f"p{writer}-{serial}@example.org"
                    owner = people.find_subscriber(connection, name)
                    assert owner is not None
                    erasure.erase(connection, owner)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))

    left = WRITERS * TIMES * 4 // 5
    assert {("",): left} == _counts(store, t.subscriber)
    assert 3 * left == sum(_counts(store, t.notice).values())
    assert [] == _differences(store)


def test_a_recount_tells_what_is_wrong_and_sets_it_right(store: Store, follow: Follow) -> None:
    follow()
    with store.write() as connection:
        connection.execute(
            update(t.row_count).where(t.row_count.c.table_name == "parcel"), {"total": 9}
        )
        connection.execute(delete(t.row_count).where(t.row_count.c.table_name == "subscriber"))

    found = store.transact(row_counts.mend)

    assert [Difference(t.parcel, "", 9, 1), Difference(t.subscriber, "", 0, 1)] == found
    assert [] == _differences(store) == store.transact(row_counts.mend)
    follow("LP00123456789013", "bruno@example.org")
    assert {("",): 2} == _counts(store, t.parcel)
    assert [] == _differences(store)


def test_a_restored_backup_is_counted(
    services: Services, store: Store, clock: FakeClock, follow: Follow
) -> None:
    follow()
    folder = services.settings.data_dir
    back_up(store, folder / "secret", folder / "backup.zip", clock.now())
    restored = open_store(Settings(database_url=f"sqlite:///{folder / 'new.db'}").store_url)
    restored.make()

    restore(restored, folder / "secret", folder / "backup.zip")

    assert {("",): 1} == _counts(restored, t.parcel)
    assert [] == _differences(restored)
    restored.close()
