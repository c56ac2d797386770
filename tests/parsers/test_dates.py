"""Days as mails write them: a day that is not certain is none."""

import re
from datetime import date

import pytest

from mailtrack.parsers.dates import DAY, day_of, day_sent, unaccented


@pytest.mark.parametrize(
    "header",
    [
        "lun. 2 mars 2026 à 09:31",
        "lundi 2 mars 2026 09:31",
        "2 mars 2026 à 09:31:00 UTC+1",
        "Lundi 2 Mars 2026 09:31:00",
        "02/03/26 09:31",
        "02/03/2026 09:31",
        "02.03.2026 09:31 CET",
        "2/03/26  09:31  (GMT+01:00)",
        "2026-03-02 09:31",
        "Mon, 02 Mar 2026 08:31:00 +0000",
        "Sun, 01 Mar 2026 23:31:00 +0000",
        "Monday, March 2, 2026 9:31 AM",
        "On Monday, March 2nd, 2026 at 9:31 AM",
        "Mon, Mar 2, 2026 at 9:31 AM",
        # A stranger's: the day stands there all the same.
        "Mon, 2 Mar 2026 10:00:99999999999999999999 +0100",
    ],
)
def test_the_day_of_a_mail_is_read_however_a_mail_program_writes_it(header: str) -> None:
    assert date(2026, 3, 2) == day_sent(header)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "hier",
        "2 mars",
        "3/2/2026 9:31 AM",  # the second of March or the third of February
        "mardi 2 mars 2026 09:31",  # was a Monday
        "30 février 2026",
        "2 jui 2026",  # June or July
        "99/99/2026",
    ],
)
def test_a_date_that_may_mean_several_days_or_none_is_unknown(header: str) -> None:
    assert day_sent(header) is None


SENT = date(2025, 12, 8)


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("jeudi 11 décembre", date(2025, 12, 11)),
        ("le jeudi 11 DÉCEMBRE 2025", date(2025, 12, 11)),
        ("mercredi 11 décembre", None),
        ("2 janvier", date(2026, 1, 2)),
        ("1er janv. 2026", date(2026, 1, 1)),
        ("30 novembre", date(2025, 11, 30)),
        ("15 août", None),  # four months ago
        ("15 aout 2026", date(2026, 8, 15)),
        ("31/12", date(2025, 12, 31)),
        ("le 14.11.2026", date(2026, 11, 14)),
        ("12/01/26", date(2026, 1, 12)),
        ("aujourd’hui", SENT),
        ("Demain", date(2025, 12, 9)),
        ("29 février", None),
        ("31/02/2026", None),
    ],
)
def test_a_day_is_completed_from_the_day_of_its_mail(said: str, day: date | None) -> None:
    found = re.fullmatch(DAY, unaccented(said), re.IGNORECASE)

    assert found
    assert day == day_of(found, SENT, month_first=False)


@pytest.mark.parametrize("said", ["11 décembre", "11/12", "aujourd'hui", "demain"])
def test_without_the_day_of_its_mail_a_day_in_short_says_nothing(said: str) -> None:
    found = re.fullmatch(DAY, unaccented(said), re.IGNORECASE)

    assert found
    assert day_of(found, None, month_first=False) is None


@pytest.mark.parametrize(
    ("said", "month_first", "day"),
    [
        ("02/10/2026", True, date(2026, 2, 10)),
        ("02/10/2026", False, date(2026, 10, 2)),
        ("02/10/2026", None, None),
        ("02/13/2026", None, date(2026, 2, 13)),
        ("13/02/2026", None, date(2026, 2, 13)),
        ("02/02/2026", None, date(2026, 2, 2)),
    ],
)
def test_of_two_numbers_somebody_must_know_which_is_the_month(
    said: str, month_first: bool | None, day: date | None
) -> None:
    found = re.fullmatch(DAY, said)

    assert found
    assert day == day_of(found, None, month_first=month_first)
