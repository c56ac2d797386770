"""Reading answers that may hold anything: the wanted type, or an empty value."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

MaybeTime = TypeVar("MaybeTime", datetime, datetime | None)

PARIS = ZoneInfo("Europe/Paris")
#: An offset as carriers write it: GMT+8, UTC+01:00, +0200, 8; GMT or UTC alone is none.
_ZONE = re.compile(r"(GMT|UTC)?(?:([+-]?)(\d{1,2})(?::?(\d{2}))?)?", re.IGNORECASE | re.ASCII)


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


def strings(value: Any) -> list[str]:
    """Return the items of a JSON array as `string` reads them."""
    return [*map(string, value)] if isinstance(value, list) else []


def joined(value: Mapping[str, Any], *names: str) -> str:
    """Return what an object says under these names, with commas between (Lyon, FR)."""
    return ", ".join(filter(None, (string(value.get(name)) for name in names)))


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


def in_zone(local: MaybeTime, zone: tzinfo) -> MaybeTime:
    """Return a time that was written without a zone as one of `zone`; others stay."""
    return local.replace(tzinfo=zone) if local and local.tzinfo is None else local


def zone_of(written: str) -> timezone | None:
    """Return the zone that an offset from Greenwich names, or None.

    >>> print(zone_of("GMT+8"), zone_of("utc"), zone_of("-0330"), zone_of("Beijing"))
    UTC+08:00 UTC UTC-03:30 None
    """
    found = _ZONE.fullmatch("".join(written.split()))
    if found is None or not found[0]:
        return None
    offset = timedelta(hours=int(found[3] or 0), minutes=int(found[4] or 0))
    if offset >= timedelta(hours=15):
        return None
    return timezone(-offset if found[2] == "-" else offset)


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
