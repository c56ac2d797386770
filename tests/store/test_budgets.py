"""What carriers may be asked: kept in the store, spent once, whoever asks."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from mailtrack.clock import FakeClock
from mailtrack.domain.scheduling import PRICE_H
from mailtrack.settings import Settings
from mailtrack.store import budgets
from mailtrack.store import schema as t
from mailtrack.store.engine import Store, open_store

Rows = Callable[..., list[Mapping[str, Any]]]


def _take(store: Store, clock: FakeClock, wanted: int, per_second: float, per_day: int) -> int:
    with store.write() as connection:
        return budgets.take(
            connection,
            "cainiao",
            wanted,
            per_second=per_second,
            per_day=per_day,
            now=clock.now(),
        )


def test_a_restart_does_not_refill_the_day(
    store: Store, settings: Settings, clock: FakeClock
) -> None:
    assert 8 == _take(store, clock, 8, per_second=100, per_day=10)
    clock.advance(hours=1)

    reopened = open_store(settings.store_url)
    assert 2 == _take(reopened, clock, 5, per_second=100, per_day=10)
    assert 0 == _take(reopened, clock, 5, per_second=100, per_day=10)
    clock.advance(days=1)
    assert 5 == _take(reopened, clock, 5, per_second=100, per_day=10)
    reopened.close()


def test_two_processes_do_not_spend_the_same_request_twice(store: Store, clock: FakeClock) -> None:
    with ThreadPoolExecutor(2) as pool:
        granted = pool.map(lambda _: _take(store, clock, 1, 1_000, per_day=30), range(60))

        assert 30 == sum(granted)


def test_a_refusal_silences_the_carrier_and_raises_its_price(
    store: Store, clock: FakeClock
) -> None:
    _take(store, clock, 1, per_second=10, per_day=100)
    with store.write() as connection:
        budgets.note_error(connection, "cainiao", "too many", clock.now(), silence_s=600)

        assert 2 * PRICE_H == budgets.prices_h(connection, ["cainiao"])["cainiao"]

    clock.advance(seconds=599)
    assert 0 == _take(store, clock, 1, per_second=10, per_day=100)
    clock.advance(seconds=2)
    assert 1 == _take(store, clock, 1, per_second=10, per_day=100)


def test_a_carrier_that_was_never_asked_has_the_usual_price(store: Store) -> None:
    with store.read() as connection:
        assert PRICE_H == budgets.prices_h(connection, ["cainiao"])["cainiao"]
        assert {} == budgets.health(connection)


def test_an_answer_ends_a_row_of_failures(store: Store, clock: FakeClock) -> None:
    _take(store, clock, 1, per_second=10, per_day=100)
    with store.write() as connection:
        for _ in range(2):
            budgets.note_error(connection, "cainiao", "half a page", clock.now())
        seen = budgets.health(connection)["cainiao"]
        assert (2, 2, "half a page", None) == (
            seen.requests,
            seen.allowance.failures,
            seen.last_error,
            seen.last_ok_at,
        )

        budgets.note_ok(connection, "cainiao", clock.now())
        seen = budgets.health(connection)["cainiao"]
        assert (3, 0, clock.now()) == (seen.requests, seen.allowance.failures, seen.last_ok_at)


def test_an_unknown_phrase_is_counted_each_time(store: Store, clock: FakeClock, rows: Rows) -> None:
    first = clock.now()
    for text in ("En grève", "En grève", "x" * 2_000):
        with store.write() as connection:
            budgets.note_unmapped(connection, "laposte", "ZZ9", text, clock.now())
        clock.advance(hours=1)

    strike, long = sorted(rows(t.unmapped), key=lambda row: len(row["text"]))
    assert (2, first, first + timedelta(hours=1)) == (
        strike["times"],
        strike["first_at"],
        strike["last_at"],
    )
    assert (1, 500) == (long["times"], len(long["text"]))
