"""Which carriers to ask about a number, and in what order."""

from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta

from mailtrack.domain.likelihood import likeliest
from mailtrack.domain.model import Candidate

#: Services that know nearly every carrier's numbers, but count each number that they are
#: asked about: the last to be asked.
FALLBACKS = ("17track", "aftership")
#: How long the carriers themselves may not know a number before a fallback is asked: most
#: numbers are only too young.
BEFORE_FALLBACK = timedelta(days=2)


def choices(number: str, on: Collection[str], named: Iterable[Candidate] = ()) -> Iterator[str]:
    """Yield the carriers that a number may belong to, best first, among those that are `on`.

    `named`: what the mail that gave the number says, before what its form says.
    """
    codes = dict.fromkeys(candidate.carrier for candidate in (*named, *likeliest(number)))
    yield from (code for code in codes if code in on)


def next_choice(
    number: str, on: Collection[str], tried: Collection[str], unknown_for: timedelta
) -> str | None:
    """Return whom to ask after those who do not know a number, None to wait with those."""
    untried = (code for code in choices(number, on) if code not in tried)
    found = next(untried, None)
    if found is not None or (tried and unknown_for < BEFORE_FALLBACK):
        return found
    return next((code for code in FALLBACKS if code in on and code not in tried), None)
