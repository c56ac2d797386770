"""Which carriers may a number belong to? Formats and check digits, best first.

The letters at the end of an S10 number name the post that issued it, not the carrier
on the road: AliExpress lines borrow foreign ones, so Cainiao stays a candidate.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from mailtrack.domain.model import Candidate
from mailtrack.domain.number_formats import FORMATS, S10, S10_POSTS, Format

#: Shapes up to this ambiguity are accepted without a label or a link beside them.
ALONE = 2
#: A check digit right by accident less often than this makes up for a common shape.
RARE_CHANCE = 0.05

_EVIDENCE = {"ok": 1, "none": 0, "failed": -1}
# Spaces, dots, hyphens of all kinds and what is invisible: people and mail programs add them.
_NOISE = re.compile(r"[\s.\-_‐‑‒–—\u00ad\u200b-\u200f\u2060\ufeff]+")


def normalise(text: str) -> str:
    """Return the number in capitals without spaces, dots, hyphens and invisible characters."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", text)).upper()


def detect(number: str) -> tuple[Candidate, ...]:
    """Return the carriers that the number may belong to, best first; none if unknown."""
    matches = sorted(_matches(normalise(number)), key=_score, reverse=True)
    best: dict[str, Candidate] = {}
    for form, check_digit in matches:
        for carrier in form.carriers:
            best.setdefault(carrier, Candidate(carrier, form.name, check_digit))
    return tuple(best.values())


def is_valid(number: str) -> bool:
    """Say whether some format matches with more than chance."""
    return any(_more_than_chance(form, check) for form, check in _matches(normalise(number)))


def detect_as_json(numbers: Iterable[str]) -> list[dict[str, Any]]:
    """Return what `mailtrack detect --json` prints, one object per number."""
    return [
        {
            "number": number,
            "normalised": normalise(number),
            "valid": is_valid(number),
            "candidates": [
                {"carrier": c.carrier, "format": c.format, "check_digit": c.check_digit}
                for c in detect(number)
            ],
        }
        for number in numbers
    ]


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
    if form.ambiguity <= ALONE:
        return True
    return check_digit == "ok" and form.chance <= RARE_CHANCE
