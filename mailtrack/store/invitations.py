"""Invitations to hear of somebody's parcels: made, answered, ended, forgotten."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, or_, select, update

from mailtrack.domain.budget import SKEW
from mailtrack.domain.invitations import Invitation, InvitationCounts, mailbox_of
from mailtrack.domain.model import RowKey, SubscriberId, SubscriptionId
from mailtrack.store.engine import locked
from mailtrack.store.schema import invitation, shared_subscription, subscriber

#: What it was about was erased.
HAS_NO_OBJECT = invitation.c.everything.is_(False) & invitation.c.subscription_id.is_(None)

#: Names, with a mailbox, the lock of who counts its invitations.
_LOCK_KEY = 4_216_735


def add(
    connection: Connection,
    inviter: SubscriberId,
    about: SubscriptionId | None,
    address: str,
    now: datetime,
    *,
    mailed: bool,
) -> Invitation:
    """Note that somebody invites an address, to one parcel or (`about` None) to all of theirs."""
    row = connection.execute(
        invitation.insert().returning(*invitation.c),
        {
            "inviter_id": inviter,
            "subscription_id": about,
            "everything": about is None,
            "address": address,
            "mailbox": mailbox_of(address),
            "created_at": now,
            "mailed_at": now if mailed else None,
        },
    ).one()
    return _invitation(row)


def by_key(connection: Connection, key: RowKey) -> Invitation | None:
    """Return the invitation that a link names, or None where it was erased."""
    return next(_read(connection, select(invitation).where(invitation.c.key == key)), None)


def made_by(connection: Connection, inviter: SubscriberId) -> list[Invitation]:
    """Return all that somebody invited to, newest first."""
    query = select(invitation).where(invitation.c.inviter_id == inviter)
    return list(_read(connection, query.order_by(invitation.c.id.desc())))


def made_to(connection: Connection, address: str) -> list[Invitation]:
    """Return all that an address was invited to, newest first."""
    query = select(invitation).where(invitation.c.address == address)
    return list(_read(connection, query.order_by(invitation.c.id.desc())))


def agreed_to(connection: Connection, member: SubscriberId) -> list[tuple[Invitation, str]]:
    """Return whose next parcels somebody agreed to hear of, with their addresses, newest first."""
    inviter, invited = subscriber.alias("inviter"), subscriber.alias("invited")
    query: Select[Any] = (
        select(*invitation.c, inviter.c.address.label("inviting"))
        .join(invited, invited.c.address == invitation.c.address)
        .join(inviter, inviter.c.id == invitation.c.inviter_id)
        .where(
            invited.c.id == member,
            invitation.c.everything,
            invitation.c.accepted_at.is_not(None),
            invitation.c.ended_at.is_(None),
        )
        .order_by(invitation.c.id.desc())
    )
    return [(_invitation(row), row.inviting) for row in connection.execute(query)]


def open_between(
    connection: Connection, inviter: SubscriberId, address: str, now: datetime
) -> list[Invitation]:
    """Return the invitations of one person to one address that a click may still accept.

    One mail is enough for all of them.
    """
    return [
        one for one in made_to(connection, address) if one.inviter == inviter and one.is_open(now)
    ]


def accept(connection: Connection, some: Iterable[Invitation], now: datetime) -> None:
    """Note that their owner agreed to invitations."""
    ids = [one.id for one in some]
    connection.execute(update(invitation).where(invitation.c.id.in_(ids)).values(accepted_at=now))


def lock(connection: Connection, number: int) -> None:
    """Keep others from ending an invitation until the transaction ends."""
    connection.execute(locked(select(invitation.c.id).where(invitation.c.id == number)))


def end(connection: Connection, one: Invitation, now: datetime) -> None:
    """End an invitation: nothing more comes by it, and the pick-up is shared no more.

    What the invited follows by it stays theirs.
    """
    connection.execute(
        update(invitation)
        .where(invitation.c.id == one.id, invitation.c.ended_at.is_(None))
        .values(ended_at=now)
    )
    connection.execute(
        update(shared_subscription)
        .where(shared_subscription.c.invitation_id == one.id)
        .values(source_id=None)
    )


def refuse_all(connection: Connection, address: str, now: datetime) -> None:
    """Let no waiting invitation to the mailbox of an address be accepted or mailed any more."""
    connection.execute(
        update(invitation)
        .where(
            invitation.c.mailbox == mailbox_of(address),
            invitation.c.accepted_at.is_(None),
            invitation.c.refused_at.is_(None),
        )
        .values(refused_at=now)
    )


# --- quotas -------------------------------------------------------------------------------


def counts_since(
    connection: Connection, inviter: SubscriberId, domain: str, since: datetime, now: datetime
) -> InvitationCounts:
    """Count the invitations since a moment, also those that were taken back.

    `domain` is that of the inviter's address, "" where its addresses share no quota. What a clock
    wrote that was ahead counts for nothing.
    """
    lately = invitation.c.created_at > since, invitation.c.created_at <= now + SKEW
    of_domain = (
        select(func.count())
        .join(subscriber, subscriber.c.id == invitation.c.inviter_id)
        .where(*lately, subscriber.c.mail_domain == domain)
    )
    mine = select(func.count()).where(*lately, invitation.c.inviter_id == inviter)
    of_all = select(func.count()).select_from(invitation).where(*lately)
    return InvitationCounts(
        of_inviter=connection.execute(mine).scalar_one(),
        of_domain=connection.execute(of_domain).scalar_one() if domain else 0,
        of_all=connection.execute(of_all).scalar_one(),
    )


def unanswered(connection: Connection, address: str, since: datetime) -> int:
    """Count the mails that a mailbox got since a moment for invitations it did not accept.

    Who else counts those of the same mailbox waits until the transaction ends, and so counts
    what it adds.
    """
    mailbox = mailbox_of(address)
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK_KEY, func.hashtext(mailbox))))
    query = select(func.count()).where(
        invitation.c.mailbox == mailbox,
        invitation.c.mailed_at > since,
        invitation.c.accepted_at.is_(None),
    )
    return connection.execute(query).scalar_one()


# --- forgetting ---------------------------------------------------------------------------


def forget(connection: Connection, before: datetime) -> int:
    """Erase what was made before a moment and not accepted, or is over since before it."""
    over: ColumnElement[bool] = or_(
        invitation.c.accepted_at.is_(None),
        invitation.c.ended_at < before,
        invitation.c.inviter_id.is_(None),
        HAS_NO_OBJECT,
    )
    done = connection.execute(delete(invitation).where(invitation.c.created_at < before, over))
    return done.rowcount


def forget_address(connection: Connection, address: str) -> bool:
    """Erase all that an address was invited to; return whether there was any."""
    done = connection.execute(delete(invitation).where(invitation.c.address == address))
    return done.rowcount > 0


def _read(connection: Connection, query: Select[Any]) -> Iterator[Invitation]:
    return map(_invitation, connection.execute(query))


def _invitation(row: Row[Any]) -> Invitation:
    return Invitation(
        id=row.id,
        key=RowKey(row.key),
        inviter=row.inviter_id,
        about=row.subscription_id,
        everything=row.everything,
        address=row.address,
        created_at=row.created_at,
        mailed_at=row.mailed_at,
        accepted_at=row.accepted_at,
        ended_at=row.ended_at,
        refused_at=row.refused_at,
    )
