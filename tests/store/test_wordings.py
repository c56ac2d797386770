"""How carriers say things is kept once, and goes with the last event that has it."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest

from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import TrackingEvent
from mailtrack.store import erasure, inbound, parcels
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.inbound import MailPlace
from mailtrack.store.subscriptions import Subscription

Follow = Callable[..., Subscription]
Rows = Callable[..., list[Mapping[str, Any]]]


def _tell(store: Store, clock: FakeClock, mine: Subscription, *texts: str) -> None:
    assert mine.parcel is not None
    events = [
        TrackingEvent(clock.now(), Milestone.DELIVERED, "laposte", "DI1", text, mark=text)
        for text in texts
    ]
    with store.write() as connection:
        parcels.lock(connection, mine.parcel)
        parcels.add_events_of_each(connection, {mine.parcel: events}, clock.now())


def _texts(rows: Rows) -> list[str]:
    return [row["text"] for row in rows(t.wording)]


def test_what_is_said_of_many_parcels_is_kept_once(
    store: Store, clock: FakeClock, follow: Follow, rows: Rows
) -> None:
    for number in range(3):
        mine = follow(f"LP0012345678901{number}")
        _tell(store, clock, mine, "Votre colis est livré.", "Remis à M. Exemple")

    assert ["Remis à M. Exemple", "Votre colis est livré."] == sorted(_texts(rows))
    assert 6 == len(rows(t.tracking_event))


def test_whoever_is_named_is_forgotten_with_the_last_parcel_of_which_it_was_said(
    store: Store, clock: FakeClock, follow: Follow, rows: Rows
) -> None:
    ana, bruno = follow(), follow("LP00123456789013", "bruno@example.org")
    _tell(store, clock, ana, "Votre colis est livré.", "Remis à Ana Exemple")
    _tell(store, clock, bruno, "Votre colis est livré.")

    store.transact(lambda connection: erasure.erase(connection, ana.subscriber))
    assert ["Votre colis est livré."] == _texts(rows)

    assert bruno.parcel is not None
    with store.write() as connection:
        parcels.end(connection, bruno.parcel, "delivered", clock.now())
    clock.advance(days=2)
    store.transact(lambda connection: erasure.forget_parcels(connection, clock.now()))
    assert [] == rows(t.wording)


def test_an_event_never_loses_the_words_that_somebody_else_s_erasure_takes(
    store: Store, clock: FakeClock, follow: Follow, rows: Rows
) -> None:
    """One parcel after another is the last of which it was said, while it is said of the next."""
    rounds = 15
    mine = [follow(f"LP00{n:012}", f"p{n}@example.org") for n in range(rounds)]
    _tell(store, clock, mine[0], "Livré")
    together = Barrier(2)

    def erase() -> None:
        for one in mine[:-1]:
            together.wait(timeout=60)
            store.transact(partial(erasure.erase, owner=one.subscriber))

    def tell() -> None:
        for one in mine[1:]:
            together.wait(timeout=60)
            _tell(store, clock, one, "Livré")

    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(erase), pool.submit(tell)]
        for each in done:
            each.result()

    assert mine[-1].parcel is not None
    with store.read() as connection:
        assert ["Livré"] == [e.text for e in parcels.history(connection, mine[-1].parcel)]
    assert 1 == len(rows(t.wording))


@pytest.mark.parametrize("size", [0, 3, 50_000])
def test_a_mail_is_kept_in_fewer_bytes_and_read_as_it_came(
    store: Store, clock: FakeClock, rows: Rows, size: int
) -> None:
    raw = b"x\x9c not zlib" if size == 0 else b"Subject: y\r\n\r\n" + b"Bonjour " * size
    with store.write() as connection:
        place = MailPlace("colis@host", "INBOX", 1, 1)
        inbound.keep(connection, place, raw, clock.now(), clock.now())
        kept = connection.exec_driver_sql("SELECT length(raw) FROM inbound").scalar_one()

    assert [raw] == [row["raw"] for row in rows(t.inbound)]
    assert size < 50_000 or kept < len(raw) / 100
