"""For how long shops protect those who buy from them, and until when these may dispute."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Protection:
    """What one shop promises.

    `lasts` from the day of the order. A dispute may be opened for `disputes` after the delivery,
    or after the end of the protection where nothing arrived.
    """

    lasts: timedelta
    disputes: timedelta


#: By the code of the shop; a shop that is not here promises none that we know of.
#: AliExpress protects buyers for 60 to 90 days; the shorter is the safe one.
PROTECTION: Mapping[str, Protection] = MappingProxyType(
    {"aliexpress": Protection(lasts=timedelta(days=60), disputes=timedelta(days=15))}
)

#: How long before its end a protection is recalled.
NOTICE = timedelta(days=5)
#: After this no shop protects anybody any more.
LONGEST = max(protection.lasts for protection in PROTECTION.values())


def recalled_on(shop: str, ordered_at: date | None) -> date | None:
    """Return the day from which on the end of a protection is recalled; None as below.

    >>> recalled_on("aliexpress", date(2026, 1, 1))
    datetime.date(2026, 2, 25)
    """
    ends = protected_until(shop, ordered_at)
    return ends - NOTICE if ends else None


def protected_until(shop: str, ordered_at: date | None) -> date | None:
    """Return the last day of a shop's protection; None where it has none, or no day is known.

    >>> protected_until("aliexpress", date(2026, 1, 1))
    datetime.date(2026, 3, 2)
    >>> protected_until("amazon", date(2026, 1, 1))
    """
    promised = PROTECTION.get(shop)
    return ordered_at + promised.lasts if promised and ordered_at else None
