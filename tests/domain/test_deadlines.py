"""Until when a person can act, and how each last day is counted."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrack.domain.deadlines import Basis, DeadlineKind, Standing, deadlines
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.pickup_times import UsualHold

TODAY = date(2026, 3, 10)
ORDERED = date(2026, 1, 14)
UNDER_WAY = Standing("aliexpress", Milestone.IN_TRANSIT, TODAY, ordered=ORDERED)
WAITING = replace(UNDER_WAY, milestone=Milestone.PICKUP_AVAILABLE, ordered=None)
HOLD = UsualHold(since=date(2026, 3, 9), days=8)

PICKUP, PROTECTION, DISPUTE = DeadlineKind


def last_days(standing: Standing, today: date = TODAY) -> dict[DeadlineKind, tuple[date, Basis]]:
    return {one.kind: (one.day, one.basis) for one in deadlines(standing, today)}


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (
            UNDER_WAY,
            {
                PROTECTION: (date(2026, 3, 15), Basis.ORDER),
                DISPUTE: (date(2026, 3, 30), Basis.PROTECTION),
            },
        ),
        (
            replace(UNDER_WAY, milestone=Milestone.DELIVERED),
            {DISPUTE: (date(2026, 3, 25), Basis.DELIVERY)},
        ),
        (
            replace(UNDER_WAY, milestone=Milestone.RETURNED),
            {
                PROTECTION: (date(2026, 3, 15), Basis.ORDER),
                DISPUTE: (date(2026, 3, 30), Basis.PROTECTION),
            },
        ),
        (replace(UNDER_WAY, milestone=Milestone.REFUNDED), {}),
        (replace(UNDER_WAY, milestone=Milestone.ABANDONED), {}),
        (replace(UNDER_WAY, shop="amazon"), {}),
        (replace(UNDER_WAY, ordered=None), {}),
        (
            replace(WAITING, told=date(2026, 3, 24), usual=HOLD),
            {PICKUP: (date(2026, 3, 24), Basis.TOLD)},
        ),
        (replace(WAITING, usual=HOLD), {PICKUP: (date(2026, 3, 17), Basis.USUAL)}),
        (replace(WAITING, milestone=Milestone.DELIVERY_FAILED, usual=HOLD), {}),
    ],
)
def test_each_last_day_is_counted_from_what_it_depends_on(
    standing: Standing, expected: dict[DeadlineKind, tuple[date, Basis]]
) -> None:
    assert expected == last_days(standing)


@given(st.dates(date(2026, 1, 14), date(2026, 6, 1)))
def test_no_last_day_is_told_once_it_is_over(today: date) -> None:
    told = last_days(UNDER_WAY, today)

    assert all(day >= today for day, _ in told.values())
    assert (today <= date(2026, 3, 15)) == (PROTECTION in told)
    assert (today <= date(2026, 3, 15) + timedelta(days=15)) == (DISPUTE in told)
