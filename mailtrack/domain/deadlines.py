"""Until when a person can act: the buyer protection, a dispute, the pick-up point."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from mailtrack.domain.buyer_protection import PROTECTION, Protection
from mailtrack.domain.milestones import ENDS_OF_AN_ORDER, Milestone
from mailtrack.domain.pickup_times import UsualHold


class DeadlineKind(StrEnum):
    """What ends."""

    PICKUP = "pickup"
    PROTECTION = "protection"
    DISPUTE = "dispute"


class Basis(StrEnum):
    """What a last day is counted from."""

    TOLD = "told"
    USUAL = "usual"
    ORDER = "order"
    DELIVERY = "delivery"
    PROTECTION = "protection"


@dataclass(frozen=True, slots=True)
class Deadline:
    """A last day, and how it was computed: so many days since one; 0 where somebody told it."""

    kind: DeadlineKind
    day: date
    basis: Basis
    since: date
    days: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """What last days depend on: where something stands, on which day it got there, and its order.

    `shop`: the code of who sold it. `told`: the last day at its pick-up point, or `usual`, what is
    usual there.
    """

    shop: str
    milestone: Milestone | None
    reached: date | None
    ordered: date | None = None
    told: date | None = None
    usual: UsualHold | None = None


#: Nothing is to come, and the shop gave the money back or never took it.
_SETTLED = frozenset({*ENDS_OF_AN_ORDER, Milestone.ABANDONED})


def deadlines(standing: Standing, today: date) -> tuple[Deadline, ...]:
    """Return the last days that are still ahead.

    A protection may last longer than the days that are sure of it, so none is told as missed.
    """
    found = (*_at_pickup(standing), *_at_shop(standing))
    return tuple(deadline for deadline in found if deadline.day >= today)


def _at_pickup(standing: Standing) -> Iterator[Deadline]:
    if standing.milestone is not Milestone.PICKUP_AVAILABLE:
        return
    if standing.told:
        yield Deadline(DeadlineKind.PICKUP, standing.told, Basis.TOLD, standing.told)
    elif standing.usual:
        usual = standing.usual
        yield Deadline(DeadlineKind.PICKUP, usual.last_day, Basis.USUAL, usual.since, usual.days)


def _at_shop(standing: Standing) -> Iterator[Deadline]:
    promised = PROTECTION.get(standing.shop)
    if promised is None or standing.milestone in _SETTLED:
        return
    if standing.milestone is Milestone.DELIVERED:
        if standing.reached:
            yield _dispute(promised, Basis.DELIVERY, standing.reached)
    elif standing.ordered:
        ends = standing.ordered + promised.lasts
        lasts = promised.lasts.days
        yield Deadline(DeadlineKind.PROTECTION, ends, Basis.ORDER, standing.ordered, lasts)
        yield _dispute(promised, Basis.PROTECTION, ends)


def _dispute(promised: Protection, basis: Basis, since: date) -> Deadline:
    days = promised.disputes.days
    return Deadline(DeadlineKind.DISPUTE, since + timedelta(days=days), basis, since, days)
