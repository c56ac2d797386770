"""Silences: which are usual, which are told, and which end it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailtrack.domain.milestones import STAGES, Milestone, Phase
from mailtrack.domain.silence import Silence, assess_silence

NOW = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
#: From the least to the most alarming.
GRADES = [Silence.USUAL, Silence.NOT_FOUND, Silence.STALLED, Silence.EXPIRED]


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


@pytest.mark.parametrize(
    ("milestone", "usual_days"),
    [
        (Milestone.ORDER_PREPARED, 15),
        (Milestone.IN_TRANSIT, 30),
        (Milestone.CUSTOMS_STARTED, 15),
        (Milestone.LOCAL_TRANSIT, 7),
        (Milestone.OUT_FOR_DELIVERY, 7),
        (Milestone.RETURNING, 45),
        (Milestone.EXCEPTION, 15),
    ],
)
def test_a_stage_stalls_after_its_usual_silence_and_expires_after_sixty_days(
    milestone: Milestone, usual_days: int
) -> None:
    told = [after(milestone, days) for days in (usual_days - 0.1, usual_days, 59.9, 60)]

    assert [Silence.USUAL, Silence.STALLED, Silence.STALLED, Silence.EXPIRED] == told


@pytest.mark.parametrize(
    "milestone", [m for m, stage in STAGES.items() if stage.phase is Phase.END]
)
def test_what_has_ended_may_be_silent_for_ever(milestone: Milestone) -> None:
    assert Silence.USUAL is after(milestone, 10_000)


@given(st.sampled_from([None, *Milestone]), st.floats(0, 400), st.floats(0, 400))
def test_a_longer_silence_is_never_judged_more_kindly(
    milestone: Milestone | None, one: float, other: float
) -> None:
    shorter, longer = sorted((one, other))

    assert GRADES.index(after(milestone, shorter)) <= GRADES.index(after(milestone, longer))
