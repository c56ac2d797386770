"""Numbers that are asked about in place of being followed."""

from collections.abc import Collection, Iterable, Iterator

from mailtrack.domain.numbers import detect, is_miscopied
from mailtrack.parsers.reading import Doubt, DoubtfulNumber

#: Numbers that one answer asks about; nobody reads more questions.
MOST_ASKED = 3


def miscopied(numbers: Iterable[str]) -> Iterator[DoubtfulNumber]:
    """Yield those of some numbers whose check digit says that somebody miscopied them."""
    for number in filter(is_miscopied, numbers):
        yield DoubtfulNumber(number, detect(number), Doubt.CHECK_DIGIT)


def to_ask(found: Iterable[DoubtfulNumber], certain: Collection[str]) -> tuple[DoubtfulNumber, ...]:
    """Return the numbers to ask about: each once, none that is certain, and few."""
    numbers = {doubtful.number: doubtful for doubtful in found if doubtful.number not in certain}
    return tuple(numbers.values())[:MOST_ASKED]
