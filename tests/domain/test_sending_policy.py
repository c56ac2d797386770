"""Quiet nights."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrack.domain.sending_policy import PARIS, SendingPolicy

YEAR = datetime(2026, 1, 1, tzinfo=UTC)
moments = st.integers(0, 365 * 24 * 60).map(lambda minutes: YEAR + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-03-03T20:59+00:00", None),  # 21:59 in Paris
        ("2026-03-03T21:00+00:00", "2026-03-04T06:00+00:00"),
        ("2026-03-04T05:59+00:00", "2026-03-04T06:00+00:00"),
        ("2026-03-04T06:00+00:00", None),
        # The night on which France loses an hour.
        ("2026-03-28T22:30+00:00", "2026-03-29T05:00+00:00"),
    ],
)
def test_mails_wait_for_seven_in_the_morning_in_france(now: str, until: str | None) -> None:
    held = SendingPolicy().hold_until(datetime.fromisoformat(now))

    assert held == (until and datetime.fromisoformat(until))


@given(moments, st.integers(0, 23), st.integers(0, 23))
def test_a_held_mail_leaves_within_a_day_and_at_a_loud_hour(
    now: datetime, quiet_from: int, quiet_until: int
) -> None:
    sending_policy = SendingPolicy(quiet_from, quiet_until)
    held = sending_policy.hold_until(now)

    if held is not None:
        assert timedelta(0) < held - now <= timedelta(hours=25)
        assert sending_policy.hold_until(held) is None


@given(moments)
def test_equal_hours_mean_no_quiet(now: datetime) -> None:
    assert SendingPolicy(0, 0).hold_until(now) is None


@given(moments)
def test_the_next_morning_is_tomorrow_and_the_day_began_before_now(now: datetime) -> None:
    sending_policy = SendingPolicy()

    assert sending_policy.day_began(now) <= now < sending_policy.next_morning(now)
    days = sending_policy.next_morning(now).astimezone(PARIS).date() - now.astimezone(PARIS).date()
    assert timedelta(days=1) == days
