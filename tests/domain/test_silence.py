"""Silences: which are usual, which are told, and which end it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrack.domain.milestones import ENDED, Milestone
from mailtrack.domain.silence import Silence, assess_silence

NOW = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
#: From the least to the most alarming.
GRADES = [Silence.USUAL, Silence.NOT_FOUND, Silence.EXPIRED]


def after(milestone: Milestone | None, days: float) -> Silence:
    return assess_silence(milestone, NOW - timedelta(days=days), NOW)


@pytest.mark.parametrize(
    ("days", "verdict"),
    [
        (0, Silence.USUAL),
        (2.9, Silence.USUAL),
        (3, Silence.NOT_FOUND),
        (29, Silence.NOT_FOUND),
        (30, Silence.EXPIRED),
    ],
)
def test_a_number_nobody_knows_is_told_after_three_days_and_given_up_after_thirty(
    days: float, verdict: Silence
) -> None:
    assert verdict is after(None, days)


@pytest.mark.parametrize("milestone", sorted(set(Milestone) - ENDED))
def test_a_parcel_of_which_nothing_more_was_heard_is_given_up_after_sixty_days(
    milestone: Milestone,
) -> None:
    assert [Silence.USUAL, Silence.EXPIRED] == [after(milestone, days) for days in (59.9, 60)]


@pytest.mark.parametrize("milestone", sorted(ENDED))
def test_what_has_ended_may_be_silent_for_ever(milestone: Milestone) -> None:
    assert Silence.USUAL is after(milestone, 10_000)


@given(st.sampled_from([None, *Milestone]), st.floats(0, 400), st.floats(0, 400))
def test_a_longer_silence_is_never_judged_more_kindly(
    milestone: Milestone | None, one: float, other: float
) -> None:
    shorter, longer = sorted((one, other))

    assert GRADES.index(after(milestone, shorter)) <= GRADES.index(after(milestone, longer))
