"""Histories in the carrier's own order, which is surer than its clocks are."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from mailtrack.carriers.shape import told_apart
from mailtrack.domain.model import TrackingEvent

#: What keeps two scans apart whose order is known and whose times are not.
_STEP = timedelta(seconds=1)


def history(oldest_first: Iterable[TrackingEvent]) -> tuple[TrackingEvent, ...]:
    """Return the scans newest first, equal ones told apart, doubtful times kept in order."""
    return tuple(reversed(told_apart(_not_after(_not_before([*oldest_first])))))


def _not_before(oldest_first: Sequence[TrackingEvent]) -> list[TrackingEvent]:
    """Move doubtful times behind those of all older scans."""
    moved: list[TrackingEvent] = []
    latest: datetime | None = None
    for event in oldest_first:
        wrong = not event.at_certain and latest is not None and event.at <= latest
        settled = replace(event, at=latest + _STEP) if latest and wrong else event
        latest = max(settled.at, latest or settled.at)
        moved.append(settled)
    return moved


def _not_after(oldest_first: Sequence[TrackingEvent]) -> list[TrackingEvent]:
    """Move doubtful times before the certain ones of newer scans."""
    moved: list[TrackingEvent] = []
    earliest: datetime | None = None
    for event in reversed(oldest_first):
        wrong = not event.at_certain and earliest is not None and event.at >= earliest
        settled = replace(event, at=earliest - _STEP) if earliest and wrong else event
        earliest = min(settled.at, earliest or settled.at)
        moved.append(settled)
    return moved[::-1]
