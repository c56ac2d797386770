"""Answers of one request are taken in together: cheaper than one by one, with the same outcome."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, Table, select

from mailtrack.carriers.fake import FakeCarrier
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import (
    Certainty,
    ParcelId,
    PollResult,
    PollState,
    SubscriptionId,
    TrackingEvent,
)
from mailtrack.notify.view import NoticeKind
from mailtrack.store import engine, leg_claims, local_parcels, notices, parcels, subscriptions
from mailtrack.store import people as subscribers
from mailtrack.store import schema as t
from mailtrack.store.engine import Store, open_store
from mailtrack.store.subscriptions import Subscription
from mailtrack.tracking.polling import Poller

Rows = Callable[..., list[Mapping[str, Any]]]
Follow = Callable[..., Subscription]
Poll = Callable[..., int]
Scan = Callable[..., TrackingEvent]
Found = Callable[..., PollResult]

#: Two parcels of which one has the local number that a mail gave the other; and a leg with a
#: local number beside that of its parcel.
NUMBERS = [f"LP{n:014}" for n in range(6)]
PAIRED, LOCAL, TWICE, SECOND = NUMBERS[0], "6A12345678905", NUMBERS[1], "6A12345678912"
#: What may differ: when the next poll is depends on chance, and keys are random.
VARIES = frozenset({"next_poll_at", "key"})
WRITTEN = (
    *(t.leg, t.leg_claim, t.parcel, t.tracking_event, t.wording, t.notice, t.promise),
    *(t.subscription, t.unmapped, t.stage_tally, t.channel_notice),
)


def _written(store: Store) -> dict[str, list[dict[str, Any]]]:
    with store.read() as connection:
        return {table.name: _rows(connection, table) for table in WRITTEN}


def _rows(connection: Connection, table: Table) -> list[dict[str, Any]]:
    """Return the rows of a table in an order of their own, not in that of their numbers."""
    found = connection.execute(select(table)).mappings()
    kept = ({k: v for k, v in row.items() if k not in VARIES} for row in found)
    without_numbers = table in (t.tracking_event, t.wording, t.notice)
    rows = [{k: v for k, v in row.items() if k != "id" or not without_numbers} for row in kept]
    for row in rows:
        row.pop("wording_id", None)
    return sorted(rows, key=repr)


def _people_follow(connection: Connection, clock: FakeClock) -> None:
    """Let three people follow the parcels: one has stopped, one pairs two, one waits for word."""
    now = clock.now()
    all_numbers = [*NUMBERS, LOCAL]
    known = parcels.lock_named(connection, all_numbers, now).named
    mine: dict[tuple[str, str], SubscriptionId] = {}
    for name in ("ana", "eve", "leo"):
        owner = subscribers.subscriber_of(connection, f"{name}@example.org", now)
        for number in NUMBERS:
            mine[name, number], _ = subscriptions.follow_parcel(
                connection, owner, known[number], [], ["Lampe"], now
            )
    for number in all_numbers:
        parcels.add_leg(connection, known[number], "cainiao", number, now)
    parcels.add_leg(connection, known[TWICE], "cainiao", SECOND, now, is_local=True)
    local_parcels.attach(connection, mine["ana", PAIRED], known[LOCAL])
    subscriptions.mute(connection, mine["leo", NUMBERS[2]], now)
    for number in NUMBERS[:3]:
        owner = subscribers.subscriber_of(connection, "eve@example.org", now)
        notices.owe(
            connection,
            owner,
            NoticeKind.REGISTERED,
            at=clock.later(120),
            now=now,
            subscription_id=mine["eve", number],
        )


def _answers(rng: Random, clock: FakeClock) -> list[PollResult]:
    """Return what a carrier says of all numbers, each as it may be."""
    steps = [
        *(Milestone.SHIPPED, Milestone.IN_TRANSIT, Milestone.ARRIVED_IN_COUNTRY),
        *(Milestone.CUSTOMS_CLEARED, Milestone.UNKNOWN, Milestone.OUT_FOR_DELIVERY),
        *(Milestone.PICKUP_AVAILABLE, Milestone.DELIVERED, Milestone.RETURNING),
    ]
    results = []
    for number in [*NUMBERS, LOCAL, SECOND]:
        events = tuple(
            TrackingEvent(
                clock.now() - timedelta(hours=rng.randrange(1, 90)),
                step := rng.choice(steps),
                "cainiao",
                step,
                f"{step} said",
                mark=f"{number[-3:]} {step}",
                certainty=rng.choice(list(Certainty)),
            )
            for _ in range(rng.randrange(4))
        )
        state = PollState.FOUND if events else rng.choice(list(PollState))
        result = PollResult(number, state, events, hint=rng.choice(["", "no such number"]))
        results.append(replace(result, local_number=rng.choice([None, None, "6A12345678929"])))
    return results


@pytest.fixture
def two_stores(tmp_path: Path, blank_sqlite: Path) -> Iterator[list[Store]]:
    stores = []
    for name in ("together", "alone"):
        shutil.copy(blank_sqlite, tmp_path / f"{name}.db")
        stores.append(open_store(f"sqlite:///{tmp_path / name}.db"))
    yield stores
    for store in stores:
        store.close()


@pytest.mark.parametrize("seed", range(6))
def test_answers_taken_in_together_come_to_what_each_comes_to_alone(
    two_stores: list[Store], clock: FakeClock, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Several rounds of answers: the same again, more, less, of pairs, of two legs of a parcel."""
    for store in two_stores:
        with store.write() as connection:
            _people_follow(connection, clock)
    rng, carrier = Random(seed), FakeCarrier("cainiao")
    for round_ in range(5):
        clock.advance(hours=12)
        answers = _answers(rng, clock)
        for store, together in zip(two_stores, (10, 1), strict=True):
            monkeypatch.setattr(engine, "MOST_TOGETHER", together)
            carrier = FakeCarrier("cainiao")
            carrier.script(*answers)
            poller = Poller(
                store,
                {"cainiao": carrier},
                {"cainiao": carrier.declaration},
                clock,
                Random(7),
            )
            with store.write() as connection:
                connection.execute(t.leg.update().values(next_poll_at=clock.now()))
                legs = leg_claims.claim_legs(
                    connection,
                    "cainiao",
                    token=f"{round_}",
                    now=clock.now(),
                    until=clock.later(60),
                    limit=100,
                )
            poller.poll("cainiao", sorted(legs), f"{round_}")

        together_, alone = map(_written, two_stores)
        assert alone == together_


