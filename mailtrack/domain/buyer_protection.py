"""For how long shops protect those who buy from them, from the day of the order."""

from collections.abc import Mapping
from datetime import date, timedelta
from types import MappingProxyType

#: By the code of the shop; a shop that is not here promises none that we know of.
#: AliExpress protects buyers for 60 to 90 days; the shorter is the safe one.
PROTECTION: Mapping[str, timedelta] = MappingProxyType({"aliexpress": timedelta(days=60)})

#: After this no shop protects anybody any more.
LONGEST = max(PROTECTION.values())


def protected_until(shop: str, ordered_at: date | None) -> date | None:
    """Return the last day of a shop's protection; None where it has none, or no day is known.

    >>> protected_until("aliexpress", date(2026, 1, 1))
    datetime.date(2026, 3, 2)
    >>> protected_until("amazon", date(2026, 1, 1))
    """
    days = PROTECTION.get(shop)
    return ordered_at + days if days is not None and ordered_at is not None else None
