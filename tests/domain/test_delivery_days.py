"""The days on which parcels are brought in France."""

from datetime import date

import pytest

from mailtrack.domain.delivery_days import delivery_day, easter


@pytest.mark.parametrize(
    ("year", "month", "day"),
    [
        (1818, 3, 22),  # the earliest that there can be
        (1943, 4, 25),  # the latest
        (1954, 4, 18),
        (1981, 4, 19),
        (2000, 4, 23),
        (2025, 4, 20),
        (2026, 4, 5),
        (2027, 3, 28),
        (2038, 4, 25),
        (2049, 4, 18),
    ],
)
def test_easter_falls_where_the_calendars_have_it(year: int, month: int, day: int) -> None:
    assert date(year, month, day) == easter(year)


@pytest.mark.parametrize(
    ("day", "brought"),
    [
        (date(2026, 3, 7), date(2026, 3, 7)),  # a Saturday
        (date(2026, 3, 8), date(2026, 3, 9)),  # a Sunday
        (date(2026, 4, 5), date(2026, 4, 7)),  # Easter and its Monday
        (date(2026, 5, 14), date(2026, 5, 15)),  # Ascension
        (date(2026, 5, 25), date(2026, 5, 26)),  # Whit Monday
        (date(2026, 7, 14), date(2026, 7, 15)),
        (date(2026, 11, 1), date(2026, 11, 2)),
        (date(2026, 11, 11), date(2026, 11, 12)),
        (date(2027, 12, 25), date(2027, 12, 27)),  # a Saturday, and the Sunday behind it
    ],
)
def test_no_parcel_is_brought_on_sundays_and_holidays(day: date, brought: date) -> None:
    assert brought == delivery_day(day)
