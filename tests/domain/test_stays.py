"""What a parcel's history teaches: how long it stayed where, in which lane, and how that ended."""

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from mailtrack.domain.forecast import Measure
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Reason, TrackingEvent
from mailtrack.domain.stage_times import Lane
from mailtrack.domain.stays import delivered_at, lane_of, stays

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
M = Milestone
#: A parcel of Cainiao that La Poste takes over: day, milestone and who told it.
WAY = (
    (0, M.CARRIER_ACCEPTED, "cainiao"),
    (2, M.IN_TRANSIT, "cainiao"),
    (9, M.CUSTOMS_CLEARED, "cainiao"),
    (10, M.OUT_FOR_DELIVERY, "laposte"),
    (10.2, M.DELIVERED, "laposte"),
)


def scan(
    day: float, milestone: Milestone, source: str = "cainiao", **more: object
) -> TrackingEvent:
    return TrackingEvent(START + timedelta(days=day), milestone, source, **more)  # type: ignore[arg-type]


def learnt(
    events: list[TrackingEvent], measure: Measure, until: float = 60
) -> list[tuple[Milestone, int, bool]]:
    found = stays(events, START + timedelta(days=until))
    return [(stay.milestone, stay.day, stay.ended) for stay in found if stay.measure is measure]


def test_a_delivered_parcel_tells_each_stay_and_how_far_the_delivery_was() -> None:
    events = [scan(*step) for step in WAY]

    assert [
        (M.CARRIER_ACCEPTED, 2, True),
        (M.IN_TRANSIT, 7, True),
        (M.CUSTOMS_CLEARED, 1, True),
        (M.OUT_FOR_DELIVERY, 0, True),
    ] == learnt(events, Measure.STAY)
    assert [10, 8, 1, 0] == [day for _, day, _ in learnt(events, Measure.DELIVERY)]


def test_what_is_lost_sight_of_was_not_delivered_until_then() -> None:
    events = [scan(*step) for step in WAY[:2]]

    assert [(M.CARRIER_ACCEPTED, 2, True), (M.IN_TRANSIT, 28, False)] == learnt(
        events, Measure.STAY, until=30
    )
    assert [(M.CARRIER_ACCEPTED, 30, False), (M.IN_TRANSIT, 28, False)] == learnt(
        events, Measure.DELIVERY, until=30
    )


def test_what_turns_back_is_awaited_no_more_from_then_on() -> None:
    back = [scan(12, M.RETURNING, reason=Reason.UNCLAIMED), scan(30, M.RETURNED)]
    events = [*(scan(*step) for step in WAY[:2]), *back]

    assert [(M.CARRIER_ACCEPTED, 12, False), (M.IN_TRANSIT, 10, False)] == learnt(
        events, Measure.DELIVERY
    )
    assert (M.RETURNING, 18, True) == learnt(events, Measure.STAY)[-1]


def test_what_follows_the_delivery_changes_nothing() -> None:
    events = [scan(*step) for step in WAY]
    until = START + timedelta(days=60)

    assert stays(events, until) == stays([*events, scan(20, M.RETURNING)], until)


def test_a_lane_is_known_by_who_has_told_of_the_parcel_so_far() -> None:
    events = [scan(*step) for step in WAY]
    lanes = {stay.milestone: stay.lane for stay in stays(events, START)}

    assert Lane("cainiao") == lanes[M.IN_TRANSIT]
    assert Lane("cainiao", "laposte") == lanes[M.OUT_FOR_DELIVERY]
    assert Lane("cainiao", "laposte") == lane_of([*events, scan(-1, M.SHIPPED, "mail")])
    assert Lane("") == lane_of([])


def test_a_delivery_back_at_the_sender_s_is_none() -> None:
    back = [scan(0, M.RETURNING), scan(5, M.DELIVERED)]

    assert START + timedelta(days=10.2) == delivered_at(scan(*step) for step in WAY)
    assert delivered_at(back) is None


@given(st.randoms(), st.integers(0, len(WAY)))
def test_it_does_not_matter_in_which_order_scans_came(rng: Random, known: int) -> None:
    events = [scan(*step) for step in WAY[:known]]
    shuffled = rng.sample(events, len(events))

    assert stays(events, START) == stays(shuffled, START)
