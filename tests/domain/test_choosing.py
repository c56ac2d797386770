"""Whom to ask about a number that several carriers share, and in what order."""

from datetime import timedelta

import pytest

from mailtrack.carriers import REGISTRY
from mailtrack.domain.choosing import BEFORE_FALLBACK, choices, next_choice
from mailtrack.domain.likelihood import SHARED, WEIGHTS, likeliest
from mailtrack.domain.model import Candidate
from mailtrack.domain.number_formats import FORMATS
from mailtrack.domain.numbers import detect

KEYLESS = frozenset(code for code, kind in REGISTRY.items() if kind.declaration.keyless)
ON = REGISTRY.keys() - KEYLESS


@pytest.mark.parametrize(
    ("number", "order"),
    [
        ("1234567890", ["mondialrelay", "dhl"]),  # DHL's check digit is wrong
        ("3318810025", ["chronopost", "dhl", "mondialrelay"]),  # and here it is right
        ("7123456789", ["cainiao", "mondialrelay", "dhl"]),
        ("36301917596", ["gls", "dhl"]),
        ("123456789012", ["mondialrelay", "fedex", "gls"]),  # one in ten is right by chance
        ("123456789013", ["mondialrelay", "gls", "fedex"]),
        ("12345678901234", ["chronopost", "mondialrelay"]),
        ("89123456789012", ["chronopost", "mondialrelay"]),
        ("871234567890123", ["laposte", "fedex"]),  # both check digits are wrong
        ("250012345678901", ["fedex"]),  # DPD France cannot be asked
    ],
)
def test_digits_alone_are_asked_of_the_likeliest_first(number: str, order: list[str]) -> None:
    assert order == [*choices(number, ON)]


@pytest.mark.parametrize(
    ("number", "order"),
    [
        ("36301917596", ["gls", "glsfrance", "dhl"]),
        ("123456789013", ["mondialrelay", "gls", "glsfrance", "colisprive", "fedex"]),
        ("12345678901234", ["chronopost", "mondialrelay"]),
    ],
)
def test_who_is_asked_without_a_contract_takes_its_own_place(number: str, order: list[str]) -> None:
    assert order == [*choices(number, ON | KEYLESS)]


def test_who_answers_for_another_is_asked_where_a_mail_names_that_one() -> None:
    assert ["gls", "glsfrance"] == [*choices("36301917596", ON | KEYLESS, only=["gls"])]


def test_nobody_waits_for_who_wants_a_postcode_first() -> None:
    number, now = "Q00000000017", timedelta(0)

    assert "colisprive" == next_choice(number, ON | KEYLESS, (), now)
    assert "17track" == next_choice(number, ON | KEYLESS, (), now, unasked=["colisprive"])
    assert next_choice(number, ON | KEYLESS, ["colisprive"], now) is None


def test_a_mail_that_names_its_carrier_outweighs_the_form() -> None:
    named = [Candidate("gls", "", "none")]

    assert "gls" == next(choices("123456789012", ON, named))


def test_each_is_asked_once_before_a_fallback_that_counts_numbers() -> None:
    number, tried = "123456789012", set[str]()
    asked = []
    for days in (0, 0, 0, 0, BEFORE_FALLBACK.days):
        choice = next_choice(number, ON, tried, timedelta(days=days))
        asked.append(choice)
        tried |= {choice} if choice else set()

    assert ["mondialrelay", "fedex", "gls", None, "17track"] == asked


@pytest.mark.parametrize("number", ["LP00123456789012", "LA123456785FR", "37712345", "no number"])
def test_where_the_form_tells_more_nothing_is_weighed(number: str) -> None:
    assert detect(number) == likeliest(number)


def test_every_form_that_such_digits_may_have_is_weighed() -> None:
    digits = [beginning + "0" * (length - 3) for length in SHARED for beginning in _BEGINNINGS]
    forms = {candidate.format for number in digits for candidate in detect(number)}

    assert set() == forms - WEIGHTS.keys()
    assert set() == WEIGHTS.keys() - {form.name for form in FORMATS}


_BEGINNINGS = [f"{number:03d}" for number in range(1000)]
