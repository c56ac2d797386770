"""Numbers that nothing proves: asked about, and followed once their reader says so.

What a form or a stranger's mail suggests is followed by nobody but for one click: a wrong
number is worse than none.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection

from mailtrack.clock import Clock
from mailtrack.domain.model import Candidate, Outcome, SubscriberId
from mailtrack.domain.numbers import detect
from mailtrack.inbox.quotas import ParcelQuotas
from mailtrack.inbox.subscriptions import SubscriptionService
from mailtrack.notify.view import NoticeKind
from mailtrack.parsers.bare_number import KIND
from mailtrack.parsers.reading import (
    DoubtfulNumber,
    Forward,
    Original,
    ParcelRead,
    Person,
    Reading,
)
from mailtrack.store import doubtful_numbers, notices, people
from mailtrack.store.doubtful_numbers import AskedNumber

_NO_MAIL = Forward(False, None, Person(), "", Original())


def ask(
    connection: Connection,
    owner: SubscriberId,
    doubtful: Iterable[DoubtfulNumber],
    trace: str,
    now: datetime,
) -> None:
    """Note the numbers that an answer asks somebody about; `trace` names their mail."""
    for one in doubtful:
        codes = [candidate.carrier for candidate in one.carriers]
        doubtful_numbers.ask(connection, owner, one.number, codes, one.why, trace, now)


def follow(
    connection: Connection,
    asked: AskedNumber,
    carriers: Collection[str],
    quotas: ParcelQuotas,
    clock: Clock,
) -> str:
    """Follow a number at the word of who was asked, as if a mail of theirs had named it.

    Returns which quota that would exceed, "" where it is followed. Their row must be locked.

    1. A click from a mail of ours proves that its reader lives at the address.
    2. More than a day's share of new parcels is refused, as in a mail.
    3. Who had left comes back for this parcel; one that they had stopped is taken up again.
    """
    owner, now = asked.owner, clock.now()
    # 1.
    known = people.heard_from(connection, owner)
    # 2.
    named = ParcelRead(asked.number, carriers=_candidates(asked))
    reading = Reading(Outcome.TRACKED, _NO_MAIL, kind=KIND, parcels=(named,))
    wish = SubscriptionService(
        connection, carriers, clock, owner, asked.trace, now, reading, by_rule=False
    )
    new = wish.count_new()
    exceeded = quotas.exceeded(connection, owner, known.address, new, now) if new else ""
    if exceeded:
        return exceeded
    # 3.
    people.welcome_back(connection, owner)
    wish.follow()
    for mine in wish.take_up():
        notices.owe(
            connection,
            owner,
            NoticeKind.REGISTERED,
            subscription_id=mine.id,
            occurrence=now.isoformat(timespec="seconds"),
            at=now,
            now=now,
            prompt=True,
        )
    doubtful_numbers.mark_answered(connection, asked.key, now)
    return ""


def _candidates(asked: AskedNumber) -> tuple[Candidate, ...]:
    """Return whom to ask about a number: first whom the mail named."""
    known = {candidate.carrier: candidate for candidate in detect(asked.number)}
    named = {code: Candidate(code, "mail", "none") for code in asked.carriers}
    return tuple((named | known).values())
