"""What a delivery report changes: an address that refuses us is left alone."""

from datetime import datetime

import structlog
from sqlalchemy import Connection

from mailtrack.domain.model import NoticeId, SubscriberId
from mailtrack.notify.replies import OURS, SmtpStage, Whose, judge, shown
from mailtrack.parsers.delivery_report import Bounce
from mailtrack.store import people, returns

#: Failures in a row that may pass after which an address counts as dead.
MOST_SOFT_BOUNCES = 5

log = structlog.get_logger(__name__)


def note(
    connection: Connection, bounce: Bounce, notice: NoticeId, now: datetime
) -> SubscriberId | None:
    """Note a failure with the address that a notice went to; return whose it is (RFC 3464).

    One that is about us, a limit of ours or our standing with the reader's server, counts
    against nobody.
    """
    first = returns.mark_returned(connection, notice, bounce.status)
    owner = returns.addressee(connection, notice)
    if owner is None:
        return None
    said = f"{bounce.status} {bounce.diagnostic}"
    verdict = judge(SmtpStage.REPORT, 0, said)
    if verdict.whose in OURS:
        log.warning("mail came back because of us", notice=notice, said=shown(said))
    elif verdict.whose is Whose.ADDRESS:
        people.bounced(connection, owner, now)
    elif first:
        since = returns.arrived_before(connection, owner, notice)
        people.bounced_softly(connection, owner, MOST_SOFT_BOUNCES, now, anew=since)
    return owner
