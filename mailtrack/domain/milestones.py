"""The closed list of milestones, the same for all carriers.

Codes are stable: the database, the JSON of the commands and the phrase files use
them. The table below holds everything that depends on a milestone alone.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache


class Milestone(StrEnum):
    """One stage of a parcel's way, from the order to the letterbox."""

    ORDER_RECEIVED = "order_received"
    DETAILS_AWAITED = "details_awaited"
    ORDER_PROCESSING = "order_processing"
    AMOUNT_UPDATED = "amount_updated"
    ORDER_PAID = "order_paid"
    INVOICE_AVAILABLE = "invoice_available"
    ORDER_PREPARED = "order_prepared"
    ORDER_CONSOLIDATED = "order_consolidated"
    SHIPPED = "shipped"
    CARRIER_ACCEPTED = "carrier_accepted"
    IN_TRANSIT = "in_transit"
    ARRIVED_IN_COUNTRY = "arrived_in_country"
    CUSTOMS_STARTED = "customs_started"
    CUSTOMS_HELD = "customs_held"
    CUSTOMS_CLEARED = "customs_cleared"
    LOCAL_TRANSIT = "local_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERY_FAILED = "delivery_failed"
    PICKUP_AVAILABLE = "pickup_available"
    DELIVERED = "delivered"
    RETURNING = "returning"
    RETURNED = "returned"
    EXCEPTION = "exception"
    ORDER_UNFULFILLABLE = "order_unfulfillable"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"
    ABANDONED = "abandoned"
    UNKNOWN = "unknown"


class Phase(StrEnum):
    """The great steps, in order; a parcel never goes back to an earlier one."""

    ORDER = "order"
    ROAD = "road"
    ARRIVAL = "arrival"
    DELIVERY = "delivery"
    RETURN = "return"
    END = "end"
    NONE = "none"


class Mailed(StrEnum):
    """Whether a subscriber hears of a milestone by default."""

    YES = "yes"
    OPTIONAL = "opt"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Stage:
    """What is true of one milestone, for every parcel.

    `repeats`: it may happen again on another day and is then told again
    (a second delivery attempt); the others are told once in a parcel's life.
    """

    rank: int
    phase: Phase
    mailed: Mailed
    label: str
    repeats: bool = False


_YES, _OPT, _NO = Mailed.YES, Mailed.OPTIONAL, Mailed.NO

STAGES: dict[Milestone, Stage] = {
    Milestone.ORDER_RECEIVED: Stage(10, Phase.ORDER, _NO, "Commande reçue"),
    Milestone.DETAILS_AWAITED: Stage(12, Phase.ORDER, _OPT, "En attente de précisions"),
    Milestone.ORDER_PROCESSING: Stage(14, Phase.ORDER, _NO, "Commande en cours"),
    Milestone.AMOUNT_UPDATED: Stage(16, Phase.ORDER, _NO, "Montant mis à jour"),
    Milestone.ORDER_PAID: Stage(18, Phase.ORDER, _NO, "Achat effectué"),
    Milestone.INVOICE_AVAILABLE: Stage(18, Phase.ORDER, _NO, "Facture disponible"),
    Milestone.ORDER_PREPARED: Stage(20, Phase.ORDER, _OPT, "Commande préparée"),
    Milestone.ORDER_CONSOLIDATED: Stage(22, Phase.ORDER, _OPT, "Commande consolidée"),
    # "Expédié" is told by the mail "suivi enregistré", which every subscription gets.
    Milestone.SHIPPED: Stage(30, Phase.ROAD, _NO, "Expédié"),
    Milestone.CARRIER_ACCEPTED: Stage(40, Phase.ROAD, _YES, "Pris en charge par le transporteur"),
    Milestone.IN_TRANSIT: Stage(50, Phase.ROAD, _OPT, "En transit international"),
    Milestone.ARRIVED_IN_COUNTRY: Stage(
        60, Phase.ARRIVAL, _YES, "Arrivé dans le pays de destination"
    ),
    Milestone.CUSTOMS_STARTED: Stage(70, Phase.ARRIVAL, _OPT, "En cours de dédouanement"),
    Milestone.CUSTOMS_HELD: Stage(72, Phase.ARRIVAL, _YES, "Bloqué en douane", repeats=True),
    Milestone.CUSTOMS_CLEARED: Stage(80, Phase.ARRIVAL, _YES, "Dédouané"),
    Milestone.LOCAL_TRANSIT: Stage(85, Phase.DELIVERY, _OPT, "Chez le transporteur local"),
    Milestone.OUT_FOR_DELIVERY: Stage(
        90, Phase.DELIVERY, _YES, "En cours de livraison", repeats=True
    ),
    Milestone.DELIVERY_FAILED: Stage(
        92, Phase.DELIVERY, _YES, "Tentative de livraison échouée", repeats=True
    ),
    Milestone.PICKUP_AVAILABLE: Stage(
        94, Phase.DELIVERY, _YES, "Disponible en point de retrait", repeats=True
    ),
    Milestone.RETURNING: Stage(96, Phase.RETURN, _YES, "Retour à l’expéditeur en cours"),
    Milestone.DELIVERED: Stage(100, Phase.END, _YES, "Arrivé à destination (livré)"),
    Milestone.RETURNED: Stage(100, Phase.END, _YES, "Retourné"),
    Milestone.EXCEPTION: Stage(0, Phase.NONE, _YES, "Incident", repeats=True),
    Milestone.ORDER_UNFULFILLABLE: Stage(100, Phase.END, _YES, "Commande inexécutable"),
    Milestone.CANCELLED: Stage(100, Phase.END, _YES, "Commande annulée"),
    Milestone.REFUNDED: Stage(100, Phase.END, _YES, "Commande remboursée"),
    Milestone.ABANDONED: Stage(100, Phase.END, _OPT, "Commande abandonnée"),
    Milestone.UNKNOWN: Stage(0, Phase.NONE, _NO, "Étape inconnue"),
}

#: Nothing more is to come after these, but for a return or a refund.
ENDED = frozenset(m for m, stage in STAGES.items() if stage.phase is Phase.END)

#: After these an order without a parcel awaits none any more.
ENDS_OF_AN_ORDER = (Milestone.ORDER_UNFULFILLABLE, Milestone.CANCELLED, Milestone.REFUNDED)


def mailed_by_default() -> frozenset[Milestone]:
    """Return the milestones that every subscriber hears of unless they say otherwise."""
    return _mailed(Mailed.YES)


def mailed_on_request() -> frozenset[Milestone]:
    """Return the milestones that only those hear of who ask for it."""
    return _mailed(Mailed.OPTIONAL)


@cache
def _mailed(how: Mailed) -> frozenset[Milestone]:
    return frozenset(m for m, stage in STAGES.items() if stage.mailed is how)
