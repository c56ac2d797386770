"""The days on which parcels are brought in France: neither Sundays nor public holidays."""

from datetime import date, timedelta
from functools import cache

#: Month and day of the public holidays with a fixed date (Code du travail, art. L3133-1).
_FIXED = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
#: Days from Easter: its Monday, Ascension, Whit Monday.
_FROM_EASTER = (1, 39, 50)
_SUNDAY = 6


def delivery_day(day: date) -> date:
    """Return the day itself if parcels are brought on it, or the next one that is.

    >>> delivery_day(date(2026, 12, 25))
    datetime.date(2026, 12, 26)
    """
    while day.weekday() == _SUNDAY or day in holidays(day.year):
        day += timedelta(days=1)
    return day


@cache
def holidays(year: int) -> frozenset[date]:
    """Return the public holidays of metropolitan France; Alsace and Moselle have two more."""
    fixed = (date(year, month, day) for month, day in _FIXED)
    moving = (easter(year) + timedelta(days=days) for days in _FROM_EASTER)
    return frozenset((*fixed, *moving))


def easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar ("anonymous" algorithm, Nature, 20.4.1876)."""
    century, rest = divmod(year, 100)
    leap_skipped, quarter = divmod(century, 4)
    moon = (
        19 * (year % 19) + century - leap_skipped - (century - (century + 8) // 25 + 1) // 3 + 15
    ) % 30
    weekday = (32 + 2 * quarter + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (year % 19 + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
