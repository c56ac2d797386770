"""Mails that nothing proves: held, asked about, and read where their person says so.

Anybody can make us ask, by writing in somebody's name. So one address is asked rarely, and one
source cannot use up the questions of all: what has to wait is asked about later, source by
source, the mail that has waited longest first.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from mailtrack.domain.model import InboundId, SubscriberId
from mailtrack.notify.view import NoticeKind
from mailtrack.store import held_mails, notices, people
from mailtrack.store.notice_counts import count_lately, count_since

#: Questions to one address in a day, and in a month without a click in between.
QUESTIONS_PER_DAY, QUESTIONS_PER_MONTH = 1, 5
#: Questions to all addresses in an hour; more are somebody's attempt to make us a nuisance.
QUESTIONS_PER_HOUR = 100
#: Of these, for mails that have just come: of one source, and of all. The rest is for those
#: who wait.
AT_ONCE_OF_A_SOURCE, AT_ONCE = 10, 80

_KIND = NoticeKind.CONFIRM_ADDRESS
_HOUR, _DAY, _MONTH = timedelta(hours=1), timedelta(days=1), timedelta(days=30)


def hold(
    connection: Connection,
    mail: InboundId,
    owner: SubscriberId,
    source: str,
    now: datetime,
    *,
    may_ask: bool,
) -> None:
    """Hold a mail in somebody's name and ask them about it, or let it wait for its turn.

    A mail about which they may not be asked waits without: the page of their last question,
    and that of the next one, list it.
    """
    held_mails.hold(connection, mail, owner, source, now)
    if not may_ask or not _may_request_confirmation(connection, owner, now):
        held_mails.mark_asked(connection, owner, now)
        return
    since = now - _HOUR
    of_source = held_mails.count_asked_of_source(connection, source, since, now)
    of_all = count_lately(connection, _KIND, since, now)
    if of_source < AT_ONCE_OF_A_SOURCE and of_all < AT_ONCE:
        _ask(connection, owner, mail, now)


def ask_waiting(connection: Connection, now: datetime) -> int:
    """Ask people about mails that had to wait, as many as an hour has room for; return how many."""
    room = QUESTIONS_PER_HOUR - count_lately(connection, _KIND, now - _HOUR, now)
    asked = 0
    for owner, mail in held_mails.waiting_by_turns(connection, max(0, room)):
        if not people.lock(connection, owner):
            continue
        if _may_request_confirmation(connection, owner, now):
            _ask(connection, owner, mail, now)
            asked += 1
        else:
            held_mails.mark_asked(connection, owner, now)
    return asked


def _ask(connection: Connection, owner: SubscriberId, mail: InboundId, now: datetime) -> None:
    notices.owe(connection, owner, _KIND, inbound_id=mail, at=now, now=now, prompt=True)
    held_mails.mark_asked(connection, owner, now)


def _may_request_confirmation(connection: Connection, owner: SubscriberId, now: datetime) -> bool:
    """Return True if somebody may be asked (again) whether a mail is theirs."""
    if not people.takes_questions(connection, owner):
        return False
    clicked_at = people.confirmed_at(connection, owner) or now - _MONTH
    return (
        count_since(connection, owner, _KIND, now - _DAY, now) < QUESTIONS_PER_DAY
        and count_since(connection, owner, _KIND, max(now - _MONTH, clicked_at), now)
        < QUESTIONS_PER_MONTH
    )
