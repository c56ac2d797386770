"""The carrier's own order is kept, whatever its clocks say."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mailtrack.carriers.history import (
    Scan,
    history,
    in_order_of_time,
    oldest_first,
    poll_result,
    read_history,
)
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Certainty, PollState, TrackingEvent

START = datetime(2026, 2, 10, tzinfo=UTC)


def _event(hours: float, *, certain: bool = True, mark: str = "") -> TrackingEvent:
    at = START + timedelta(hours=hours)
    return TrackingEvent(at, Milestone.IN_TRANSIT, "x", at_certain=certain, mark=mark)


def _hours(events: tuple[TrackingEvent, ...]) -> list[float]:
    return [(event.at - START) / timedelta(hours=1) for event in events]


def test_the_newest_comes_first() -> None:
    assert [2, 1] == _hours(history([_event(1), _event(2)]))


def test_a_doubtful_time_follows_its_predecessor() -> None:
    told = history([_event(5), _event(1, certain=False)])

    assert [START + timedelta(hours=5, seconds=1), START + timedelta(hours=5)] == [
        event.at for event in told
    ]


def test_a_doubtful_time_comes_before_a_certain_successor() -> None:
    told = history([_event(9, certain=False), _event(5)])

    assert [START + timedelta(hours=5), START + timedelta(hours=5, seconds=-1)] == [
        event.at for event in told
    ]


def test_certain_times_are_never_changed() -> None:
    assert [1, 5] == _hours(history([_event(5), _event(1)]))


def test_equal_scans_are_told_apart() -> None:
    told = history([_event(1, mark="m"), _event(1, mark="m")])

    assert ["m#2", "m"] == [event.mark for event in told]


@given(st.lists(st.tuples(st.integers(0, 1000), st.booleans()), max_size=12))
def test_sorting_by_time_keeps_the_order_where_the_certain_ones_are_in_order(
    drawn: list[tuple[int, bool]],
) -> None:
    events = [
        _event(100 * i if is_certain else hours, certain=is_certain, mark=str(i))
        for i, (hours, is_certain) in enumerate(drawn)
    ]
    oldest_first = history(events)[::-1]

    assert [event.mark for event in events] == [event.mark for event in oldest_first]
    assert list(oldest_first) == sorted(oldest_first, key=lambda event: event.at)
    assert len(events) == len({event.at for event in oldest_first})


def test_a_scan_without_a_time_is_left_out() -> None:
    told = read_history("any", [Scan(None, "Delivered"), Scan(START, "Out for delivery")])

    assert [Milestone.OUT_FOR_DELIVERY] == [event.milestone for event in told]


def test_a_scan_without_a_time_says_nothing_of_the_order() -> None:
    later, earlier, undated = (
        Scan(START + timedelta(hours=1), "b"),
        Scan(START, "a"),
        Scan(None, ""),
    )

    assert [undated, earlier, later] == list(oldest_first([later, earlier, undated]))
    assert [earlier, later] == in_order_of_time([later, undated, earlier])


def test_a_number_is_no_local_number_of_itself() -> None:
    result = poll_result("N1000000", (), local_numbers=["", "n1000000", "l2000000", "L3000000"])

    assert (PollState.PENDING, "L2000000") == (result.state, result.local_number)


def test_the_status_of_the_whole_parcel_bears_out_what_the_newest_scan_was_read_to_say() -> None:
    at = START
    scans = [
        Scan(at, "Handed to the householder", mark="1"),
        Scan(at + timedelta(hours=1), "The parcel was handed to a householder", mark="2"),
    ]

    alone = read_history("17track", scans)
    told = read_history("17track", scans, status="Delivered")
    other = read_history("17track", scans, status="Exception")

    assert [Certainty.READ] * 2 == [event.certainty for event in alone]
    assert [Certainty.KNOWN, Certainty.READ] == [event.certainty for event in told]
    assert [Certainty.READ] * 2 == [event.certainty for event in other]
