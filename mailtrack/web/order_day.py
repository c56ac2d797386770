"""The day of an order, as its buyer types it where no mail told it."""

from contextlib import suppress
from datetime import date, datetime, timedelta

#: No shop protects anybody for so long.
_OLDEST = timedelta(days=2 * 365)
#: What a browser sends, and what people type where it has no calendar.
_FORMS = ("%Y-%m-%d", "%d/%m/%Y")


def read_order_day(typed: str, today: date) -> date:
    """Return the day that was typed; raises ValueError with what is wrong, in French.

    >>> read_order_day("14/01/2026", date(2026, 3, 10))
    datetime.date(2026, 1, 14)
    """
    for form in _FORMS:
        with suppress(ValueError):
            day = datetime.strptime(typed.strip(), form).date()  # noqa: DTZ007 - a day has no zone
            break
    else:
        raise ValueError("Nous ne lisons pas cette date : écrivez-la comme 14/01/2026.")
    if day > today:
        raise ValueError("Cette date est à venir : rien n’est changé.")
    if day < today - _OLDEST:
        raise ValueError("Cette date a plus de deux ans : rien n’est changé.")
    return day
