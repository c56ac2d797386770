"""What is forgotten leaves nothing: no row, and no byte in the files of the database."""

import json
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select, update

from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import InboundId, Outcome, PickupPoint, SubscriberId, SubscriptionId
from mailtrack.notify.links import Purpose
from mailtrack.runtime.services import Services
from mailtrack.store import (
    erasure,
    inbound,
    notices,
    orders,
    parcels,
    people,
    personal_data,
    subscriptions,
)
from mailtrack.store import schema as t
from mailtrack.store.engine import Store, open_store
from mailtrack.store.inbound import MailPlace, MailResult
from mailtrack.store.migrate import upgrade
from mailtrack.store.subscriptions import Subscription
from mailtrack.store.suppression import Suppression
from mailtrack.web.own_data import OwnData

pytestmark = pytest.mark.usefixtures("counted")

Rows = Callable[..., list[Mapping[str, Any]]]
Follow = Callable[..., Subscription]

LIST = Suppression("a secret of the tests")
ORDER = "3054169918880001"


@pytest.fixture
def order(store: Store, clock: FakeClock) -> Callable[..., SubscriptionId]:
    """Let somebody wait for the parcel of an order."""

    def make(number: str = ORDER, address: str = "ana@example.org") -> SubscriptionId:
        now = clock.now()
        with store.write() as connection:
            owner = people.subscriber_of(connection, address, now)
            bought = orders.order_of(connection, owner, number, "aliexpress", None, now)
            mine, _ = subscriptions.follow_order(connection, owner, bought, ["Tapis"], now)
        return mine

    return make


@pytest.fixture
def keep(store: Store, clock: FakeClock) -> Callable[[SubscriberId, bytes], None]:
    """Keep a mail of the first subscriber's that was read."""

    def make(owner: SubscriberId, raw: bytes) -> None:
        with store.write() as connection:
            inbound.keep(
                connection, MailPlace("me@host", "INBOX", 1, 1), raw, clock.now(), clock.now()
            )
            result = MailResult(
                Outcome.TRACKED, "", owner, "Fwd: Lampe", "<1@example.org>", names=("LP1", "LP2")
            )
            inbound.finish(connection, InboundId(1), result, clock.now())

    return make


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_after_an_erasure_no_file_holds_a_byte_of_the_person_while_the_service_goes_on(
    services: Services,
    store: Store,
    follow: Follow,
    keep: Callable[[SubscriberId, bytes], None],
    link: Callable[..., str],
    tmp_path: Path,
) -> None:
    """Neither the database, nor its log, nor a free page: strings are looked for in the files."""
    raw = b"Subject: x\r\n\r\n" + Random(7).randbytes(400_000)
    in_the_mail = zlib.compress(raw)[200_000:200_040]
    marks = [b"ana.martin@example.org", b"Lampe-de-bureau-42", in_the_mail]
    mine = follow(address="ana.martin@example.org", items=("Lampe-de-bureau-42",))
    keep(mine.subscriber, raw)
    bruno = follow("LP00123456789013", address="bruno@example.org")
    files = [tmp_path / f"mailtrack.db{end}" for end in ("", "-wal", "-shm")]

    def found() -> list[bytes]:
        return [mark for mark in marks if any(mark in file.read_bytes() for file in files)]

    with store.read() as at_work:
        assert at_work.execute(select(t.subscriber)).all()
    assert marks == found()
    OwnData(services).erase(link(Purpose.DATA, mine.subscriber).rpartition("/")[2])

    assert [] == found()
    with store.read() as at_work:
        assert [bruno.subscriber] == at_work.scalars(select(t.subscriber.c.id)).all()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_reader_that_holds_the_log_is_waited_for_and_then_left_to_housekeeping(
    store: Store, follow: Follow
) -> None:
    mine = follow()
    with store.read() as reader:
        reader.execute(select(t.subscriber)).all()
        with store.write() as connection:
            erasure.erase(connection, mine.subscriber)
        assert not store.truncate_log(seconds=0.0)

    assert store.truncate_log()


def test_the_database_and_its_folder_are_their_owner_s_alone(tmp_path: Path) -> None:
    file = tmp_path / "data" / "mailtrack.db"
    file.parent.mkdir(mode=0o700)
    file.touch(mode=0o644)
    store = open_store(f"sqlite:///{file}")
    upgrade(store)

    modes = {found.name: oct(found.stat().st_mode & 0o777) for found in file.parent.iterdir()}
    store.close()
    assert {"mailtrack.db", "mailtrack.db-wal", "mailtrack.db-shm"} == modes.keys()
    assert {"0o600"} == set(modes.values())


# --- with time --------------------------------------------------------------------------


def test_orders_without_a_parcel_are_forgotten_when_they_ended_or_can_bring_nothing_more(
    store: Store, order: Callable[..., SubscriptionId], clock: FakeClock, rows: Rows
) -> None:
    ended, _ = order("1000000000000001"), order("1000000000000002")
    with store.write() as connection:
        subscriptions.save_states(connection, {ended: (Milestone.CANCELLED, clock.now(), None)})
    began = clock.now()
    clock.advance(days=1)

    def left(ended_before: datetime, unended_before: datetime) -> list[str]:
        with store.write() as connection:
            erasure.forget_orders(connection, ended_before, unended_before)
        return [row["number"] for row in rows(t.shop_order)]

    assert 2 == len(left(began, began))
    assert ["1000000000000002"] == left(clock.now(), began)
    assert [] == left(clock.now(), clock.now())
    assert [] == rows(t.subscription)


