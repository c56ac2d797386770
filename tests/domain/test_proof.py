"""Days without news, as a proof counts them."""

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
from hypothesis import given

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.proof import Proof, ProvenScan, Quiet, days_between

NOW = datetime(2026, 3, 10, 13, 5, tzinfo=UTC)


def proof(*days_ago: int, milestone: Milestone = Milestone.IN_TRANSIT) -> Proof:
    scans = tuple(ProvenScan(NOW - timedelta(days=n), milestone, "Cainiao") for n in days_ago)
    return Proof(NOW, "LP00123456789012", NOW, milestone=milestone, scans=scans)


def test_each_scan_knows_how_long_there_was_no_news_before_it() -> None:
    assert (None, 10, 0, 25) == proof(40, 30, 30, 5).pauses
    assert () == proof().pauses


def test_the_present_silence_counts_while_news_is_awaited() -> None:
    last = NOW - timedelta(days=34)

    assert Quiet(34, last) == proof(36, 34).quiet_now == proof(36, 34).longest_quiet
    assert proof(36, 34, milestone=Milestone.DELIVERED).quiet_now is None
    assert proof().quiet_now is None


def test_no_silence_is_longest_where_all_happened_on_one_day() -> None:
    assert proof(0, 0).longest_quiet is None
    assert proof().longest_quiet is None


@given(st.lists(st.integers(0, 300), min_size=1, max_size=20))
def test_silences_add_up_to_the_time_since_the_first_scan(days: list[int]) -> None:
    made = proof(*sorted(days, reverse=True))
    assert made.quiet_now

    between = sum(pause or 0 for pause in made.pauses)
    assert days_between(made.scans[0].at, NOW) == between + made.quiet_now.days
    assert (made.longest_quiet.days if made.longest_quiet else 0) == max(
        made.quiet_now.days, *(pause or 0 for pause in made.pauses)
    )
