"""Reading answers that may hold anything: the wanted type, or an empty value."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from mailtrack.domain.model import TrackingEvent

PARIS = ZoneInfo("Europe/Paris")


def record(value: Any) -> Mapping[str, Any]:
    """Return a JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def records(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a JSON array; anything else in it is left out."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


#: What no database column takes: NUL, and halves of surrogate pairs.
_UNSTORABLE = dict.fromkeys((0, *range(0xD800, 0xE000)))


def string(value: Any) -> str:
    """Return a JSON string without blanks around it, a number as its digits, else ""."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).translate(_UNSTORABLE).strip()


def instant_of_ms(value: Any) -> datetime | None:
    """Return the UTC time of milliseconds since 1970, or None where there is no such time."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def local_time(value: Any) -> datetime | None:
    """Return an ISO 8601 time, aware or naive as written, or None."""
    try:
        return datetime.fromisoformat(string(value))
    except ValueError:
        return None


def wall_time(text: str, *forms: str) -> datetime | None:
    """Return the naive time that is written in one of `forms` (strptime), or None."""
    for form in forms:
        with suppress(ValueError):
            return datetime.strptime(text, form)  # noqa: DTZ007 - the caller knows the zone
    return None


def in_utc(local: datetime) -> datetime | None:
    """Return an aware time in UTC, or None at the ends of the calendar."""
    try:
        return local.astimezone(UTC)
    except OverflowError:
        return None


def day_in_paris(at: datetime | None) -> date | None:
    """Return the day that a person in France reads."""
    try:
        return at.astimezone(PARIS).date() if at else None
    except OverflowError:
        return None


def day_as_written(value: Any) -> date | None:
    """Return the day of an ISO 8601 time where it was written: promises are local."""
    written = local_time(value)
    return written.date() if written else None


def newest_at(events: Sequence[TrackingEvent]) -> datetime:
    """Return the time of the newest event; the beginning of time where there is none."""
    return max((event.at for event in events), default=datetime.min.replace(tzinfo=UTC))


def told_apart(events: Sequence[TrackingEvent]) -> tuple[TrackingEvent, ...]:
    """Return the events, oldest first, with marks that tell equal scans of one second apart.

    Counting starts at the oldest, so that a scan keeps its mark when newer ones come.
    """
    seen: dict[str, int] = {}
    return tuple(_numbered(event, seen) for event in events)


def _numbered(event: TrackingEvent, seen: dict[str, int]) -> TrackingEvent:
    count = seen[event.fingerprint] = seen.get(event.fingerprint, 0) + 1
    return event if count == 1 else replace(event, mark=f"{event.mark}#{count}")