def test_answers_that_bring_nothing_new_ask_the_store_little_however_many_they_are(
    follow: Follow,
    clock: FakeClock,
    carriers: dict[str, FakeCarrier],
    poll: Poll,
    scan: Scan,
    found: Found,
    rows: Rows,
    statements: Callable[[], list[str]],
) -> None:
    """Mostly nothing is new, and nobody's notices or histories are read for that."""

    def ask(numbers: list[str]) -> list[str]:
        for number in numbers:
            follow(number)
            carriers["cainiao"].script(found(scan(Milestone.IN_TRANSIT), number=number))
        poll()
        clock.advance(hours=24)
        known = len(rows(t.leg))
        statements()
        assert known == poll()
        return statements()

    few, many = ask(NUMBERS[:2]), ask(NUMBERS[2:])

    assert len(few) == len(many) <= 12
    assert not any("notice" in asked for asked in many)


def test_two_numbers_of_one_parcel_in_one_answer_tell_of_one_happening_once(
    store: Store,
    follow: Follow,
    clock: FakeClock,
    carriers: dict[str, FakeCarrier],
    poll: Poll,
    scan: Scan,
    found: Found,
    rows: Rows,
) -> None:
    mine = follow()
    assert mine.parcel is not None
    with store.write() as connection:
        parcels.add_leg(connection, mine.parcel, "cainiao", SECOND, clock.now(), is_local=True)
    delivered = scan(Milestone.DELIVERED)
    carriers["cainiao"].script(
        found(delivered), found(replace(delivered, mark="another"), number=SECOND)
    )
    poll()

    assert [Milestone.DELIVERED] == [row["kind"] for row in rows(t.notice, state="due")]
    assert 2 == len(rows(t.tracking_event))


def test_an_answer_that_cannot_be_stored_takes_no_other_with_it(
    follow: Follow,
    carriers: dict[str, FakeCarrier],
    poll: Poll,
    scan: Scan,
    found: Found,
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where they share a transaction."""
    broken = follow(NUMBERS[0]).parcel
    follow(NUMBERS[1])
    for number in NUMBERS[:2]:
        carriers["cainiao"].script(found(scan(Milestone.IN_TRANSIT), number=number))
    news = parcels.of_news

    def break_on_one(connection: Connection, told: Mapping[ParcelId, Any]) -> list[ParcelId]:
        assert broken not in told
        return news(connection, told)

    monkeypatch.setattr(parcels, "of_news", break_on_one)
    poll()

    assert [("", 1), ("found", 0)] == [(row["state"], row["failures"]) for row in rows(t.leg)]
    assert 1 == len(rows(t.tracking_event))
