"""What a parcel's history teaches forecasts: how long it stayed where, and how that ended."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailtrack.domain.forecast import Measure
from mailtrack.domain.milestones import ENDED, Milestone
from mailtrack.domain.model import TrackingEvent
from mailtrack.domain.stage_times import Lane
from mailtrack.domain.tracking import MAIL, PARIS, Step, chronology, walk


@dataclass(frozen=True, slots=True)
class Stay:
    """How many days after a milestone its next one came, or the delivery (`measure`).

    `ended` is False where neither was seen in all these days, which are those of France.
    """

    milestone: Milestone
    lane: Lane
    measure: Measure
    day: int
    ended: bool


def lane_of(events: Iterable[TrackingEvent], service: str = "") -> Lane:
    """Return by whom a parcel goes: who told its first scan, and who else told the latest one.

    `service` is that of the parcel (`domain.numbers.service_of`).
    """
    told = [event.source for event in chronology(events) if event.source != MAIL]
    first = told[0] if told else ""
    return Lane(first, next((source for source in reversed(told) if source != first), ""), service)


def delivered_at(events: Iterable[TrackingEvent]) -> datetime | None:
    """Return when a parcel was delivered, None where it was not."""
    return _reached(walk(events), Milestone.DELIVERED)


def stays(events: Sequence[TrackingEvent], until: datetime, service: str = "") -> list[Stay]:
    """Return what a whole history teaches that was looked at until some moment.

    1. Its way ends with the delivery, or with another end: what follows it is another way.
    2. Each milestone was left for the next one, and is as far from the delivery, in its lane.
    3. Of a parcel that turned back, no delivery was seen until then; on its way back, none is
       awaited.
    """
    # 1.
    steps = walk(events)
    ends = next((n for n, step in enumerate(steps) if step.milestone in ENDED), len(steps))
    way = steps[: ends + 1]
    delivered, turned = (
        _reached(way, milestone) for milestone in (Milestone.DELIVERED, Milestone.RETURNING)
    )
    found: list[Stay] = []
    for step, after in zip(way[:ends], [*way[1:], None], strict=False):
        # 2.
        here, reached = step.milestone, step.event.at
        lane = lane_of((event for event in events if event.at <= reached), service)
        left = after.event.at if after else None
        found.append(_stay(here, lane, Measure.STAY, reached, left, until))
        # 3.
        if turned is None or reached < turned:
            found.append(_stay(here, lane, Measure.DELIVERY, reached, delivered, turned or until))
    return found


def _stay(
    milestone: Milestone,
    lane: Lane,
    measure: Measure,
    reached: datetime,
    end: datetime | None,
    lost: datetime,
) -> Stay:
    """Return a stay until its end, or until the parcel was lost sight of."""
    begins, ends = (at.astimezone(PARIS).date() for at in (reached, end or lost))
    return Stay(milestone, lane, measure, max(0, (ends - begins).days), end is not None)


def _reached(steps: Iterable[Step], milestone: Milestone) -> datetime | None:
    return next((step.event.at for step in steps if step.milestone is milestone), None)
