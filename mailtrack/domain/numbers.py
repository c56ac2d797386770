"""Which carriers may a number belong to? Formats and check digits, best first.

The letters at the end of an S10 number name the post that issued it, not the carrier
on the road: AliExpress lines borrow foreign ones, so Cainiao stays a candidate.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from mailtrack.domain.model import Candidate
from mailtrack.domain.number_formats import FORMATS, MASKS, S10, S10_POSTS, Format

#: No number is in a longer text; to put marks on letters in order takes the square of its length.
MAX_TEXT = 10_000
#: Shapes up to this ambiguity are accepted without a label or a link beside them.
ALONE = 2
#: A check digit right by accident less often than this makes up for a common shape.
RARE_CHANCE = 0.05

_EVIDENCE = {"ok": 1, "none": 0, "failed": -1}
# Spaces, dots, hyphens of all kinds and what is invisible: people and mail programs add them.
_NOISE = re.compile(r"[\s.\-_‐‑‒–—\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")
# Letters and digits that look alike, by what the format wants in their place.
_READ_AS = {"A": str.maketrans("01", "OI"), "9": str.maketrans("OI", "01"), "*": {}}


def normalise(text: str) -> str:
    """Return the number in capitals without spaces, dots, hyphens and invisible characters."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", text[:MAX_TEXT])).upper()


def correct(text: str) -> str:
    """Return the number normalised, O and 0, I and 1 exchanged where a check digit proves it."""
    number = normalise(text)
    if any(check_digit != "failed" for _, check_digit in _matches(number)):
        return number
    readings = {_read_as(mask, number) for mask in MASKS if len(mask) == len(number)}
    proven = [reading for reading in readings if _is_proven(reading)]
    return proven[0] if len(proven) == 1 else number


def detect(number: str) -> tuple[Candidate, ...]:
    """Return the carriers that the number may belong to, best first; none if unknown."""
    matches = sorted(_matches(normalise(number)), key=_score, reverse=True)
    best: dict[str, Candidate] = {}
    for form, check_digit in matches:
        for carrier in form.carriers:
            best.setdefault(carrier, Candidate(carrier, form.name, check_digit))
    return tuple(best.values())


def is_valid(number: str) -> bool:
    """Return True if some format matches with more than chance."""
    return any(_more_than_chance(form, check) for form, check in _matches(normalise(number)))


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


def _read_as(mask: str, number: str) -> str:
    return "".join(char.translate(_READ_AS[kind]) for kind, char in zip(mask, number, strict=True))


def _is_proven(number: str) -> bool:
    return any(check_digit == "ok" for _, check_digit in _matches(number))


def _matches(number: str) -> Iterator[tuple[Format, str]]:
    for form in (*FORMATS, *_s10_formats(number)):
        if form.pattern.fullmatch(number):
            yield form, _check(form, number)


def _s10_formats(number: str) -> Iterator[Format]:
    """Yield S10 as its issuing post, then as the world's; FORMATS name some more exactly."""
    post = S10_POSTS.get(number[-2:])
    if post:
        yield Format(f"s10_{number[-2:].lower()}", S10.pattern, 1, (post,), S10.check, S10.chance)
    yield S10


def _check(form: Format, number: str) -> str:
    if form.check is None:
        return "none"
    return "ok" if form.check(number) else "failed"


def _score(match: tuple[Format, str]) -> int:
    form, check_digit = match
    return _EVIDENCE[check_digit] - form.ambiguity


def _more_than_chance(form: Format, check_digit: str) -> bool:
    doubt = form.ambiguity - _EVIDENCE[check_digit] if check_digit == "failed" else form.ambiguity
    if doubt <= ALONE:
        return True
    return check_digit == "ok" and form.chance <= RARE_CHANCE
