"""How much a carrier may be asked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrack.domain.budget import (
    BREAK_AFTER,
    Allowance,
    failed,
    fresh,
    overdraw,
    refused,
    spent_today,
    take,
)
from mailtrack.domain.scheduling import PRICE_H

NOW = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)


@given(
    st.lists(st.tuples(st.integers(0, 50), st.floats(0, 5)), max_size=40),
    st.floats(0.2, 20),
    st.integers(1, 200),
)
def test_no_sequence_of_requests_exceeds_the_second_or_the_day(
    requests: list[tuple[int, float]], per_second: float, per_day: int
) -> None:
    allowance, now, total = fresh(NOW, per_second), NOW, 0
    for wanted, pause_s in requests:
        now += timedelta(seconds=pause_s)
        granted, allowance = take(allowance, wanted, per_second, per_day, now)
        total += granted
        elapsed_s = (now - NOW).total_seconds()

        assert 0 <= granted <= wanted
        assert total <= max(1.0, per_second) + elapsed_s * per_second + 1e-6

    assert total <= per_day


def test_a_new_day_brings_a_new_quota() -> None:
    _, spent = take(fresh(NOW, 100), 10, 100, 10, NOW)

    assert 0 == take(spent, 1, 100, 10, NOW + timedelta(hours=1))[0]
    assert 1 == take(spent, 1, 100, 10, NOW + timedelta(days=1))[0]


def test_a_refusal_is_followed_by_silence_and_a_slower_pace() -> None:
    blocked = refused(fresh(NOW, 10), 120, NOW)

    assert 0 == take(blocked, 1, 10, 100, NOW + timedelta(seconds=119))[0]
    assert 1 == take(blocked, 1, 10, 100, NOW + timedelta(seconds=121))[0]
    assert 2 * PRICE_H == blocked.price_h


def test_a_pause_that_an_operator_ordered_is_cut_short_by_no_failure() -> None:
    until = NOW + timedelta(days=1)
    paused = replace(fresh(NOW, 10), blocked_until=until)

    assert until == refused(paused, 120, NOW).blocked_until
    assert until == failed(replace(paused, failures=BREAK_AFTER), NOW).blocked_until


def test_requests_that_cannot_wait_are_made_up_for_afterwards() -> None:
    allowance: Allowance | None = fresh(NOW, 1)
    for _ in range(4):
        assert allowance is not None
        allowance = overdraw(allowance, 1, 100, NOW)

    assert allowance is not None
    later = [take(allowance, 9, 1, 100, NOW + timedelta(seconds=s))[0] for s in (1, 3, 4, 60)]
    assert [0, 0, 1, 1] == later


def test_no_request_is_so_urgent_that_it_breaks_a_silence_or_a_daily_quota() -> None:
    _, spent = take(fresh(NOW, 100), 10, 100, 10, NOW)

    assert overdraw(refused(fresh(NOW, 10), 120, NOW), 10, 100, NOW) is None
    assert overdraw(spent, 100, 10, NOW) is None


def test_the_requests_of_yesterday_are_not_today_s() -> None:
    _, spent = take(fresh(NOW, 100), 10, 100, 10, NOW)

    assert 10 == spent_today(spent, NOW)
    assert 0 == spent_today(spent, NOW + timedelta(days=1))


def test_a_clock_that_steps_back_takes_nothing_away_and_gives_nothing() -> None:
    _, left = take(fresh(NOW, 1), 1, 1, 10, NOW)

    assert 0 == take(left, 1, 1, 10, NOW - timedelta(hours=1))[0]


def test_a_carrier_that_is_down_is_left_alone_then_probed_with_one_request() -> None:
    allowance = fresh(NOW, 100)
    for _ in range(BREAK_AFTER - 1):
        allowance = failed(allowance, NOW)
    assert 10 == take(allowance, 10, 100, 1000, NOW)[0]

    broken = failed(allowance, NOW)

    assert 0 == take(broken, 10, 100, 1000, NOW + timedelta(seconds=59))[0]
    assert 1 == take(broken, 10, 100, 1000, NOW + timedelta(seconds=61))[0]


def test_the_silence_grows_to_an_hour_and_no_further() -> None:
    allowance = fresh(NOW, 100)
    for _ in range(100):
        allowance = failed(allowance, NOW)

    assert NOW + timedelta(hours=1) == allowance.blocked_until


@pytest.mark.parametrize("ahead", [timedelta(hours=20), timedelta(days=3), timedelta(days=400)])
def test_a_clock_that_was_ahead_leaves_a_new_day_behind_when_it_is_right_again(
    ahead: timedelta,
) -> None:
    _, spent = take(fresh(NOW, 100), 10, 100, 10, NOW)
    _, wrong = take(spent, 10, 100, 10, NOW + ahead)
    granted, right = take(wrong, 1, 100, 10, NOW)

    assert (1, NOW.date(), 1) == (granted, right.day, spent_today(right, NOW))
    assert wrong.price_h == right.price_h


def test_clocks_that_differ_a_little_share_one_day_around_midnight() -> None:
    """Else each look across midnight would renew it."""
    before, after = datetime(2026, 3, 3, 23, 59, tzinfo=UTC), datetime(2026, 3, 4, tzinfo=UTC)
    allowance, granted = fresh(before, 100), 0
    for _ in range(6):
        for now in (before, after):
            some, allowance = take(allowance, 5, 100, 10, now)
            granted += some

    assert 2 * 10 >= granted


def test_a_silence_that_a_wrong_clock_set_keeps_its_length_and_no_more() -> None:
    ahead = timedelta(days=100)
    _, asked = take(fresh(NOW, 10), 1, 10, 100, NOW + ahead)
    blocked = refused(asked, 3600, NOW + ahead)
    granted, left = take(blocked, 1, 10, 100, NOW)
    assert 0 == granted
    assert NOW + timedelta(hours=1) == left.blocked_until

    assert 1 == take(left, 1, 10, 100, NOW + timedelta(hours=1))[0]
