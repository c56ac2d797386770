"""Which carriers to ask about a number, and in what order."""

from collections.abc import Collection, Iterable, Iterator
from datetime import timedelta

from mailtrack.domain.likelihood import likeliest
from mailtrack.domain.model import Candidate
from mailtrack.domain.numbers import names_its_carrier

#: Services that know nearly every carrier's numbers, but count each number that they are
#: asked about: the last to be asked.
FALLBACKS = ("17track", "aftership")
#: Who else answers for a carrier's numbers, whatever names that carrier.
BESIDE = {"gls": ("glsfrance",)}
#: How long the carriers themselves may not know a number before a fallback is asked: most
#: numbers are only too young.
BEFORE_FALLBACK = timedelta(days=2)


def may_ask(carrier: str, number: str, only: Collection[str]) -> bool:
    """Return False where it is said whose number it is, and this carrier is not meant.

    `only`: the carriers that mails name for it, empty where that binds nobody (see
    `store.named_carriers`). Another one that such numbers look like has never heard of it, or
    knows another parcel by it. A form that names its carrier itself outweighs the mails.
    """
    meant = {*only, *FALLBACKS, *(beside for named in only for beside in BESIDE.get(named, ()))}
    return not only or carrier in meant or names_its_carrier(number)


def choices(
    number: str,
    on: Collection[str],
    said: Iterable[Candidate] = (),
    only: Collection[str] = (),
) -> Iterator[str]:
    """Yield the carriers that a number may belong to, best first, among those that are `on`.

    `said`: what the mail that gave the number says, before what its form says. `only`: see
    `may_ask`.
    """
    told = (candidate.carrier for candidate in said)
    looks_like = (candidate.carrier for candidate in likeliest(number))
    owners = [*told, *sorted(only), *looks_like]
    codes = dict.fromkeys(code for owner in owners for code in (owner, *BESIDE.get(owner, ())))
    yield from (code for code in codes if code in on and may_ask(code, number, only))


def next_choice(
    number: str,
    on: Collection[str],
    tried: Collection[str],
    unknown_for: timedelta,
    only: Collection[str] = (),
    unasked: Collection[str] = (),
) -> str | None:
    """Return whom to ask after those who do not know a number, None to wait with those.

    `only`: see `may_ask`. `unasked`: whose turn it was, but who want a postcode first; nobody
    waits for these.
    """
    passed = {*tried, *unasked}
    untried = (code for code in choices(number, on, only=only) if code not in passed)
    found = next(untried, None)
    if found is not None or (tried and unknown_for < BEFORE_FALLBACK):
        return found
    return next((code for code in FALLBACKS if code in on and code not in tried), None)
