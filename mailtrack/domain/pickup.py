"""What two sources tell of one pick-up: a carrier and a mail, or one mail and a later one."""

import unicodedata
from dataclasses import replace

from mailtrack.domain.model import PickupPoint

#: Letters and digits of a name that tell a place, where another name has more of them.
_TELLING = 5


def completed(told: PickupPoint, other: PickupPoint | None) -> PickupPoint:
    """Return what one source told, with what another one tells of the same pick-up besides.

    Where they contradict each other they tell of two, and nothing is added.
    """
    if other is None or not _is_same(told, other):
        return told
    return replace(
        told,
        name=told.name or other.name,
        address=told.address or other.address,
        last_day=told.last_day or other.last_day,
        code=told.code or other.code,
    )


def place_key(name: str) -> str:
    """Return the letters and digits of a place's name: who writes it spells it in their own way.

    >>> place_key("TABAC de l’Église")
    'tabacdeleglise'
    """
    return "".join(c for c in unicodedata.normalize("NFKD", name).casefold() if c.isalnum())


def _is_same(one: PickupPoint, other: PickupPoint) -> bool:
    short, long = sorted((place_key(one.name), place_key(other.name)), key=len)
    if short and short != long and (len(short) < _TELLING or short not in long):
        return False
    pairs = ((one.last_day, other.last_day), (one.code, other.code))
    return all(not mine or not theirs or mine == theirs for mine, theirs in pairs)
