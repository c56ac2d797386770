"""What people follow because somebody invited them, and what that tells them of the pick-up.

A shared subscription is its owner's like any other: carriers alone tell its steps. It points to
the one of who invited, whose mails may say where the parcel waits and with which code; nothing
else of that is read through it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, Connection, and_, bindparam, exists, or_, select, tuple_

from mailtrack.domain.milestones import ENDED
from mailtrack.domain.model import PickupPoint, SubscriberId, SubscriptionId
from mailtrack.store.schema import invitation, shared_subscription, subscriber, subscription
from mailtrack.store.subscriptions import pickup_of
from mailtrack.store.upsert import upsert

_SOURCE = subscription.alias("source")
_MINE: BindParameter[Any] = bindparam("subscriptions", expanding=True)
#: Built once: every batch of mails asks it (see `store.upsert`).
_SHARED = (
    select(
        shared_subscription.c.subscription_id,
        subscriber.c.address.label("inviter"),
        *(
            _SOURCE.c[name]
            for name in ("pickup_name", "pickup_address", "pickup_last_day", "pickup_code")
        ),
    )
    .outerjoin(_SOURCE, _SOURCE.c.id == shared_subscription.c.source_id)
    .outerjoin(subscriber, subscriber.c.id == _SOURCE.c.subscriber_id)
    .where(shared_subscription.c.subscription_id.in_(_MINE))
)
_MEMBER, _THEIRS = subscriber.alias("member"), subscription.alias("theirs")
#: Who agreed follows it by an invitation already.
_SHARES = (
    exists()
    .where(
        shared_subscription.c.subscription_id == _THEIRS.c.id,
        shared_subscription.c.source_id.is_not(None),
        _THEIRS.c.subscriber_id == _MEMBER.c.id,
        or_(
            _THEIRS.c.parcel_id == _SOURCE.c.parcel_id,
            # It may be the local parcel of another that they follow.
            shared_subscription.c.source_id == _SOURCE.c.id,
        ),
    )
    .correlate(_MEMBER, _SOURCE)
)
_IS_SHARED = (
    exists().where(shared_subscription.c.subscription_id == _SOURCE.c.id).correlate(_SOURCE)
)
#: What an invitation to everything is about.
_UNDER_WAY = and_(
    invitation.c.everything,
    _SOURCE.c.subscriber_id == invitation.c.inviter_id,
    _SOURCE.c.muted_at.is_(None),
    or_(_SOURCE.c.milestone.is_(None), _SOURCE.c.milestone.not_in(ENDED)),
    ~_IS_SHARED,
)
_UNSHARED = (
    select(invitation.c.id, _SOURCE.c.id.label("source_id"), _MEMBER.c.id.label("member_id"))
    .join(_MEMBER, _MEMBER.c.address == invitation.c.address)
    .join(_SOURCE, or_(_SOURCE.c.id == invitation.c.subscription_id, _UNDER_WAY))
    .where(
        invitation.c.accepted_at.is_not(None),
        invitation.c.ended_at.is_(None),
        invitation.c.inviter_id.is_not(None),
        _SOURCE.c.parcel_id.is_not(None),
        _MEMBER.c.unsubscribed_at.is_(None),
        _MEMBER.c.bounced_at.is_(None),
        ~_SHARES,
    )
    .order_by(_SOURCE.c.id, _MEMBER.c.id, invitation.c.id)
)


@dataclass(frozen=True, slots=True)
class Shared:
    """Who invited somebody to what they follow, and where their mails say that it waits.

    `inviter` is an address, "" once either of both ended it or its owner was erased.
    """

    inviter: str = ""
    pickup: PickupPoint | None = None


@dataclass(frozen=True, slots=True)
class Unshared:
    """Something that somebody agreed to follow and does not yet: whose it is, and for whom."""

    invitation_id: int
    source: SubscriptionId
    member: SubscriberId


def read(
    connection: Connection, wanted: Collection[SubscriptionId]
) -> dict[SubscriptionId, Shared]:
    """Return what those among some subscriptions share that came by an invitation."""
    rows = connection.execute(_SHARED, {"subscriptions": list(wanted)})
    return {
        SubscriptionId(row.subscription_id): Shared(row.inviter or "", pickup_of(row))
        for row in rows
    }


def share(connection: Connection, mine: SubscriptionId, what: Unshared) -> None:
    """Let a subscription tell its owner where the parcel waits by the mails of who invited."""
    told = {"source_id": what.source, "invitation_id": what.invitation_id}
    upsert(connection, shared_subscription, {"subscription_id": mine}, told)


def unshared(
    connection: Connection,
    most: int,
    *,
    only: SubscriberId | None = None,
    source: SubscriptionId | None = None,
    after: Unshared | None = None,
) -> list[Unshared]:
    """Return up to `most` parcels that people agreed to follow and do not yet, in one order.

    `only` those of one person, and of one `source`; those that come `after` another.

    Of an invitation to everything those are followed that are under way; what its inviter follows
    by somebody else's invitation is not theirs to share. Who left, or whose address is dead,
    follows nothing new meanwhile.
    """
    query = _UNSHARED.limit(most)
    if only is not None:
        query = query.where(_MEMBER.c.id == only)
    if source is not None:
        query = query.where(_SOURCE.c.id == source)
    if after is not None:
        place = tuple_(_SOURCE.c.id, _MEMBER.c.id, invitation.c.id)
        query = query.where(place > (after.source, after.member, after.invitation_id))
    return [
        Unshared(row.id, SubscriptionId(row.source_id), SubscriberId(row.member_id))
        for row in connection.execute(query)
    ]
