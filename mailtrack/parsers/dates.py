"""Days as mails write them: « jeudi 11 décembre », "02/10/2026", « demain ».

A day that is not certain is none: one without a year needs the day of its mail, and so do
« aujourd'hui » and « demain »; a weekday has to agree; of "02/03" somebody must know which
of the two is the month.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, timedelta
from email.utils import parsedate_to_datetime

from mailtrack.domain.sending_policy import PARIS

#: What makes of a text one without accents, as long as before: what is found in the one stands
#: at the same place of the other.
_PLAIN = str.maketrans(
    "éèêëÉÈÊËàâäÀÂÄîïÎÏôöÔÖùûüÙÛÜçÇ’‘–—\u00a0\u202f\t",
    "eeeeEEEEaaaAAAiiIIooOOuuuUUUcC''--   ",
)
#: A day without a year is the nearest to its mail, and no more than this before it.
_LATEST_PAST = timedelta(days=92)

_WEEKDAYS: Mapping[str, int] = {
    name: number
    for names in ("lun mar mer jeu ven sam dim", "mon tue wed thu fri sat sun")
    for number, name in enumerate(names.split())
}
_MONTHS = (
    "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
    "january february march april may june july august september october november december",
)
#: How many days after its mail.
_RELATIVE: Mapping[str, int] = {
    **dict.fromkeys(("aujourd'hui", "ce jour", "today"), 0),
    **dict.fromkeys(("demain", "tomorrow"), 1),
}

#: A day in an unaccented text, whatever the case of its letters; to be put into a pattern once.
#: Its parts are named, `day_of` reads them.
DAY = (
    r"(?:le |ce (?!jour))?(?:(?P<weekday>(?:lun|mar|jeu|sam|mer|ven|dim)"
    r"(?:di|edi|credi|dredi|anche)?|(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)"
    r"(?:day)?)[.,]{0,2} (?:le )?)?"
    rf"(?:(?P<relative>{'|'.join(_RELATIVE)})(?!\w)"
    r"|(?P<iso>20\d\d-\d\d-\d\d)(?!\d)"
    r"|(?P<day>\d{1,2})(?:er|st|nd|rd|th)? (?P<month>[a-z]{3,9})(?!\w)\.?"
    r"(?:,? (?P<year>20\d\d)(?!\d))?"
    r"|(?P<month_en>[a-z]{3,9})\.? (?P<day_en>\d{1,2})(?:st|nd|rd|th)?(?!\w)"
    r"(?:,? (?P<year_en>20\d\d)(?!\d))?"
    r"|(?<!\d)(?P<one>\d{1,2})(?P<between>[/.-])(?P<two>\d{1,2})"
    r"(?:(?P=between)(?P<year_of_numbers>(?:20)?\d\d)|(?<=/\d)|(?<=/\d\d))(?![/.-]?\d))"
)
_ANY_DAY = re.compile(rf"(?<![\w/.-]){DAY}", re.IGNORECASE)
_INTERNET_DATE = re.compile(r"(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} 20\d\d \d\d:\d\d")
_AMERICAN_CLOCK = re.compile(r"\d ?[ap]\.?m\b", re.IGNORECASE)
#: Characters of a date in a header that are read.
_MAX_HEADER = 100


def unaccented(text: str) -> str:
    """Return a text without accents, with plain quotes, dashes and spaces, of the same length."""
    return text.translate(_PLAIN)


def day_sent(header: str) -> date | None:
    """Return the day (in Paris) of a mail's own date, as a header or a forward gives it.

    None where it cannot be read, or may mean two days.
    """
    text = unaccented(header[:_MAX_HEADER])
    if _INTERNET_DATE.match(text):
        with suppress(ValueError, OverflowError):  # a year of twenty digits
            at = parsedate_to_datetime(text)
            return at.replace(tzinfo=at.tzinfo or UTC).astimezone(PARIS).date()
    found = next((d for d in _ANY_DAY.finditer(text) if not d["relative"]), None)
    if found is None or not has_year(found):
        return None
    return day_of(found, None, month_first=None if _AMERICAN_CLOCK.search(text) else False)


def day_of(found: re.Match[str], sent: date | None, *, month_first: bool | None) -> date | None:
    """Return the day that a match of `DAY` names, None where it is not certain.

    `sent`: when its mail was. `month_first`: how its writer puts numbers, None where nobody
    knows.

    1. Some are told from the day of the mail.
    2. Others by day and month; the year may be left out.
    3. A weekday beside it agrees, or one of both is wrong.
    """
    # 1.
    if found["relative"]:
        later = timedelta(days=_RELATIVE[found["relative"].lower()])
        return sent + later if sent else None
    # 2.
    if found["iso"]:
        day, month = int(found["iso"][8:]), int(found["iso"][5:7])
    elif found["one"]:
        day, month = _in_order(int(found["one"]), int(found["two"]), month_first)
    else:
        day = int(found["day"] or found["day_en"])
        month = _month(found["month"] or found["month_en"])
    year = _year(found)
    named = _nearest(day, month, sent) if year is None else _date(year, month, day)
    # 3.
    weekday = found["weekday"]
    if named and weekday and named.weekday() != _WEEKDAYS[weekday[:3].lower()]:
        return None
    return named


def has_year(found: re.Match[str]) -> bool:
    """Return True if a match of `DAY` names the year of its day."""
    return _year(found) is not None


def _year(found: re.Match[str]) -> int | None:
    written = found["iso"] or found["year"] or found["year_en"] or found["year_of_numbers"]
    return int(written[:4]) % 2000 + 2000 if written else None


def _in_order(one: int, two: int, month_first: bool | None) -> tuple[int, int]:
    """Return day and month of two numbers; no month where either may be it."""
    if month_first is None:
        month_first = two > 12
        if one <= 12 and two <= 12 and one != two:
            return one, 0
    return (two, one) if month_first else (one, two)


def _month(name: str) -> int:
    """Return the month that a name or how it begins stands for, 0 where it is none or several."""
    begins = name.lower()
    numbers = {
        number
        for months in _MONTHS
        for number, month in enumerate(months.split(), 1)
        if month.startswith(begins)
    }
    return numbers.pop() if len(numbers) == 1 else 0


def _nearest(day: int, month: int, sent: date | None) -> date | None:
    """Complete a day without a year: the nearest to its mail, never one of long before it."""
    if sent is None:
        return None
    dates = (_date(sent.year + years, month, day) for years in (-1, 0, 1))
    nearest = min((d for d in dates if d), key=lambda d: abs(d - sent), default=None)
    return nearest if nearest and nearest >= sent - _LATEST_PAST else None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:  # no such day, or no month that we know
        return None
