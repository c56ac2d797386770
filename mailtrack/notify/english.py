"""English for those to whom a subscriber shows a parcel: milestones and reasons."""

from collections.abc import Mapping
from types import MappingProxyType

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Reason

LABELS: Mapping[Milestone, str] = MappingProxyType(
    {
        Milestone.ORDER_RECEIVED: "Order received",
        Milestone.DETAILS_AWAITED: "Awaiting details",
        Milestone.ORDER_PROCESSING: "Order being processed",
        Milestone.AMOUNT_UPDATED: "Amount updated",
        Milestone.ORDER_PAID: "Order paid",
        Milestone.INVOICE_AVAILABLE: "Invoice available",
        Milestone.ORDER_PREPARED: "Order prepared",
        Milestone.ORDER_CONSOLIDATED: "Order consolidated",
        Milestone.SHIPPED: "Shipped",
        Milestone.CARRIER_ACCEPTED: "Accepted by the carrier",
        Milestone.IN_TRANSIT: "In international transit",
        Milestone.ARRIVED_IN_COUNTRY: "Arrived in the destination country",
        Milestone.CUSTOMS_STARTED: "Customs clearance in progress",
        Milestone.CUSTOMS_HELD: "Held by customs",
        Milestone.CUSTOMS_CLEARED: "Cleared by customs",
        Milestone.LOCAL_TRANSIT: "With the local carrier",
        Milestone.OUT_FOR_DELIVERY: "Out for delivery",
        Milestone.DELIVERY_FAILED: "Delivery attempt failed",
        Milestone.PICKUP_AVAILABLE: "Available at a pick-up point",
        Milestone.DELIVERED: "Delivered",
        Milestone.RETURNING: "Being returned to the sender",
        Milestone.RETURNED: "Returned to the sender",
        Milestone.EXCEPTION: "Incident",
        Milestone.ORDER_UNFULFILLABLE: "Order cannot be fulfilled",
        Milestone.CANCELLED: "Order cancelled",
        Milestone.REFUNDED: "Order refunded",
        Milestone.ABANDONED: "Order abandoned",
        Milestone.UNKNOWN: "Unknown step",
    }
)

REASONS: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.BAD_ADDRESS: "incorrect or incomplete address",
        Reason.ABSENT: "addressee absent",
        Reason.UNCLAIMED: "parcel not collected in time",
        Reason.CUSTOMS: "customs problem",
        Reason.REFUSED: "parcel refused",
        Reason.LOST: "parcel lost",
        Reason.DAMAGED: "parcel damaged",
        Reason.DELAYED: "delay",
        Reason.REDELIVERY: "new delivery planned",
    }
)
