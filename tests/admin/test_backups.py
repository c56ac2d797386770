"""A backup is everything, fits either database, and is never half of it."""

import io
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, insert, select

from mailtrack.admin.backups import KeptAway, back_up, keep_away, read_in, restore, write_out
from mailtrack.clock import FakeClock
from mailtrack.domain.channels import ChannelKind, ChannelMode
from mailtrack.domain.milestones import Milestone
from mailtrack.errors import ConfigurationError
from mailtrack.runtime.services import Services
from mailtrack.settings import Settings
from mailtrack.store import (
    channels,
    inbound,
    invitations,
    notices,
    orders,
    parcels,
    people,
    personal_data,
    shared_subscriptions,
    subscriptions,
)
from mailtrack.store import schema as t
from mailtrack.store.channels import NewChannel
from mailtrack.store.engine import Store, open_store
from mailtrack.store.inbound import MailPlace
from mailtrack.store.migrate import upgrade
from mailtrack.store.shared_subscriptions import Unshared
from mailtrack.store.subscriptions import Subscription
from mailtrack.store.suppression import Suppression

_OF_THE_MOMENT = {"catch_up", "lease", "leg_claim", "oauth_token", "relay"}
NOW = datetime(2026, 3, 3, 14, 5, tzinfo=UTC)


@pytest.fixture
def lived_in(store: Store, follow: Callable[..., Subscription], clock: FakeClock) -> Store:
    """A store with rows in every table; Bruno follows by an invitation of Ana's."""
    mine, theirs, now = follow(), follow(address="bruno@example.org"), clock.now()
    place = MailPlace("colis@mail.example.org", "INBOX", 7, 42)
    with store.write() as connection:
        inbound.keep(connection, place, b"raw \x00 bytes", now, now)
        inbound.advance(connection, place, now)
        order = orders.order_of(
            connection, mine.subscriber, "3054169918880001", "aliexpress", now.date(), now
        )
        assert mine.parcel is not None
        orders.join_parcel(connection, order, mine.parcel)
        told = subscriptions.mail_event_of(Milestone.SHIPPED, "order_shipped", now)
        subscriptions.add_mail_event(connection, mine.id, told)
        sealed, masked = b"sealed \x00 bytes", "hooks.example.org/abc…"
        webhook = NewChannel(ChannelKind.WEBHOOK, ChannelMode.BESIDE, sealed, masked)
        _, key = channels.add(connection, mine.subscriber, webhook, now)
        channels.prove(connection, key, now)  # what is owed by mail is owed there, too
        notices.owe_follower(connection, mine.id, "stalled", occurrence="1", now=now)
        invited = invitations.add(
            connection, mine.subscriber, mine.id, "bruno@example.org", now, mailed=True
        )
        invitations.accept(connection, [invited], now)
        shared = Unshared(invited.id, mine.id, theirs.subscriber)
        shared_subscriptions.share(connection, theirs.id, shared)
        connection.execute(insert(t.suppressed).values(key="a" * 64, why="erased", at=now))
        for table, row in _SMALL_ROWS.items():
            connection.execute(insert(table).values(**row(mine, clock)))
    return store


