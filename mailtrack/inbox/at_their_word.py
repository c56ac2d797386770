"""Following numbers at somebody's click, as if a mail of theirs had named them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from mailtrack.clock import Clock
from mailtrack.domain.model import Outcome, SubscriberId
from mailtrack.inbox.quotas import ParcelQuotas
from mailtrack.inbox.subscriptions import SubscriptionService
from mailtrack.notify.view import NoticeKind
from mailtrack.parsers.bare_number import KIND
from mailtrack.parsers.reading import Forward, Original, ParcelRead, Person, Reading
from mailtrack.store import notices, people
from mailtrack.store.subscriptions import Subscription

NO_MAIL = Forward(False, None, Person(), "", Original())


def follow(
    connection: Connection,
    owner: SubscriberId,
    named: Sequence[ParcelRead],
    carriers: Collection[str],
    quotas: ParcelQuotas,
    clock: Clock,
    trace: str = "",
) -> str:
    """Follow what somebody named; return which quota that would exceed, "" where it is followed.

    Their row must be locked. `carriers`: codes of those that are on; `trace`: the id in the logs
    of the mail that it goes back to, if any.

    1. A click from a mail of ours proves that its reader lives at the address.
    2. More than a day's share of new parcels is refused, as in a mail.
    3. Who had left comes back for this parcel; one that they had stopped is taken up again.
    """
    now = clock.now()
    # 1.
    known = people.heard_from(connection, owner)
    # 2.
    reading = Reading(Outcome.TRACKED, NO_MAIL, kind=KIND, parcels=tuple(named))
    service = SubscriptionService(
        connection, carriers, clock, owner, trace, now, reading, by_rule=False
    )
    followed = service.followed()
    new = service.count_new(followed)
    exceeded = quotas.exceeded(connection, owner, known.address, new, now) if new else ""
    if exceeded:
        return exceeded
    # 3.
    people.welcome_back(connection, owner)
    service.follow(followed)
    tell_again(connection, service.take_up(), now)
    return ""


def tell_again(connection: Connection, resumed: Iterable[Subscription], now: datetime) -> None:
    """Owe « suivi enregistré » once more for what somebody had stopped and takes up by a click."""
    for mine in resumed:
        notices.owe(
            connection,
            mine.subscriber,
            NoticeKind.REGISTERED,
            subscription_id=mine.id,
            occurrence=now.isoformat(timespec="seconds"),
            at=now,
            now=now,
            prompt=True,
        )
