"""Many workers, few parcels, one PostgreSQL: nobody waits for each other, no mail is lost."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from mailtrack.clock import FakeClock
from mailtrack.inbox.intake import Reader
from mailtrack.sandbox.mails import AUTHSERV_ID, FORWARD_TO
from mailtrack.store import inbound
from mailtrack.store import schema as t
from mailtrack.store.engine import Store

Rows = Callable[..., list[Mapping[str, Any]]]

WORKERS = 6
PEOPLE = 40
PARCELS = [f"LP0012345678901{n}" for n in range(4)]


@pytest.fixture
def database() -> str:
    """SQLite has one writer at a time."""
    return "postgresql"


@pytest.fixture
def workers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(WORKERS) as pool:
        yield pool


def _deadlocks(store: Store) -> int:
    query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    with store.read() as connection:
        connection.execute(text("SELECT pg_stat_force_next_flush()"))
        return int(connection.execute(text(query)).scalar_one())


def _typed(address: str, one: str, other: str, serial: int) -> bytes:
    """Return a mail that names two parcels, typed by a person who is proven."""
    return (
        f"Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d=example.org\r\n"
        f"From: {address}\r\nTo: {FORWARD_TO}\r\nSubject: Mes colis\r\n"
        f"Message-ID: <{serial}@example.org>\r\n\r\n{one}\r\n{other}\r\n"
    ).encode()


def test_people_who_forward_the_same_parcels_at_once_stand_in_nobodys_way(
    store: Store,
    clock: FakeClock,
    reader: Reader,
    workers: ThreadPoolExecutor,
    keep: Callable[[bytes], None],
    rows: Rows,
) -> None:
    """Each mail names two of four parcels, in either order; every mail is read once."""
    wanted = set()
    for n in range(PEOPLE * len(PARCELS)):
        address, turn = f"ana{n % PEOPLE}@example.org", n + n // PEOPLE
        named = PARCELS[turn % 4], PARCELS[(turn * 3 + 1) % 4]
        keep(_typed(address, *named, n))
        wanted |= {(address, number) for number in named}

    def work(token: str) -> None:
        with store.write() as connection:
            mails = inbound.claim_unread(
                connection, token=token, now=clock.now(), until=clock.later(120), limit=5
            )
        for mail in mails:
            reader.read(mail, token)

    list(workers.map(work, [f"token {n}" for n in range(PEOPLE)]))  # raises what they raised

    read = rows(t.inbound)
    assert [] == [row["reason"] for row in read if row["outcome"] not in ("tracked", "updated")]
    assert {0} == {row["attempts"] for row in read}
    assert 0 == _deadlocks(store)
    assert len(wanted) == len(rows(t.subscription))