_SMALL_ROWS: Mapping[Table, Callable[[Subscription, FakeClock], Mapping[str, Any]]] = {
    t.carrier: lambda _, clock: {
        "code": "cainiao",
        "day": clock.now().date(),
        "spent": 3,
        "tokens": 0.5,
        "filled_at": clock.now(),
        "price_h": 0.3,
    },
    t.unmapped: lambda _, clock: {
        "carrier": "cainiao",
        "code": "X",
        "text": "Étrange",
        "times": 1,
        "first_at": clock.now(),
        "last_at": clock.now(),
    },
    t.housekeeping: lambda _, clock: {
        "name": "all",
        "done_at": clock.now(),
        "steady_since": clock.now(),
    },
    t.promise: lambda mine, clock: {
        "parcel_id": mine.parcel,
        "milestone": "in_transit",
        "made_at": clock.now(),
        **dict.fromkeys(("followed_on", "reached_on", "first_day"), clock.now().date()),
        **dict.fromkeys(("middle_day", "last_day"), clock.now().date()),
    },
    t.stage_tally: lambda *_: {
        **dict.fromkeys(("first_carrier", "last_carrier"), "cainiao"),
        "milestone": "in_transit",
        "measure": "stay",
        "service": "",
        "day": 7,
        "ended": 3,
        "left": 1,
    },
    t.forecast_score: lambda *_: {
        "milestone": "in_transit",
        "parcels": 4,
        "held": 3,
        "width": 20,
        **dict.fromkeys(("loss", "published_loss", "mean_loss"), 6.5),
    },
    t.doubtful_number: lambda mine, clock: {
        "subscriber_id": mine.subscriber,
        "number": "6A15602676301",
        "carriers": "laposte",
        "why": "check_digit",
        "trace": "trace",
        "asked_at": clock.now(),
    },
    t.proof: lambda mine, clock: {
        "subscription_id": mine.id,
        "made_at": clock.now(),
        "content": "{}",
    },
    t.calendar: lambda mine, clock: {
        "id": 1,
        "subscriber_id": mine.subscriber,
        "created_at": clock.now(),
        "refreshed_at": clock.now(),
    },
    t.calendar_event: lambda mine, clock: {
        "calendar_id": 1,
        "subscription_id": mine.id,
        "kind": "pickup",
        "first_day": clock.now().date(),
        "last_day": clock.now().date(),
        "title": "Dernier jour de retrait",
        "details": "",
        "place": "",
        "sequence": 0,
        "changed_at": clock.now(),
    },
    t.named_carrier: lambda mine, _: {
        "subscription_id": mine.id,
        "number": "12345678",
        "carrier": "mondialrelay",
    },
    t.wording: lambda *_: {
        "id": 1,
        "digest": b"digest",
        "milestone": "in_transit",
        "source": "cainiao",
        "code": "",
        "text": "Arrivé",
        "place": "Paris",
        "certainty": "known",
    },
    t.tracking_event: lambda mine, clock: {
        "parcel_id": mine.parcel,
        "fingerprint": 1,
        "wording_id": 1,
        "at": clock.now(),
        "at_certain": True,
        "mark": "",
        "seen_at": clock.now(),
    },
}


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A new store to restore into, without a single table."""
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path / 'new' / 'mailtrack.db'}"
    else:
        server = request.getfixturevalue("postgres")
        address = server.address(server.create("template0"))
    target = open_store(Settings(database_url=address).store_url)
    yield target
    target.close()


def _everything(store: Store) -> Mapping[str, list[Mapping[str, Any]]]:
    with store.read() as connection:
        return {
            table.name: [
                dict(row._mapping)
                for row in connection.execute(select(table).order_by(*table.primary_key.columns))
            ]
            for table in t.metadata.sorted_tables
            if table is not t.row_count  # its sums are the same, its slots need not be
        }


def test_a_backup_restores_every_row_into_either_database(
    lived_in: Store, empty: Store, tmp_path: Path
) -> None:
    before = _everything(lived_in)
    assert _OF_THE_MOMENT == {name for name, rows in before.items() if not rows}

    rows = back_up(lived_in, tmp_path / "none", tmp_path / "all.zip", NOW)
    restored = restore(empty, tmp_path / "none", tmp_path / "all.zip")

    assert rows == restored.rows == sum(map(len, before.values()))
    assert before == _everything(empty)


def test_a_backup_can_leave_a_container_without_a_file_and_come_back(
    lived_in: Store, empty: Store, tmp_path: Path
) -> None:
    stream = io.BytesIO()

    rows = write_out(lived_in, tmp_path / "none", stream, NOW)
    stream.seek(0)
    restored = read_in(empty, tmp_path / "none", stream)

    assert rows == restored.rows > 0
    assert [] == [file.name for file in tmp_path.glob(".backup-*")]


def test_a_backup_is_not_poured_over_a_terminal(lived_in: Store, tmp_path: Path) -> None:
    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()

    with pytest.raises(ConfigurationError, match=r"mailtrack backup - > backup\.zip"):
        write_out(lived_in, tmp_path / "none", terminal, NOW)
    assert b"" == terminal.getvalue()


def test_after_a_restore_new_rows_get_numbers_of_their_own(
    lived_in: Store, empty: Store, tmp_path: Path, clock: FakeClock
) -> None:
    back_up(lived_in, tmp_path / "none", tmp_path / "all.zip", NOW)
    restore(empty, tmp_path / "none", tmp_path / "all.zip")

    with empty.write() as connection:
        found = parcels.lock_named(connection, ["LP00999999999999"], clock.now()).named

    assert {"LP00999999999999": 2} == found


def test_a_restore_tells_when_the_backup_was_made_and_how_many_hear_of_something_by_it(
    lived_in: Store, empty: Store, tmp_path: Path
) -> None:
    back_up(lived_in, tmp_path / "none", tmp_path / "all.zip", NOW)
    restored = restore(empty, tmp_path / "none", tmp_path / "all.zip")

    assert (NOW, 2) == (restored.made_at, restored.subscribed)


def test_who_left_was_erased_or_stopped_since_the_backup_can_be_kept_away(
    store: Store,
    empty: Store,
    follow: Callable[..., Subscription],
    clock: FakeClock,
    tmp_path: Path,
) -> None:
    suppression = Suppression("a secret of the tests")
    ana, bruno, carla, dora = (
        follow(f"LP0012345678901{n}", f"{name}@example.org")
        for n, name in enumerate(("ana", "bruno", "carla", "dora"))
    )
    back_up(store, tmp_path / "none", tmp_path / "all.zip", clock.now())
    clock.advance(hours=1)
    with store.write() as connection:
        people.unsubscribe(connection, ana.subscriber, clock.now())
        personal_data.erase_at_their_word(connection, bruno.subscriber, suppression, clock.now())
        subscriptions.mute(connection, carla.id, clock.now())
    restore(empty, tmp_path / "none", tmp_path / "all.zip")

    kept = keep_away(empty, store, suppression)
    with empty.read() as connection:
        left = people.left_at(connection, ana.subscriber)
        gone = people.find_subscriber(connection, "bruno@example.org")
        again = suppression.find(connection, "bruno@example.org")
        followed = subscriptions.read(connection, [carla.id, dora.id])

    assert KeptAway(left=1, erased=1, muted=2) == kept
    assert (clock.now(), None) == (left, gone)
    assert again is not None
    assert [True, False] == [mine.muted for mine in followed]


def test_a_link_never_opens_what_another_person_got_after_a_restore(
    store: Store,
    empty: Store,
    follow: Callable[..., Subscription],
    clock: FakeClock,
    services: Services,
    tmp_path: Path,
) -> None:
    """Bruno's rows are younger than the backup; after it, Carla's get their numbers."""
    follow()
    back_up(store, tmp_path / "none", tmp_path / "all.zip", clock.now())
    bruno = follow("LP00123456789013", "bruno@example.org")
    restore(empty, tmp_path / "none", tmp_path / "all.zip")
    with empty.write() as connection:
        carla = people.subscriber_of(connection, "carla@example.org", clock.now())
        assert carla == bruno.subscriber
        with store.read() as before:
            key = people.key_of(before, bruno.subscriber)

        assert None is people.by_key(connection, key)
        assert None is subscriptions.by_key(connection, bruno.key)


def test_the_secret_of_the_links_comes_along(lived_in: Store, tmp_path: Path) -> None:
    kept, put = tmp_path / "links.secret", tmp_path / "elsewhere" / "links.secret"
    kept.write_text("hush")
    back_up(lived_in, kept, tmp_path / "all.zip", NOW)
    target = open_store(f"sqlite:///{tmp_path / 'new.db'}")

    restored = restore(target, put, tmp_path / "all.zip")
    target.close()

    assert put == restored.secret
    assert ("hush", 0o600) == (put.read_text(), stat.S_IMODE(put.stat().st_mode))


def test_a_backup_is_for_its_owner_alone_and_leaves_nothing_beside_it(
    lived_in: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()

    back_up(lived_in, tmp_path / "none", folder / "all.zip", NOW)

    assert [folder / "all.zip"] == list(folder.iterdir())
    assert 0o600 == stat.S_IMODE((folder / "all.zip").stat().st_mode)


def test_a_database_with_rows_is_not_written_over(lived_in: Store, tmp_path: Path) -> None:
    back_up(lived_in, tmp_path / "none", tmp_path / "all.zip", NOW)
    before = _everything(lived_in)

    with pytest.raises(ConfigurationError, match=r"not empty.*a new one"):
        restore(lived_in, tmp_path / "none", tmp_path / "all.zip")

    assert before == _everything(lived_in)


@pytest.mark.parametrize("content", [None, b"", b"not a backup", b"PK\x03\x04 torn"])
def test_what_is_no_backup_is_said_in_one_line(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "all.zip"
    if content is not None:
        file.write_bytes(content)
    target = open_store(f"sqlite:///{tmp_path / 'new.db'}")

    with pytest.raises(ConfigurationError, match=r"all\.zip"):
        restore(target, tmp_path / "none", file)
    target.close()


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("holiday.txt", "sun")
    target = open_store(f"sqlite:///{tmp_path / 'new.db'}")

    with pytest.raises(ConfigurationError, match="no backup of ours: no store in it"):
        restore(target, tmp_path / "none", tmp_path / "all.zip")
    target.close()


def test_a_backup_that_cannot_be_written_leaves_the_former_one(
    lived_in: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "all.zip"
    file.write_bytes(b"the former one")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mailtrack.admin.backups.copy", full)
    with pytest.raises(ConfigurationError, match=r"all\.zip: No space left"):
        back_up(lived_in, tmp_path / "none", file, NOW)

    assert b"the former one" == file.read_bytes()


def test_a_backup_of_an_older_version_is_brought_up_to_date(tmp_path: Path, empty: Store) -> None:
    old = open_store(f"sqlite:///{tmp_path / 'mailtrack.db'}")
    upgrade(old, "0001")
    old.close()
    with zipfile.ZipFile(tmp_path / "old.zip", "w") as archive:
        archive.write(tmp_path / "mailtrack.db", "mailtrack.db")

    restored = restore(empty, tmp_path / "none", tmp_path / "old.zip")

    assert 0 == restored.rows
