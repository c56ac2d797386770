"""Whom a mail speaks for.

A click confirms the mails that it showed and the rules of that mailbox (where the shop signed
what they send on), never what anybody writes in the same name tomorrow: who relies on our own
server's checks believes those. Without such a server no signature can be found, so that one
click has to do for all that comes in that name, by hand or by rule.
"""

from datetime import datetime

from sqlalchemy import Connection

from mailtrack.domain.model import Outcome, SubscriberId
from mailtrack.inbox.analysis import AnalyzedMail
from mailtrack.store import people
from mailtrack.store.inbound import StoredMail


def authorized_subscriber(
    connection: Connection, stored: StoredMail, mail: AnalyzedMail, now: datetime
) -> SubscriberId | None:
    """Return the person whom a mail speaks for, locked; None where nothing proves it.

    A personal address proves whose rule sent a mail on, not who wrote it: anybody can send a
    forged mail of the shop to a mailbox that has such a rule. So the shop must have signed it.
    """
    owner = _personal(connection, mail)
    by_the_owner = mail.shop_signed or not (mail.by_rule or mail.passed_on)
    proven = owner if owner is not None and by_the_owner else stored.vouched_by
    if proven is not None:
        return _locked(connection, proven)
    if mail.sender.proven:
        return people.subscriber_of(connection, mail.sender.address, now)
    known = owner
    if owner is None and mail.sender.welcome:
        known = people.find_subscriber(connection, mail.sender.address)
    if known is None or people.confirmed_at(connection, known) is None:
        return None
    # Where no server vouches for anybody, a click would be needed for every single mail; but
    # nobody is silenced in their own name.
    believed = mail.shop_signed or not mail.sender.provable
    if not believed or mail.outcome is Outcome.COMMAND:
        return None
    return _locked(connection, known)


def subscriber_to_ask(
    connection: Connection, mail: AnalyzedMail, now: datetime
) -> SubscriberId | None:
    """Return the person to ask about a mail that nothing proves, None where there is none."""
    owner = _personal(connection, mail)
    if owner is None and mail.sender.welcome:
        owner = people.subscriber_of(connection, mail.sender.address, now)
    return owner


def _personal(connection: Connection, mail: AnalyzedMail) -> SubscriberId | None:
    return None if mail.personal is None else people.by_key(connection, mail.personal)


def _locked(connection: Connection, owner: SubscriberId) -> SubscriberId | None:
    return owner if people.lock(connection, owner) else None
