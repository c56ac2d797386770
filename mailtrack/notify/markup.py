"""The parcel as schema.org ParcelDelivery, which mail programs show as a card.

Source of the fields: https://schema.org/ParcelDelivery and
https://developers.google.com/gmail/markup/reference/parcel-delivery.
"""

from collections.abc import Mapping
from typing import TypeAlias

from mailtrack.notify.shops import words_for
from mailtrack.notify.view import NoticeView

Json: TypeAlias = Mapping[str, "str | Json | list[Json]"]


def parcel_delivery(view: NoticeView) -> Json | None:
    """Return the JSON-LD of a parcel mail, None where the mail is about no parcel."""
    parcel = view.parcel
    if parcel is None:
        return None
    expected = parcel.expected
    merchant = _named("Organization", words_for(parcel.shop).name)
    fields: Json = {
        "@context": "http://schema.org",
        "@type": "ParcelDelivery",
        "trackingNumber": parcel.number,
        "trackingUrl": view.links.timeline or parcel.carrier_page,
        "carrier": _named("Organization", parcel.carrier),
        "itemShipped": _named("Product", parcel.name),
        "expectedArrivalFrom": expected.first.isoformat() if expected else "",
        "expectedArrivalUntil": expected.last.isoformat() if expected else "",
        "partOfOrder": [
            {"@type": "Order", "orderNumber": number} | ({"merchant": merchant} if merchant else {})
            for number in parcel.orders
        ],
    }
    return {name: value for name, value in fields.items() if value}


def _named(kind: str, name: str) -> Json:
    return {"@type": kind, "name": name} if name else {}
