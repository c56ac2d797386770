"""Whether promises held, how wide they were, and what they cost beside two rivals."""

from dataclasses import replace
from datetime import date
from math import inf
from random import Random

import pytest

from benchmarks.forecast import learned
from mailtrack.domain.forecast import DayCount, Forecast
from mailtrack.domain.forecast_score import (
    Kept,
    Promise,
    Score,
    hindsight,
    mean_days,
    pinball_loss,
    score,
)
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.stage_times import Lane

REACHED = date(2026, 3, 3)
TOLD = Forecast(date(2026, 3, 12), date(2026, 3, 14), date(2026, 3, 17))
PROMISE = Promise(
    milestone=Milestone.IN_TRANSIT,
    lane=Lane("cainiao", service="ems"),
    followed_on=date(2026, 3, 1),
    reached_on=REACHED,
    made_on=REACHED,
    told=TOLD,
)


@pytest.mark.parametrize(("day", "held"), [(11, 0), (12, 1), (14, 1), (17, 1), (18, 0)])
def test_a_promise_holds_from_its_first_day_to_its_last(day: int, held: int) -> None:
    found = score(PROMISE, date(2026, 3, day), None)

    assert (1, held, 6) == (found.count, found.held, found.width)


@pytest.mark.parametrize(
    ("day", "loss"),
    [
        (14, (0.1 * 2 + 0 + 0.1 * 3) / 3),
        (10, (0.9 * 2 + 0.5 * 4 + 0.1 * 7) / 3),
        (20, (0.1 * 8 + 0.5 * 6 + 0.9 * 3) / 3),
    ],
)
def test_the_loss_weighs_days_by_how_sure_they_were_told(day: int, loss: float) -> None:
    assert pytest.approx(loss) == pinball_loss(TOLD, date(2026, 3, day))


def test_rivals_tell_the_published_days_and_the_mean() -> None:
    """EMS: 7 to 15 days from the beginning, here until the 16th; the mean: on the 13th."""
    found = score(PROMISE, date(2026, 3, 16), 10.2)

    assert pytest.approx((0.1 * 8 + 0.5 * 4 + 0) / 3) == found.published_loss
    assert pytest.approx((0.1 + 0.5 + 0.9) * 3 / 3) == found.mean_loss


def test_rivals_promise_nothing_that_is_over_either() -> None:
    """Who told days that were over when a promise was made would be too easy to beat."""
    late = replace(PROMISE, made_on=date(2026, 3, 20))
    found = score(late, date(2026, 3, 20), 10)

    assert (0, 0) == (found.published_loss, found.mean_loss)


def test_the_mean_is_of_those_that_arrived() -> None:
    assert 7 == mean_days([DayCount(5, ended=2), DayCount(11, ended=1), DayCount(60, left=4)])
    assert mean_days([DayCount(60, left=4)]) is None


@pytest.mark.parametrize(
    ("ended", "width", "held"),
    [
        ({0: 9, 1: 1}, 1, 9),
        ({0: 6, 1: 4}, 2, 10),
        ({3: 1, 4: 2, 5: 5, 6: 1, 20: 1}, 3, 8),
        ({7: 1}, 1, 1),
    ],
)
def test_the_shortest_whole_days_in_hindsight_say_how_much_an_interval_has_to_hold(
    ended: dict[int, int], width: int, held: int
) -> None:
    """Of those that never arrived nothing is counted."""
    lane = Lane("cainiao")
    seen = [(lane, DayCount(day, ended=number, left=3)) for day, number in ended.items()]
    arrived = sum(ended.values())

    assert Kept(arrived, held, width * arrived) == hindsight(seen)


def test_hindsight_knows_each_lane_by_itself_and_nothing_where_none_arrived() -> None:
    fast, slow, lost = Lane("gls"), Lane("cainiao"), Lane("ems")
    seen = [
        (fast, DayCount(1, ended=5)),
        (slow, DayCount(20, ended=5)),
        (lost, DayCount(3, left=2)),
    ]

    assert Kept(10, 10, 10) == hindsight(seen)
    assert Kept() == hindsight([(lost, DayCount(3, left=2))])


def test_scores_add_up() -> None:
    one, other = (score(PROMISE, date(2026, 3, day), 10) for day in (14, 20))
    both = one + other

    assert (2, 0.5, 6) == (both.count, both.coverage, both.mean_width)
    assert pytest.approx(one.loss + other.loss) == both.loss


def test_a_ratio_below_one_is_better_than_both_rivals() -> None:
    assert 0.5 == Score(1, loss=1, published_loss=3, mean_loss=2).ratio
    assert 1 == Score(1).ratio
    assert inf == Score(1, loss=1).ratio


def test_forecasts_hold_as_often_as_they_say_and_cost_less_than_what_others_would_tell() -> None:
    """Of bootstrapped parcels; on the van they have two days, which always hold."""
    (outcome,) = learned(Random(1), learns=True)
    scores = outcome.scores.items()
    found = sum((s for m, s in scores if m != Milestone.OUT_FOR_DELIVERY), Score())

    assert 0.75 <= found.coverage <= 0.85
    assert found.ratio <= 0.8
