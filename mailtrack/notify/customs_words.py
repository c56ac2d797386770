"""What mails and pages say of customs: the rules that are in force, in a sentence's words."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from mailtrack.domain.customs import COLLECTED_UP_TO, Collector, in_force
from mailtrack.notify.french import short_day, typeset

#: A rule that is younger says since when it holds: older parcels went without it.
_NEWS = timedelta(days=2 * 365)


@dataclass(frozen=True, slots=True)
class CustomsWords:
    """What is to be paid on one day, as lists within a sentence.

    `up_to`: the amount up to which the shop collects; `by_shop`: what it collects, and
    `by_carrier`: what the carrier asks for above that.
    """

    up_to: str
    by_shop: str
    by_carrier: str


@lru_cache(maxsize=8)
def customs_words(day: date) -> CustomsWords:
    r"""Return what is said of customs on a day.

    >>> customs_words(date(2025, 1, 1)).by_shop
    'la TVA (20\xa0%, IOSS)'
    """
    return CustomsWords(
        typeset(f"{COLLECTED_UP_TO} €"),
        by_shop=_collected(Collector.SHOP, day),
        by_carrier=_collected(Collector.CARRIER, day),
    )


def _collected(collector: Collector, day: date) -> str:
    """Return what somebody collects, and since when where that is new, as a list in words."""
    parts = []
    for rule in in_force(day, collector):
        since = f"depuis le {short_day(rule.since)} {rule.since.year}"
        about = (rule.amount, since if day - rule.since < _NEWS else "")
        more = ", ".join(part for part in about if part)
        parts.append(f"{rule.name} ({more})" if more else rule.name)
    *first, last = parts or [""]
    return typeset(f"{', '.join(first)} et {last}" if first else last)
