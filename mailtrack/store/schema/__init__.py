"""The tables: the only truth of the service. Redis carries work, never knowledge.

Due work is found by partial indexes over what is due, so that a tick costs what is
due and not what is stored.
"""

from mailtrack.store.schema.channels import channel, channel_notice
from mailtrack.store.schema.columns import Instant, Names, Words, metadata, new_key
from mailtrack.store.schema.following import (
    calendar,
    calendar_event,
    doubtful_number,
    mail_event,
    named_carrier,
    proof,
    subscription,
)
from mailtrack.store.schema.forecasts import forecast_score, promise, stage_tally
from mailtrack.store.schema.invitations import invitation, shared_subscription
from mailtrack.store.schema.outbox import notice, relay
from mailtrack.store.schema.parcels import (
    leg,
    leg_claim,
    parcel,
    parcel_order,
    shop_order,
    tracking_event,
    wording,
)
from mailtrack.store.schema.people import inbound, mailbox, subscriber, suppressed
from mailtrack.store.schema.running import (
    carrier,
    catch_up,
    housekeeping,
    lease,
    oauth_token,
    row_count,
    unmapped,
)

__all__ = [
    "Instant",
    "Names",
    "Words",
    "calendar",
    "calendar_event",
    "carrier",
    "catch_up",
    "channel",
    "channel_notice",
    "doubtful_number",
    "forecast_score",
    "housekeeping",
    "inbound",
    "invitation",
    "lease",
    "leg",
    "leg_claim",
    "mail_event",
    "mailbox",
    "metadata",
    "named_carrier",
    "new_key",
    "notice",
    "oauth_token",
    "parcel",
    "parcel_order",
    "promise",
    "proof",
    "relay",
    "row_count",
    "shared_subscription",
    "shop_order",
    "stage_tally",
    "subscriber",
    "subscription",
    "suppressed",
    "tracking_event",
    "unmapped",
    "wording",
]
