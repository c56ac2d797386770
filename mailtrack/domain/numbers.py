"""Which carriers may a number belong to? Formats and check digits, best first.

The letters at the end of an S10 number name the post that issued it, not the carrier
on the road: AliExpress lines borrow foreign ones, so Cainiao stays a candidate.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from mailtrack.domain.model import Candidate
from mailtrack.domain.number_formats import FORMATS, MASKS, S10, S10_POSTS, Format

#: No number is in a longer text; to put marks on letters in order takes the square of its length.
MAX_TEXT = 10_000
#: Shapes up to this ambiguity are accepted without a label or a link beside them.
ALONE = 2
#: A check digit right by accident less often than this makes up for a common shape.
RARE_CHANCE = 0.05

#: Nothing but parcels has a number of these masks: S10 and Colissimo.
_STRONG = frozenset(MASKS[:2])
_EVIDENCE = {"ok": 1, "none": 0, "failed": -1}
# Spaces, dots, hyphens of all kinds and what is invisible: people and mail programs add them.
_NOISE = re.compile(r"[\s.\-_‐‑‒–—\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")
# Letters and digits that look alike, by what the format wants in their place.
_READ_AS = {"A": str.maketrans("01", "OI"), "9": str.maketrans("OI", "01"), "*": {}}


def normalise(text: str) -> str:
    """Return the number in capitals without spaces, dots, hyphens and invisible characters."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", text[:MAX_TEXT])).upper()


def correct(text: str) -> str:
    """Return the number normalised, O and 0, I and 1 exchanged where a check digit proves it.

    >>> correct("la 123 456 785 fr"), correct("LAI23456785FR")
    ('LA123456785FR', 'LA123456785FR')
    """
    number = normalise(text)
    if any(check_digit != "failed" for _, check_digit in _matches(number)):
        return number
    readings = {
        "".join(char.translate(_READ_AS[kind]) for kind, char in zip(mask, number, strict=True))
        for mask in MASKS
        if len(mask) == len(number)
    }
    proven = [r for r in readings if any(check_digit == "ok" for _, check_digit in _matches(r))]
    return proven[0] if len(proven) == 1 else number


def detect(number: str) -> tuple[Candidate, ...]:
    """Return the carriers that the number may belong to, best first; none if unknown.

    >>> [(c.carrier, c.format, c.check_digit) for c in detect("LP00123456789012")]
    [('cainiao', 'cainiao_lp', 'none')]
    >>> [(c.carrier, c.check_digit) for c in detect("LA123456785FR")]
    [('laposte', 'ok'), ('chronopost', 'ok'), ('upu', 'ok'), ('cainiao', 'ok')]
    """
    matches = sorted(
        _matches(normalise(number)),
        key=lambda match: _EVIDENCE[match[1]] - match[0].ambiguity,
        reverse=True,
    )
    best: dict[str, Candidate] = {}
    for form, check_digit in matches:
        for carrier in form.carriers:
            best.setdefault(carrier, Candidate(carrier, form.name, check_digit))
    return tuple(best.values())


def is_valid(number: str) -> bool:
    """Return True if some format matches with more than chance."""
    for form, check_digit in _matches(normalise(number)):
        doubt = form.ambiguity + (check_digit == "failed")
        if doubt <= ALONE or (check_digit == "ok" and form.chance <= RARE_CHANCE):
            return True
    return False


def is_miscopied(number: str) -> bool:
    """Return True if a wrong check digit is all that speaks against a number.

    Its form has to be worth a question: one that names its carrier alone, or that of S10 or
    Colissimo. Bills, VAT numbers and telephones have other forms.

    >>> is_miscopied("LA123456784FR"), is_miscopied("LA123456785FR"), is_miscopied("37712345")
    (True, False, False)
    """
    number = normalise(number)
    found = list(_matches(number))
    mask = "".join("9" if char.isdigit() else "A" for char in number)
    is_strong = mask in _STRONG or any(form.ambiguity == 1 for form, _ in found)
    likely = {check_digit for form, check_digit in found if form.ambiguity <= ALONE}
    return is_strong and likely == {"failed"}


def names_its_carrier(number: str) -> bool:
    """Return True if a form alone says whose number it is, whatever a mail says.

    By a beginning that nobody else uses, or a check digit that is right in a form of few.
    """
    for form, check_digit in _matches(normalise(number)):
        if check_digit == "none" and form.ambiguity == 1:
            return True
        if check_digit == "ok" and (form.ambiguity <= ALONE or form.chance <= RARE_CHANCE):
            return True
    return False


def service_of(number: str) -> str:
    """Return the service that the form of a number tells, "" if it tells none.

    >>> service_of("EA123456785CN"), service_of("LP00123456789012")
    ('ems', '')
    """
    return next((form.service for form, _ in _matches(normalise(number)) if form.service), "")


def detect_as_json(numbers: Iterable[str]) -> list[dict[str, Any]]:
    """Return what `mailtrack detect --json` prints, one object per number."""
    return [
        {
            "number": number,
            "normalised": corrected,
            "valid": is_valid(corrected),
            "candidates": [
                {"carrier": c.carrier, "format": c.format, "check_digit": c.check_digit}
                for c in detect(corrected)
            ],
        }
        for number in numbers
        for corrected in (correct(number),)
    ]


def _matches(number: str) -> Iterator[tuple[Format, str]]:
    """Yield the formats that match a number, each with its check digit: ok, none or failed.

    S10 as its issuing post, then as the world's; FORMATS name some of it more exactly.
    """
    country = number[-2:]
    forms = [*FORMATS, S10]
    post = S10_POSTS.get(country)
    if post:
        of_post = replace(S10, name=f"s10_{country.lower()}", ambiguity=1, carriers=(post,))
        forms.insert(-1, of_post)
    for form in forms:
        if form.pattern.fullmatch(number) is None:
            continue
        if form.check is None:
            yield form, "none"
        else:
            yield form, "ok" if form.check(number) else "failed"
