"""What customs ask of a parcel that comes into France: one dated table.

A mail or a page shows what is in force on the day that it speaks of. What is still being
negotiated (the handling fee of the European Union), or may have ended without notice, is not
here: no row, no word. A new rule is one row.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

#: Euros of goods up to which a shop may collect for customs at the purchase (IOSS).
COLLECTED_UP_TO = 150

#: Shops, by code, that are registered to collect for customs (IOSS).
COLLECTING_SHOPS = frozenset({"aliexpress"})

_FRANCE = "France"
_NOT_ALL_OVERSEAS = "France métropolitaine, Martinique, Guadeloupe, La Réunion, Monaco"
_EU = "Union européenne"

_GUIDE = "ordertracker.com, guide to AliExpress parcels (read 2026-11)"


class Charge(StrEnum):
    """What a rule is about; a rule that is over is followed by another one of its charge."""

    VAT = "vat"
    FRENCH_TAX = "french_tax"
    EU_DUTY = "eu_duty"
    VAT_ON_DELIVERY = "vat_on_delivery"
    TARIFF = "tariff"
    HANDLING = "handling"


class Collector(StrEnum):
    """Who asks for the money: the shop at the purchase (up to 150 €), or the carrier (above)."""

    SHOP = "shop"
    CARRIER = "carrier"


@dataclass(frozen=True, slots=True)
class CustomsRule:
    """One thing to pay for goods from outside the European Union.

    `name` is French, with its article, `amount` what it comes to. In force from the day `since`
    until the day before `until` (None: no end is known). Somebody checks it again against its
    source by `look_again`, which a test reminds of.
    """

    charge: Charge
    name: str
    amount: str
    collector: Collector
    since: date
    until: date | None
    region: str
    source: str
    look_again: date

    def is_in_force(self, day: date) -> bool:
        """Return True if it holds on a day."""
        return self.since <= day and (self.until is None or day < self.until)


RULES = (
    CustomsRule(
        Charge.VAT,
        "la TVA",
        "20 %, IOSS",
        Collector.SHOP,
        date(2021, 7, 1),
        None,
        _FRANCE,
        "Council Directive (EU) 2017/2455",
        look_again=date(2028, 1, 15),
    ),
    CustomsRule(
        Charge.FRENCH_TAX,
        "la taxe française sur les petits colis",
        "2 € par catégorie d’article",
        Collector.SHOP,
        date(2026, 3, 1),
        None,
        _NOT_ALL_OVERSEAS,
        "loi de finances pour 2026; boursorama.com, 2026-02-26",
        look_again=date(2027, 12, 15),
    ),
    CustomsRule(
        Charge.EU_DUTY,
        "le droit de douane européen",
        "3 € par type d’article",
        Collector.SHOP,
        date(2026, 7, 1),
        date(2028, 7, 1),
        _EU,
        "Council Regulation (EU) 2026/382",
        look_again=date(2028, 1, 15),
    ),
    CustomsRule(
        Charge.VAT_ON_DELIVERY,
        "la TVA",
        "20 %",
        Collector.CARRIER,
        date(2021, 7, 1),
        None,
        _FRANCE,
        _GUIDE,
        look_again=date(2028, 1, 15),
    ),
    CustomsRule(
        Charge.TARIFF,
        "d’éventuels droits de douane",
        "",
        Collector.CARRIER,
        date(2021, 7, 1),
        None,
        _EU,
        _GUIDE,
        look_again=date(2028, 1, 15),
    ),
    CustomsRule(
        Charge.HANDLING,
        "les frais de dossier",
        "environ 8 € à La Poste, plus de 20 € chez DHL",
        Collector.CARRIER,
        date(2021, 7, 1),
        None,
        _FRANCE,
        _GUIDE,
        look_again=date(2028, 1, 15),
    ),
)


def in_force(
    day: date, collector: Collector, rules: Iterable[CustomsRule] = RULES
) -> Iterator[CustomsRule]:
    """Yield the rules that hold on a day, of those whose money one collector asks for.

    >>> [rule.amount for rule in in_force(date(2026, 3, 10), Collector.SHOP)]
    ['20 %, IOSS', '2 € par catégorie d’article']
    """
    return (rule for rule in rules if rule.collector is collector and rule.is_in_force(day))
