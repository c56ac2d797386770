"""What is kept about a person: shown whole, erased whole, and then left in peace."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from mailtrack.domain import tracking
from mailtrack.domain.invitations import Invitation
from mailtrack.domain.model import PickupPoint, RowKey, SubscriberId, SubscriptionId
from mailtrack.errors import PermanentError
from mailtrack.store import (
    calendars,
    channels,
    doubtful_numbers,
    erasure,
    invitations,
    people,
    proofs,
    subscription_details,
    subscriptions,
)
from mailtrack.store.schema import inbound, notice, subscriber
from mailtrack.store.subscription_details import SubscriptionDetails
from mailtrack.store.suppression import Suppression, Why, reason_to_remember


def everything_about(
    connection: Connection,
    address: str,
    suppression: Suppression,
    personal_address: Callable[[RowKey], str],
) -> dict[str, Any]:
    """Return all that is kept about an address; raises PermanentError where it is nothing."""
    owner = people.find_subscriber(connection, _normalised(address))
    if owner is not None:
        return everything_about_subscriber(connection, owner, personal_address)
    kept: dict[str, Any] = {}
    if left := suppression.find(connection, address):
        kept["suppressed"] = {"why": left.why, "at": left.at.isoformat()}
    if invited := _got(connection, _normalised(address)):
        kept["invitations"] = invited
    if not kept:
        raise PermanentError("Nothing is kept about this address.")
    return {"address": address, **kept}


def everything_about_subscriber(
    connection: Connection, owner: SubscriberId, personal_address: Callable[[RowKey], str]
) -> dict[str, Any]:
    """Return all that is kept about a subscriber, and nothing of others."""
    row = connection.execute(select(subscriber).where(subscriber.c.id == owner)).one()
    mine = [one.id for one in subscriptions.of_subscriber(connection, owner)]
    known = subscription_details.read(connection, mine)
    followed = [known[one] for one in mine]
    numbers = {
        one.following.id: one.parcel.row.number if one.parcel else ", ".join(one.orders)
        for one in followed
    }
    received = select(inbound).where(inbound.c.subscriber_id == owner).order_by(inbound.c.id)
    sent = select(notice).where(notice.c.subscriber_id == owner).order_by(notice.c.id)
    return {
        "address": row.address,
        "personal_address": personal_address(RowKey(row.key)),
        "since": row.created_at.isoformat(),
        **{
            name: getattr(row, name) and getattr(row, name).isoformat()
            for name in ("confirmed_at", "unsubscribed_at", "bounced_at")
        },
        "unwanted": sorted(row.unwanted),
        "also_wanted": sorted(row.also_wanted),
        "postcode": row.postcode,
        "parcels": [_following(one) for one in followed],
        "proofs": [
            proofs.as_json(kept.proof)
            for one in followed
            for kept in proofs.of_subscription(connection, one.following.id)
        ],
        "calendar": _calendar(connection, owner),
        "invitations": _made(connection, owner, numbers) + _got(connection, row.address),
        "channels": _channels(connection, owner),
        "numbers_asked_about": [
            {
                "number": asked.number,
                "why": asked.why,
                "asked_at": asked.asked_at.isoformat(),
                "answered_at": asked.answered_at and asked.answered_at.isoformat(),
            }
            for asked in doubtful_numbers.of_subscriber(connection, owner)
        ],
        "mails_received": [_received(mail) for mail in connection.execute(received)],
        "mails_sent": [
            {
                "notice": n.kind,
                "about": numbers.get(n.subscription_id, ""),
                "state": n.state,
                "at": n.sent_at and n.sent_at.isoformat(),
            }
            for n in connection.execute(sent)
        ],
    }


def _calendar(connection: Connection, owner: SubscriberId) -> list[dict[str, Any]]:
    """Return what somebody's calendar says."""
    return [
        {
            "kind": kept.entry.kind,
            "first_day": kept.entry.first.isoformat(),
            "last_day": kept.entry.last.isoformat(),
            "title": kept.entry.title,
            "details": kept.entry.details,
            "place": kept.entry.place,
        }
        for kept in calendars.events_of(connection, owner).values()
    ]


def _channels(connection: Connection, owner: SubscriberId) -> list[dict[str, Any]]:
    """Return where somebody's news go, as pages show it: some addresses are a key to them."""
    return [
        {
            "address": one.masked,
            "kind": one.kind,
            "mode": one.mode,
            "since": one.created_at.isoformat(),
            "proven_at": one.proven_at and one.proven_at.isoformat(),
            "ended_at": one.ended_at and one.ended_at.isoformat(),
        }
        for one in channels.of_subscriber(connection, owner)
    ]


def _made(
    connection: Connection, owner: SubscriberId, numbers: Mapping[SubscriptionId, str]
) -> list[dict[str, Any]]:
    """Return whom somebody invited, and what they may know of it: not who refused."""
    return [
        {
            "to": one.address,
            "about": "everything" if one.about is None else numbers.get(one.about, ""),
            **_moments(one),
        }
        for one in invitations.made_by(connection, owner)
    ]


