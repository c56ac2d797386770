"""Numbers that nothing proves: asked about, and followed once their reader says so.

What a form or a stranger's mail suggests is followed by nobody but for one click: a wrong
number is worse than none.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection

from mailtrack.clock import Clock
from mailtrack.domain.model import Candidate, SubscriberId
from mailtrack.domain.numbers import detect
from mailtrack.inbox import at_their_word
from mailtrack.inbox.quotas import ParcelQuotas
from mailtrack.parsers.reading import DoubtfulNumber, ParcelRead
from mailtrack.store import doubtful_numbers
from mailtrack.store.doubtful_numbers import AskedNumber


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
    """
    # First whom the mail named.
    named = {code: Candidate(code, "mail", "none") for code in asked.carriers}
    known = {candidate.carrier: candidate for candidate in detect(asked.number)}
    read = ParcelRead(asked.number, carriers=tuple((named | known).values()))
    exceeded = at_their_word.follow(
        connection, asked.owner, [read], carriers, quotas, clock, asked.trace
    )
    if not exceeded:
        doubtful_numbers.mark_answered(connection, asked.key, clock.now())
    return exceeded
