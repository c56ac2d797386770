"""What a delivery report changes: an address that refuses us is left alone."""

from datetime import datetime

from sqlalchemy import Connection

from mailtrack.domain.model import SubscriberId
from mailtrack.parsers.delivery_report import Bounce
from mailtrack.store import notices, people

#: Temporary failures in a row after which an address counts as dead.
MOST_SOFT_BOUNCES = 5


def note(connection: Connection, bounce: Bounce, now: datetime) -> SubscriberId | None:
    """Note a failure with the address that a mail of ours went to; return whose it is.

    Anybody can forge a report: only one that names a mail that we sent counts (RFC 3464).
    """
    owner = notices.addressee(connection, bounce.message_id)
    if owner is None:
        return None
    if bounce.status.startswith("5"):
        people.bounced(connection, owner, now)
    else:
        people.bounced_softly(connection, owner, MOST_SOFT_BOUNCES, now)
    return owner
