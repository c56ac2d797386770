"""Forgetting: people at their word, and with time what nobody needs any more.

Every deletion looks once more under the lock of the row: somebody may have come to follow a
parcel at this moment, and what hangs on the row would go with it.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, and_, delete, exists, func, or_, select, update

from mailtrack.domain.milestones import ENDED
from mailtrack.domain.model import Outcome, ParcelId, SubscriberId
from mailtrack.store import invitations, outcomes, parcels, people, wordings
from mailtrack.store.engine import locked
from mailtrack.store.schema import (
    doubtful_number,
    inbound,
    invitation,
    notice,
    parcel,
    parcel_order,
    shop_order,
    subscriber,
    subscription,
)

#: Rows that one round forgets of a kind; the next one goes on.
PER_ROUND = 500


def erase(connection: Connection, owner: SubscriberId) -> None:
    """Forget somebody: the address, what they followed, and what nobody else follows."""
    if not people.lock(connection, owner):
        return
    mine = select(subscription.c.parcel_id, subscription.c.local_parcel_id).where(
        subscription.c.subscriber_id == owner
    )
    heard_of = {number for row in connection.execute(mine) for number in row if number is not None}
    followed = parcels.lock_all(connection, map(ParcelId, heard_of))
    connection.execute(delete(notice).where(notice.c.subscriber_id == owner))
    # The row stays, empty: should the server renumber its mails, this one is known.
    connection.execute(
        update(inbound)
        .where(inbound.c.subscriber_id == owner)
        .values(
            raw=None,
            subject="",
            message_id="",
            names="",
            mails_read=None,
            held_at=None,
            subscriber_id=None,
            # One that waits to be read has nothing left to read.
            outcome=func.coalesce(inbound.c.outcome, Outcome.REFUSED),
        )
    )
    invitations.forget_address(connection, people.address_of(connection, owner))
    connection.execute(delete(subscriber).where(subscriber.c.id == owner))
    # Of their parcels, which are locked, those go that nobody else follows or followed.
    theirs = parcel.c.id.in_([row.id for row in followed])
    is_followed = exists().where(
        or_(subscription.c.parcel_id == parcel.c.id, subscription.c.local_parcel_id == parcel.c.id)
    )
    gone = connection.scalars(select(parcel.c.id).where(theirs, ~is_followed)).all()
    outcomes.count(connection, list(map(ParcelId, gone)))
    said = wordings.used_by(connection, gone)
    connection.execute(delete(parcel).where(parcel.c.id.in_(gone)))
    wordings.forget_unused(connection, said)


def forget_parcels(connection: Connection, before: datetime) -> int:
    """Erase parcels whose polling ended before a moment, with all that hangs on them.

    Goes with the first of them, and their orders, which nobody awaits any more. A parcel that
    is newer has not ended before: the clock was behind when it did.
    """
    ended = and_(parcel.c.ended_at < before, parcel.c.created_at < before)
    due = select(parcel.c.id).where(ended).order_by(parcel.c.ended_at).limit(PER_ROUND)
    found = map(ParcelId, connection.scalars(due).all())
    gone = [row.id for row in parcels.lock_all(connection, found)]
    theirs = select(parcel_order.c.shop_order_id).where(parcel_order.c.parcel_id.in_(gone))
    orders = connection.scalars(theirs).all()
    outcomes.count(connection, gone)
    said = wordings.used_by(connection, gone)
    done = connection.execute(delete(parcel).where(parcel.c.id.in_(gone), ended))
    wordings.forget_unused(connection, said)
    _forget_orders(connection, orders)
    return done.rowcount


def _forget_orders(connection: Connection, numbers: Iterable[int]) -> None:
    """Erase those of some orders that have neither a parcel nor anybody who awaits one."""
    carried = exists().where(parcel_order.c.shop_order_id == shop_order.c.id)
    awaited = exists().where(subscription.c.shop_order_id == shop_order.c.id)
    connection.execute(
        delete(shop_order).where(shop_order.c.id.in_(list(numbers)), ~carried, ~awaited)
    )


def forget_orders(connection: Connection, ended_before: datetime, unended_before: datetime) -> int:
    """Erase orders without a parcel: that ended before a moment, or of which no news came since.

    The first moment is the later one.
    """
    has_ended = subscription.c.milestone.in_(ENDED)
    last_news = func.coalesce(subscription.c.milestone_at, subscription.c.created_at)
    noted_at = subscription.c.created_at  # the clock may have been behind at the last news
    over = or_(
        and_(has_ended, last_news < ended_before),
        and_(has_ended.is_not(True), last_news < unended_before, noted_at < unended_before),
    )
    due = locked(
        select(subscription.c.id, subscription.c.shop_order_id)
        .where(subscription.c.parcel_id.is_(None), noted_at < ended_before, over)
        .order_by(subscription.c.id)
        .limit(PER_ROUND)
    )
    gone = connection.execute(due).all()
    without = subscription.c.parcel_id.is_(None)  # a parcel may have been named meanwhile
    done = connection.execute(
        delete(subscription).where(subscription.c.id.in_([row.id for row in gone]), without)
    )
    _forget_orders(connection, [row.shop_order_id for row in gone])
    return done.rowcount


#: They were invited, and may still answer, or accepted.
_INVITED = exists().where(invitation.c.address == subscriber.c.address)


def unproven(connection: Connection, now: datetime) -> list[SubscriberId]:
    """Return people of whom nothing was ever proven, of those whose time to be looked at has come.

    Somebody wrote in their name, or invited them and waits for no answer any more. The others are
    looked at again once what they follow may have ended, or never where that changes nothing.
    """
    due = select(subscriber.c.id).where(subscriber.c.review_at < now)
    some = connection.scalars(due.order_by(subscriber.c.review_at).limit(PER_ROUND)).all()
    if not some:
        return []
    those = update(subscriber).where(subscriber.c.id.in_(some))
    connection.execute(those.where(people.HAS_ANSWERED).values(review_at=None))
    later = now + people.NEVER_CONFIRMED
    may_change = ~people.HAS_ANSWERED, or_(people.FOLLOWS, _INVITED)
    connection.execute(those.where(*may_change).values(review_at=later))
    left = due.where(subscriber.c.id.in_(some)).order_by(subscriber.c.id)
    return [SubscriberId(row_id) for row_id in connection.scalars(left)]


def is_unproven(connection: Connection, owner: SubscriberId) -> bool:
    """Return True if nothing proves that somebody, who is locked, ever wrote to us."""
    known = or_(people.HAS_ANSWERED, people.FOLLOWS, _INVITED)
    found = select(subscriber.c.id).where(subscriber.c.id == owner, ~known)
    return connection.execute(found).first() is not None


def forget_raw(connection: Connection, before: datetime) -> int:
    """Erase the bytes, subjects and numbers of mails that were read before a moment."""
    done = connection.execute(
        update(inbound)
        .where(
            inbound.c.read_at < before,
            inbound.c.stored_at < before,  # the clock may have been behind when it was read
            inbound.c.raw.is_not(None),
        )
        .values(raw=None, subject="", message_id="", names="", mails_read=None, held_at=None)
    )
    return done.rowcount


def forget_questions(connection: Connection, before: datetime) -> int:
    """Erase the numbers that people were asked about before a moment: their links have expired."""
    done = connection.execute(delete(doubtful_number).where(doubtful_number.c.asked_at < before))
    return done.rowcount
