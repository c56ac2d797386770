"""The one table of stages: how long parcels stay at a milestone, and how long until delivery.

Polls (`scheduling`), silences (`silence`) and expected days (`forecast`) read it alike. It is
what is believed before a parcel was seen: documented itineraries, and the times that AliExpress
publishes for buyers in France (Standard 15 to 45 days, Choice 9 to 15, EMS 7 to 15, a warehouse
in Europe 3 to 10 working days, express 3 to 7, customs 2 to 7). Neither its mails nor Cainiao
tell Choice from Standard: from afar, both are believed in at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import log
from types import MappingProxyType

from mailtrack.domain.milestones import ENDED, Milestone


class Route(StrEnum):
    """Ways to France whose times are so different that one says little of another.

    `INTERNATIONAL` is from afar, by a service that nobody names.
    """

    INTERNATIONAL = "international"
    EMS = "ems"
    EXPRESS = "express"
    EUROPE = "europe"


_ROUTES = {str(route): route for route in Route}
#: The routes that a first carrier tells: a parcel that begins at a French one begins in Europe.
_ROUTE_OF: Mapping[str, Route] = MappingProxyType(
    {
        **dict.fromkeys(("dhl", "fedex", "ups"), Route.EXPRESS),
        "ems": Route.EMS,
        **dict.fromkeys(("laposte", "colissimo", "chronopost", "gls", "glsfrance"), Route.EUROPE),
        **dict.fromkeys(("mondialrelay", "colisprive", "relaiscolis", "ciblex"), Route.EUROPE),
        **dict.fromkeys(("paack", "correos", "pocztapolska"), Route.EUROPE),
    }
)


@dataclass(frozen=True, slots=True)
class Lane:
    """By whom a parcel goes: codes of carriers, and the service that its number tells.

    "" where they are unknown.
    """

    first: str
    last: str = ""
    service: str = ""

    @property
    def route(self) -> Route:
        """Return the way that the service names, or else the one that the first carrier tells."""
        by_carrier = _ROUTE_OF.get(self.first, Route.INTERNATIONAL)
        return _ROUTES.get(self.service, by_carrier)


@dataclass(frozen=True, slots=True)
class Spread:
    """Days that one, five and nine parcels of ten do not outlast."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class StageTimes:
    """What is expected of parcels at one milestone.

    `mean_h`: hours until their next scan, in the mean: of documented itineraries, drawn towards
    what was supposed before as if 40 scans had shown that. `importance`: how much its news matters.
    `slow_days`: nine of ten do not stay longer. `to_delivery`: days from the milestone to the
    delivery, None where nothing can be said of them.
    """

    mean_h: float
    importance: float
    slow_days: float
    to_delivery: Spread | None = None


_ORDERED = StageTimes(48, 1, 15, Spread(10, 19, 43))