def test_with_a_forgotten_parcel_go_the_numbers_of_its_orders(
    store: Store, follow: Follow, clock: FakeClock, rows: Rows
) -> None:
    mine, other = follow(), follow("LP00123456789013")
    with store.write() as connection:
        for number, carried in ((ORDER, [mine]), ("1000000000000002", [mine, other])):
            bought = orders.order_of(
                connection, mine.subscriber, number, "aliexpress", None, clock.now()
            )
            for one in carried:
                assert one.parcel is not None
                orders.join_parcel(connection, bought, one.parcel)
        assert mine.parcel is not None
        parcels.end(connection, mine.parcel, "delivered", clock.now())
        assert 1 == erasure.forget_parcels(connection, clock.now() + timedelta(days=1))

    assert ["1000000000000002"] == [row["number"] for row in rows(t.shop_order)]
    assert [other.id] == [row["id"] for row in rows(t.subscription)]


def test_a_parcel_that_somebody_comes_to_follow_again_is_not_forgotten(
    store: Store, follow: Follow, clock: FakeClock, rows: Rows
) -> None:
    mine = follow()
    assert mine.parcel is not None
    with store.write() as connection:
        parcels.end(connection, mine.parcel, "nobody_follows", clock.now())
        parcels.wake(connection, mine.parcel, clock.now())
        assert 0 == erasure.forget_parcels(connection, clock.now() + timedelta(days=1))

    assert [mine.id] == [row["id"] for row in rows(t.subscription)]


def test_with_a_mail_s_bytes_go_the_numbers_that_it_named(
    store: Store,
    follow: Follow,
    keep: Callable[[SubscriberId, bytes], None],
    clock: FakeClock,
    rows: Rows,
) -> None:
    keep(follow().subscriber, b"x")
    assert ["LP1,LP2"] == [row["names"] for row in rows(t.inbound)]
    with store.write() as connection:
        erasure.forget_raw(connection, clock.now() + timedelta(seconds=1))

    (row,) = rows(t.inbound)
    assert (None, "", "", "") == (row["raw"], row["subject"], row["message_id"], row["names"])


def test_a_mail_that_waits_to_be_read_again_is_erased_and_never_read(
    store: Store, follow: Follow, keep: Callable[[SubscriberId, bytes], None], clock: FakeClock
) -> None:
    mine = follow()
    keep(mine.subscriber, b"Subject: colis")
    with store.write() as connection:
        inbound.reread(connection, clock.now())
        erasure.erase(connection, mine.subscriber)
        waiting = inbound.claim_unread(
            connection, token="t", now=clock.now(), until=clock.later(60), limit=9
        )

    assert [] == waiting


# --- what may be taken along --------------------------------------------------------------


def test_an_export_has_the_mails_still_kept_and_what_each_was_about_and_nothing_of_others(
    services: Services,
    store: Store,
    follow: Follow,
    keep: Callable[[SubscriberId, bytes], None],
    clock: FakeClock,
    link: Callable[..., str],
) -> None:
    mine = follow()
    others = follow(address="bruno@example.org", items=("Guirlande",))
    keep(mine.subscriber, "Subject: été\r\n\r\nVoilà\r\n".encode())
    with store.write() as connection:
        connection.execute(
            update(t.parcel).values(pickup_name="Tabac de la Gare", pickup_address="Lyon")
        )
        for owner, code in ((mine.id, "482913"), (others.id, "Q48213")):
            subscriptions.note_pickup(connection, owner, PickupPoint("Tabac", code=code))
        now = clock.now()
        notices.owe(
            connection, mine.subscriber, "registered", subscription_id=mine.id, at=now, now=now
        )
    told = OwnData(services).export(link(Purpose.DATA, mine.subscriber).rpartition("/")[2])

    (parcel,) = told["parcels"]
    assert "Tabac de la Gare" == parcel["pickup_point"]["name"]
    assert "482913" == parcel["pickup_in_mails"]["code"]
    assert told["personal_address"].startswith("colis+")
    assert ["Subject: été\r\n\r\nVoilà\r\n"] == [m["mail"] for m in told["mails_received"]]
    assert [["LP1", "LP2"]] == [m["names"] for m in told["mails_received"]]
    assert ["LP00123456789012"] == [m["about"] for m in told["mails_sent"]]
    assert [] == [word for word in ("bruno", "Guirlande", "Q48213") if word in json.dumps(told)]


def test_a_kept_mail_that_is_no_text_is_exported_all_the_same(
    store: Store, follow: Follow, keep: Callable[[SubscriberId, bytes], None], services: Services
) -> None:
    mine = follow()
    keep(mine.subscriber, b"\xff\xfe\x00")
    with store.read() as connection:
        told = personal_data.everything_about_subscriber(
            connection, mine.subscriber, services.addresses.of
        )

    assert ["//4A"] == [mail["mail_base64"] for mail in told["mails_received"]]
