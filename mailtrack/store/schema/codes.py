"""Words of which there are few and rows many: kept as numbers, and read as words.

A number means the same for ever, so new words go to the end of a list. A test holds that each
kind of notice, and each reason to leave one out, has its place.
"""

from collections.abc import Sequence
from typing import ClassVar

from sqlalchemy import Dialect, SmallInteger, TypeDecorator

#: What a number means that only another version has a word for.
UNKNOWN = "unknown"


class Coded(TypeDecorator[str]):
    """A word as its place in the list of a subclass, from 1 on; 0 is `UNKNOWN`.

    A word that is not in the list raises ValueError.
    """

    impl = SmallInteger
    cache_ok = True  # SQLAlchemy asks each subclass anew
    words: ClassVar[Sequence[str]] = ()

    def process_bind_param(
        self,
        value: str | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy passes it by name
    ) -> int | None:
        if value is None:
            return None
        return 0 if value == UNKNOWN else self.words.index(value) + 1

    def process_result_value(
        self,
        value: int | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> str | None:
        return None if value is None else self.word(value)

    def word(self, number: int) -> str:
        """Return what a number stands for."""
        return self.words[number - 1] if 0 < number <= len(self.words) else UNKNOWN


class NoticeStates(Coded):
    """Where a notice is in its life."""

    cache_ok = True
    words = ("due", "sent", "skipped", "failed")


class SkipReasons(Coded):
    """Why a notice is not mailed."""

    cache_ok = True
    words = (
        "first_answer",
        "superseded",
        "late",
        "repeated",
        "not_wanted",
        "unwanted",
        "muted",
        "unsubscribed",
        "bounced",
        "elsewhere",
        "digested",
        "too_late",
        "nothing_left",
    )


class NoticeKinds(Coded):
    """What a notice tells: milestones first, in no order that would matter."""

    cache_ok = True
    words = (
        "order_received",
        "details_awaited",
        "order_processing",
        "amount_updated",
        "order_paid",
        "invoice_available",
        "order_prepared",
        "order_consolidated",
        "shipped",
        "carrier_accepted",
        "in_transit",
        "arrived_in_country",
        "customs_started",
        "customs_held",
        "customs_cleared",
        "local_transit",
        "out_for_delivery",
        "delivery_failed",
        "pickup_available",
        "delivered",
        "returning",
        "returned",
        "exception",
        "order_unfulfillable",
        "cancelled",
        "refunded",
        "abandoned",
        "registered",
        "order_registered",
        "not_found",
        "stalled",
        "expired",
        "nothing_found",
        "read_summary",
        "too_many",
        "confirm_address",
        "help",
        "goodbye",
        "forwarding_request",
        "pickup_reminder",
        "protection_ending",
        "channel_ended",
        "digest",
        "invitation",
    )
