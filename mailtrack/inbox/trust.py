"""Whom a mail speaks for, and when the person in whose name it came is asked.

A click confirms the mails that wait for it and the rules of that mailbox, never what anybody
writes in the same name tomorrow: who relies on our own server's checks believes those.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from mailtrack.domain.model import SubscriberId
from mailtrack.inbox.understanding import Understood
from mailtrack.notify.view import NoticeKind
from mailtrack.store import people
from mailtrack.store.inbound import StoredMail
from mailtrack.store.notice_counts import count_lately, count_since

#: Questions to one address in a day, and in a month without a click in between: anybody can
#: make us ask, by writing in somebody's name.
QUESTIONS_PER_DAY, QUESTIONS_PER_MONTH = 1, 5
#: Questions to all addresses in an hour; more are somebody's attempt to make us a nuisance.
QUESTIONS_PER_HOUR = 100


def whose(
    connection: Connection, stored: StoredMail, mail: Understood, now: datetime
) -> SubscriberId | None:
    """Return the person whom a mail speaks for, None where nothing proves it."""
    if mail.personal is not None and people.exists(connection, mail.personal):
        return mail.personal
    if mail.sender.proven:
        return people.subscriber_of(connection, mail.sender.address, now)
    if not mail.sender.welcome:
        return None
    known = people.find_subscriber(connection, mail.sender.address)
    clicked_at = None if known is None else people.confirmed_at(connection, known)
    if clicked_at is None:
        return None
    # Where no server vouches for anybody, a click would be needed for every single mail.
    believed = mail.by_rule or not mail.sender.provable or stored.stored_at <= clicked_at
    return known if believed else None


def may_ask(connection: Connection, owner: SubscriberId, now: datetime) -> bool:
    """Tell whether somebody may be asked (again) whether a mail is theirs."""
    if not people.takes_questions(connection, owner):
        return False
    kind = NoticeKind.CONFIRM_ADDRESS
    month = now - timedelta(days=30)
    clicked_at = people.confirmed_at(connection, owner) or month
    return (
        count_since(connection, owner, kind, now - timedelta(days=1), now) < QUESTIONS_PER_DAY
        and count_since(connection, owner, kind, max(month, clicked_at), now) < QUESTIONS_PER_MONTH
        and count_lately(connection, kind, now - timedelta(hours=1), now) < QUESTIONS_PER_HOUR
    )
