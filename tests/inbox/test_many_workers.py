"""Many workers, few parcels, one PostgreSQL: nobody waits for each other, no mail is lost."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text, update

from mailtrack.carriers.fake import FakeCarrier
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PollResult, PollState, TrackingEvent
from mailtrack.inbox.intake import Reader
from mailtrack.sandbox.mails import AUTHSERV_ID, FORWARD_TO
from mailtrack.store import inbound
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from tests.inbox.forwards import by_shop

pytestmark = pytest.mark.usefixtures("counted")

Rows = Callable[..., list[Mapping[str, Any]]]

WORKERS = 6
PEOPLE = 40
PARCELS = [f"LP0012345678901{n}" for n in range(4)]
LOCALS = ["6A12345678905", "6A12345678912", "6A12345678929", "6A12345678936"]


@pytest.fixture
def database() -> str:
    """SQLite has one writer at a time."""
    return "postgresql"


@pytest.fixture
def workers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(WORKERS) as pool:
        yield pool


@pytest.fixture
def work(store: Store, clock: FakeClock, reader: Reader) -> Callable[[str], None]:
    """Claim some mails and read them."""

    def make(token: str) -> None:
        with store.write() as connection:
            mails = inbound.claim_unread(
                connection, token=token, now=clock.now(), until=clock.later(120), limit=5
            )
        reader.read(mails, token)

    return make


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
    work: Callable[[str], None],
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

    list(workers.map(work, [f"token {n}" for n in range(PEOPLE)]))  # raises what they raised

    read = rows(t.inbound)
    assert [] == [row["reason"] for row in read if row["outcome"] not in ("tracked", "updated")]
    assert {0} == {row["attempts"] for row in read}
    assert 0 == _deadlocks(store)
    assert len(wanted) == len(rows(t.subscription))


@pytest.fixture
def ask_all(store: Store, clock: FakeClock, poll: Callable[..., int]) -> Callable[[], None]:
    """Ask the carriers about everything."""

    def make() -> None:
        with store.write() as connection:
            connection.execute(update(t.leg).values(next_poll_at=clock.now()))
        for carrier in ("laposte", "cainiao"):
            poll(carrier)

    return make


def test_people_who_pair_the_same_parcels_stand_in_nobodys_way_while_carriers_answer(
    work: Callable[[str], None],
    workers: ThreadPoolExecutor,
    poll: Callable[..., int],
    ask_all: Callable[[], None],
    carriers: dict[str, FakeCarrier],
    clock: FakeClock,
    keep: Callable[[bytes], None],
    rows: Rows,
    store: Store,
) -> None:
    """Each mail gives one of four parcels one of four local numbers; both are asked about."""
    steps = {"cainiao": Milestone.IN_TRANSIT, "laposte": Milestone.OUT_FOR_DELIVERY}
    for carrier, numbers in {"cainiao": PARCELS, "laposte": LOCALS}.items():
        told = TrackingEvent(clock.now(), steps[carrier], carrier, "1")
        results = [PollResult(number, PollState.FOUND, (told,)) for number in numbers]
        carriers[carrier].script(*results)
    for n in range(PEOPLE * 2):
        turn = n + n // PEOPLE
        pair = PARCELS[turn % 4], LOCALS[(turn * 3 + 1) % 4]
        keep(by_shop(f"ana{n % PEOPLE}@example.org", *pair))

    def work_and_poll(token: str) -> None:
        """A newcomer has both asked about anew."""
        work(token)
        for carrier in steps:
            poll(carrier)

    list(workers.map(work_and_poll, [f"token {n}" for n in range(PEOPLE)]))

    read = rows(t.inbound)
    assert [] == [row["reason"] for row in read if row["outcome"] != "tracked"]
    assert {0} == {row["attempts"] for row in read}
    assert 0 == _deadlocks(store)
    ask_all()
    mine = rows(t.subscription)
    assert PEOPLE * 2 == len(mine)
    assert {"out_for_delivery"} == {row["milestone"] for row in mine}
    told_of = [row["subscription_id"] for row in rows(t.notice, kind="out_for_delivery")]
    assert sorted(row["id"] for row in mine) == sorted(told_of)
