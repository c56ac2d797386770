"""What a delivery report changes: an address that refuses us is left alone."""

from datetime import datetime

from sqlalchemy import Connection

from mailtrack.domain.model import NoticeId, SubscriberId
from mailtrack.parsers.delivery_report import Bounce
from mailtrack.store import people, returns

#: Temporary failures in a row after which an address counts as dead.
MOST_SOFT_BOUNCES = 5
#: Refusals for good that may pass: a full mailbox, a mail too big, a policy (RFC 3463). The
#: last is often about us: on the day we are on a blacklist, all addresses would be dead.
PASSING = ("5.2.2", "5.3.4", "5.7.")


def note(
    connection: Connection, bounce: Bounce, notice: NoticeId, now: datetime
) -> SubscriberId | None:
    """Note a failure with the address that a notice went to; return whose it is (RFC 3464)."""
    first = returns.mark_returned(connection, notice, bounce.status)
    owner = returns.addressee(connection, notice)
    if owner is None:
        return None
    if bounce.status.startswith("5") and not bounce.status.startswith(PASSING):
        people.bounced(connection, owner, now)
    elif first:
        since = returns.arrived_before(connection, owner, notice)
        people.bounced_softly(connection, owner, MOST_SOFT_BOUNCES, now, anew=since)
    return owner
