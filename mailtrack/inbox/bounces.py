"""What a delivery report changes: an address that refuses us is left alone."""

from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from mailtrack.domain.model import SubscriberId
from mailtrack.inbox.addresses import BounceAddresses
from mailtrack.inbox.analysis import AnalyzedMail
from mailtrack.notify.replies import OURS, SmtpStage, Whose, judge, shown
from mailtrack.store import people, returns

#: Failures in a row that may pass after which an address counts as dead.
MOST_SOFT_BOUNCES = 5

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DeliveryFailure:
    """Whose address a notice did not come to, and why, for the one who looks at the report."""

    owner: SubscriberId
    reason: str


def note(
    connection: Connection, mail: AnalyzedMail, addresses: BounceAddresses | None, now: datetime
) -> DeliveryFailure | None:
    """Note what a report says of the address that a notice went to (RFC 3464).

    Returns None where it is no report, or nothing proves which notice it is about.

    1. Anybody can forge a report. It counts where it came to the return address of a notice,
       which nobody else knows, and holds the key of its reader. A notice that left without one
       is known by its Message-ID, to a mail server alone.
    2. What is about us, a limit of ours or our standing with the reader's server, counts
       against nobody.
    3. An address that does not exist is dead at once, one that is full after some failures in a
       row; a report that comes twice counts once.
    """
    bounce = mail.message.bounce
    if bounce is None:
        return None
    # 1.
    if mail.returned is not None and addresses is not None:
        reader = returns.reader(connection, mail.returned.notice)
        proven = reader is not None and addresses.proves(mail.returned, reader)
        notice = mail.returned.notice if proven else None
    else:
        message_id = bounce.message_id if mail.from_mailer else ""
        notice = returns.by_message_id(connection, message_id)
    if notice is None:
        return None
    first = returns.mark_returned(connection, notice, bounce.status)
    owner = returns.addressee(connection, notice)
    if owner is None:
        return None
    # 2.
    said = f"{bounce.status} {bounce.diagnostic}"
    verdict = judge(SmtpStage.REPORT, 0, said)
    if verdict.whose in OURS:
        log.warning("mail came back because of us", notice=notice, said=shown(said))
    # 3.
    elif verdict.whose is Whose.ADDRESS:
        people.bounced(connection, owner, now)
    elif first:
        since = returns.arrived_before(connection, owner, notice)
        people.bounced_softly(connection, owner, MOST_SOFT_BOUNCES, now, anew=since)
    return DeliveryFailure(owner, f"delivery failed: {bounce.status or 'no status given'}")