STAGE_TIMES: Mapping[Milestone, StageTimes] = MappingProxyType(
    {
        Milestone.ORDER_RECEIVED: _ORDERED,
        Milestone.DETAILS_AWAITED: _ORDERED,
        Milestone.ORDER_PROCESSING: _ORDERED,
        Milestone.AMOUNT_UPDATED: _ORDERED,
        Milestone.ORDER_PAID: _ORDERED,
        Milestone.INVOICE_AVAILABLE: _ORDERED,
        Milestone.ORDER_PREPARED: _ORDERED,
        Milestone.ORDER_CONSOLIDATED: _ORDERED,
        Milestone.SHIPPED: StageTimes(68, 1, 30, Spread(9, 17, 38)),
        Milestone.CARRIER_ACCEPTED: StageTimes(70, 1, 30, Spread(8, 15, 32)),
        # Itineraries show silences of 15 to 50 days at sea or in the air as normal.
        Milestone.IN_TRANSIT: StageTimes(67, 1, 30, Spread(6, 13, 30)),
        Milestone.ARRIVED_IN_COUNTRY: StageTimes(42, 2, 15, Spread(2, 5, 14)),
        Milestone.CUSTOMS_STARTED: StageTimes(48, 2, 15, Spread(1.5, 5, 13)),
        Milestone.CUSTOMS_HELD: StageTimes(48, 2, 15, Spread(3, 8, 25)),
        Milestone.CUSTOMS_CLEARED: StageTimes(44, 2, 15, Spread(0.8, 3.5, 9)),
        Milestone.LOCAL_TRANSIT: StageTimes(14, 2, 7, Spread(0.6, 2.5, 7)),
        Milestone.OUT_FOR_DELIVERY: StageTimes(6, 3, 7, Spread(0.1, 0.25, 0.8)),
        Milestone.DELIVERY_FAILED: StageTimes(22, 2, 7, Spread(0.8, 1.5, 6)),
        Milestone.PICKUP_AVAILABLE: StageTimes(67, 2, 7),
        Milestone.RETURNING: StageTimes(240, 1, 45),
        Milestone.EXCEPTION: StageTimes(48, 2, 15),
        Milestone.UNKNOWN: StageTimes(48, 1, 15),
    }
)
#: Days to delivery by routes that are known, before the arrival: after it all are alike.
_EARLY: Mapping[Route, Mapping[Milestone, Spread]] = MappingProxyType(
    {
        Route.EMS: {
            Milestone.ORDER_PAID: Spread(7, 11, 18),
            Milestone.SHIPPED: Spread(6, 10, 16),
            Milestone.CARRIER_ACCEPTED: Spread(6, 9, 15),
            Milestone.IN_TRANSIT: Spread(4, 8, 14),
        },
        Route.EXPRESS: {
            Milestone.ORDER_PAID: Spread(4, 7, 12),
            Milestone.SHIPPED: Spread(3, 5, 10),
            Milestone.CARRIER_ACCEPTED: Spread(2, 4, 9),
            Milestone.IN_TRANSIT: Spread(1, 3, 8),
        },
        Route.EUROPE: {
            Milestone.ORDER_PAID: Spread(4, 8, 16),
            Milestone.SHIPPED: Spread(2.5, 6, 13),
            Milestone.CARRIER_ACCEPTED: Spread(1, 3, 9),
            Milestone.IN_TRANSIT: Spread(1, 3.5, 9),
        },
    }
)


def times_of(milestone: Milestone | None) -> StageTimes:
    """Return what is expected at a milestone; None is a number that no carrier knows yet."""
    return STAGE_TIMES.get(milestone or Milestone.UNKNOWN, STAGE_TIMES[Milestone.UNKNOWN])


def stay(milestone: Milestone) -> Spread | None:
    """Return the days until the next milestone, or None where there is none.

    The fast half is that of a constant rate (its quantiles are −ln(1 − share) means); the slow
    one is longer than that.
    """
    if milestone in ENDED:
        return None
    times = times_of(milestone)
    mean = times.mean_h / 24
    return Spread(-log(0.9) * mean, log(2) * mean, times.slow_days)


def to_delivery(milestone: Milestone, route: Route) -> Spread | None:
    """Return the days from a milestone to the delivery, or None where nothing can be said."""
    times = times_of(milestone)
    step = Milestone.ORDER_PAID if times is _ORDERED else milestone
    return _EARLY.get(route, {}).get(step, times.to_delivery)


@dataclass(frozen=True, slots=True)
class PublishedDays:
    """Fixed days between which AliExpress says that a parcel comes, or customs are done.

    They count from the milestone where `from_milestone` is set, else from the beginning. Working
    days are told as the days of the calendar that they take.
    """

    first: int
    last: int
    from_milestone: bool = False


_PUBLISHED: Mapping[Route, PublishedDays] = MappingProxyType(
    {
        Route.INTERNATIONAL: PublishedDays(15, 45),
        Route.EMS: PublishedDays(7, 15),
        Route.EXPRESS: PublishedDays(4, 10),
        Route.EUROPE: PublishedDays(4, 14),
    }
)
_PUBLISHED_AT: Mapping[Milestone, PublishedDays] = MappingProxyType(
    {
        Milestone.CUSTOMS_STARTED: PublishedDays(3, 10, from_milestone=True),
        Milestone.OUT_FOR_DELIVERY: PublishedDays(0, 0, from_milestone=True),
    }
)


def published_days(milestone: Milestone, route: Route) -> PublishedDays:
    """Return the fixed days that buyers are told: what a forecast must be better than."""
    return _PUBLISHED_AT.get(milestone) or _PUBLISHED[route]
