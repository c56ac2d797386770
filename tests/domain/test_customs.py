"""What customs ask for: on each day what holds on that day, and a table that is looked after."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from mailtrack.domain.customs import RULES, Charge, Collector, CustomsRule, in_force

DUTY = next(rule for rule in RULES if rule.charge is Charge.EU_DUTY)


def without_successor(rules: Iterable[CustomsRule], today: date) -> list[Charge]:
    """Return what the table has a row of that is over, and none that follows it."""
    known = list(rules)
    over = {rule.charge for rule in known if rule.until is not None and rule.until <= today}
    return sorted(
        charge
        for charge in over
        if not any(rule.charge is charge and rule.is_in_force(today) for rule in known)
    )


@pytest.mark.parametrize(
    ("day", "charges"),
    [
        (date(2026, 2, 28), [Charge.VAT]),
        (date(2026, 3, 1), [Charge.VAT, Charge.FRENCH_TAX]),
        (date(2026, 6, 30), [Charge.VAT, Charge.FRENCH_TAX]),
        (date(2026, 7, 1), [Charge.VAT, Charge.FRENCH_TAX, Charge.EU_DUTY]),
        (date(2028, 6, 30), [Charge.VAT, Charge.FRENCH_TAX, Charge.EU_DUTY]),
        (date(2028, 7, 1), [Charge.VAT, Charge.FRENCH_TAX]),
    ],
)
def test_a_small_parcel_pays_what_is_in_force_on_its_day(day: date, charges: list[Charge]) -> None:
    assert charges == [rule.charge for rule in in_force(day, Collector.SHOP)]


def test_no_charge_has_two_rules_on_one_day() -> None:
    for day in {rule.since for rule in RULES}:
        charges = [rule.charge for rule in RULES if rule.is_in_force(day)]
        assert len(set(charges)) == len(charges)


def test_every_rule_has_a_source_and_a_day_to_look_again() -> None:
    for rule in RULES:
        assert rule.source
        assert rule.until is None or rule.look_again < rule.until


def test_the_table_of_customs_is_up_to_date() -> None:
    today = datetime.now(UTC).date()

    assert [] == without_successor(RULES, today), (
        "These customs rules are over: add the row that follows to mailtrack/domain/customs.py."
    )
    assert [] == [rule.source for rule in RULES if rule.look_again < today], (
        "Compare these rules of mailtrack/domain/customs.py with their sources, correct them, "
        "and set the next day to look again."
    )


def test_a_rule_that_is_over_is_missed_until_another_follows_it() -> None:
    assert DUTY.until
    follows = replace(DUTY, amount="selon le tarif", since=DUTY.until, until=None)

    assert [] == without_successor(RULES, DUTY.until - timedelta(days=1))
    assert [Charge.EU_DUTY] == without_successor(RULES, DUTY.until)
    assert [] == without_successor([*RULES, follows], DUTY.until)