def _got(connection: Connection, address: str) -> list[dict[str, Any]]:
    """Return by whom an address was invited, and what became of it."""
    return [
        {
            "from": people.address_of(connection, one.inviter) if one.inviter else None,
            "about": "everything" if one.everything else "a parcel",
            **_moments(one),
            "refused_at": one.refused_at and one.refused_at.isoformat(),
        }
        for one in invitations.made_to(connection, address)
    ]


def _moments(one: Invitation) -> dict[str, str | None]:
    moments = {"at": one.created_at, "accepted_at": one.accepted_at, "ended_at": one.ended_at}
    return {name: at.isoformat() if at else None for name, at in moments.items()}


def _received(mail: Row[Any]) -> dict[str, Any]:
    """Return a mail of theirs; as it came while it is kept, in base64 where it is no UTF-8."""
    kept: dict[str, Any] = {
        "subject": mail.subject,
        "at": mail.received_at.isoformat(),
        "outcome": mail.outcome,
        "reason": mail.reason,
        "names": mail.names.split(",") if mail.names else [],
        "mails_read": mail.mails_read or [],
    }
    if mail.raw is None:
        return kept
    try:
        return kept | {"mail": mail.raw.decode()}
    except UnicodeDecodeError:
        return kept | {"mail_base64": b64encode(mail.raw).decode()}


def erase(
    connection: Connection, address: str, suppression: Suppression, now: datetime
) -> Why | None:
    """Forget the person with an address; return why it is still left in peace, if it is.

    Raises PermanentError where there is nothing to erase.
    """
    owner = people.find_subscriber(connection, _normalised(address))
    if owner is None:
        if invitations.forget_address(connection, _normalised(address)):
            return None
        if suppression.find(connection, address) is None:
            raise PermanentError("Nothing is kept about this address.")
        raise PermanentError(
            "This address was erased; what is left is the keyed hash that keeps mails from it."
        )
    why = reason_to_remember(connection, owner)
    _forget(connection, owner, suppression, why, now)
    return why


def erase_at_their_word(
    connection: Connection, owner: SubscriberId, suppression: Suppression, now: datetime
) -> None:
    """Forget a person who asks for it: no mail goes to them until they write again."""
    _forget(connection, owner, suppression, Why.ERASED, now)


def forget_never_confirmed(connection: Connection, suppression: Suppression, now: datetime) -> int:
    """Forget addresses in whose name somebody wrote a while ago, and nobody else ever."""
    forgotten = 0
    for owner in erasure.unproven(connection, now):
        # Asked under its lock: its owner may click at this moment.
        if people.lock(connection, owner) and erasure.is_unproven(connection, owner):
            why = reason_to_remember(connection, owner)
            _forget(connection, owner, suppression, why, now)
            forgotten += 1
    return forgotten


def _forget(
    connection: Connection,
    owner: SubscriberId,
    suppression: Suppression,
    why: Why | None,
    now: datetime,
) -> None:
    if why is not None:
        suppression.add(connection, people.address_of(connection, owner), why, now)
    erasure.erase(connection, owner)


def _normalised(address: str) -> str:
    return address.strip().lower()


def _following(details: SubscriptionDetails) -> dict[str, Any]:
    mine, parcel = details.following, details.parcel
    following: dict[str, Any] = {
        "name": mine.own_name or None,
        "items": list(mine.items),
        "muted": mine.muted,
        "received_at": mine.received_at and mine.received_at.isoformat(),
        "orders": list(details.orders),
        "ordered_at": details.ordered_at and details.ordered_at.isoformat(),
        "named_by": mine.named_by,
        "milestone": mine.milestone,
        "expected_on": mine.expected_on and mine.expected_on.isoformat(),
        "expected_slot": mine.expected_slot or None,
        "events": [
            {
                "at": e.at.isoformat(),
                "milestone": e.milestone,
                "text": e.text,
                "place": e.place,
                "source": e.source,
            }
            for e in tracking.chronology(details.events)
        ],
    }
    if parcel is None:
        return following
    return following | {
        "number": parcel.row.number,
        "local_number": parcel.row.local_number,
        "carriers_named": dict(details.named),
        "pickup_point": _pickup(parcel.row.pickup_point),
        "pickup_in_mails": _pickup(mine.pickup),
        "promised": [
            {
                "at": made.made_at.isoformat(),
                "milestone": made.promise.milestone,
                "first_day": made.promise.told.first.isoformat(),
                "last_day": made.promise.told.last.isoformat(),
            }
            for made in parcel.promises
        ],
    }


def _pickup(point: PickupPoint | None) -> dict[str, str | None] | None:
    if point is None:
        return None
    return {
        "name": point.name,
        "address": point.address,
        "last_day": point.last_day.isoformat() if point.last_day else None,
        "code": point.code or None,
    }
