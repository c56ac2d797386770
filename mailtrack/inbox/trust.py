"""Whom a mail speaks for.

A click confirms the mails that it showed and the rules of that mailbox, never what anybody
writes in the same name tomorrow: who relies on our own server's checks believes those.
"""

from datetime import datetime

from sqlalchemy import Connection

from mailtrack.domain.model import Outcome, SubscriberId
from mailtrack.inbox.understanding import Understood
from mailtrack.store import people
from mailtrack.store.inbound import StoredMail


def whose(
    connection: Connection, stored: StoredMail, mail: Understood, now: datetime
) -> SubscriberId | None:
    """Return the person whom a mail speaks for, locked; None where nothing proves it."""
    owner = None if mail.personal is None else people.by_key(connection, mail.personal)
    owner = owner or stored.vouched_by
    if owner is not None and people.lock(connection, owner):
        return owner
    if mail.sender.proven:
        return people.subscriber_of(connection, mail.sender.address, now)
    known = people.find_subscriber(connection, mail.sender.address) if mail.sender.welcome else None
    if known is None or people.confirmed_at(connection, known) is None:
        return None
    # Where no server vouches for anybody, a click would be needed for every single mail; but
    # nobody is silenced in their own name.
    believed = mail.by_rule or not mail.sender.provable
    if not believed or mail.outcome is Outcome.COMMAND:
        return None
    return known if people.lock(connection, known) else None
