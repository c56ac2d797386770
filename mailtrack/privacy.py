"""What is kept about a person: shown whole, erased whole, and then left in peace."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from mailtrack.domain.model import SubscriberId
from mailtrack.errors import PermanentError
from mailtrack.store import dossiers, people
from mailtrack.store.dossiers import Dossier
from mailtrack.store.schema import inbound, notice, subscriber
from mailtrack.store.suppression import Suppression, Why, reason_to_remember


def everything_about(
    connection: Connection, address: str, suppression: Suppression
) -> dict[str, Any]:
    """Return all that is kept about an address; raises PermanentError where it is nothing."""
    owner = people.find_subscriber(connection, _normalised(address))
    if owner is not None:
        return everything_about_subscriber(connection, owner)
    left = suppression.find(connection, address)
    if left is None:
        raise PermanentError("Nothing is kept about this address.")
    return {"address": address, "suppressed": {"why": left.why, "at": left.at.isoformat()}}


def everything_about_subscriber(connection: Connection, owner: SubscriberId) -> dict[str, Any]:
    """Return all that is kept about a subscriber."""
    row = connection.execute(select(subscriber).where(subscriber.c.id == owner)).one()
    return {
        "address": row.address,
        "since": row.created_at.isoformat(),
        **{
            name: getattr(row, name) and getattr(row, name).isoformat()
            for name in ("confirmed_at", "unsubscribed_at", "bounced_at")
        },
        "unwanted": sorted(row.unwanted),
        "also_wanted": sorted(row.also_wanted),
        "parcels": [_following(dossier) for dossier in _dossiers(connection, owner)],
        "mails_received": [
            {"subject": m.subject, "at": m.received_at.isoformat(), "outcome": m.outcome}
            for m in connection.execute(select(inbound).where(inbound.c.subscriber_id == owner))
        ],
        "mails_sent": [
            {"notice": n.kind, "state": n.state, "at": n.sent_at and n.sent_at.isoformat()}
            for n in connection.execute(select(notice).where(notice.c.subscriber_id == owner))
        ],
    }


def erase(
    connection: Connection, address: str, suppression: Suppression, now: datetime
) -> Why | None:
    """Forget the person with an address; return why it is still left in peace, if it is.

    Raises PermanentError where there is nothing to erase.
    """
    owner = people.find_subscriber(connection, _normalised(address))
    if owner is None:
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


def _forget(
    connection: Connection,
    owner: SubscriberId,
    suppression: Suppression,
    why: Why | None,
    now: datetime,
) -> None:
    if why is not None:
        suppression.add(connection, people.address_of(connection, owner), why, now)
    people.erase(connection, owner)


def _normalised(address: str) -> str:
    return address.strip().lower()


def _dossiers(connection: Connection, owner: SubscriberId) -> Iterator[Dossier]:
    """Return all that somebody follows, newest first."""
    mine = [one.id for one in people.subscriptions_of(connection, owner)]
    known = dossiers.read(connection, mine)
    return (known[one] for one in mine)


def _following(dossier: Dossier) -> dict[str, Any]:
    mine, parcel = dossier.following, dossier.parcel
    following: dict[str, Any] = {
        "items": list(mine.items),
        "muted": mine.muted,
        "orders": list(dossier.orders),
    }
    if parcel is None:
        return following
    return following | {
        "number": parcel.row.number,
        "local_number": parcel.row.local_number,
        "milestone": parcel.row.milestone,
        "events": [
            {"at": e.at.isoformat(), "milestone": e.milestone, "text": e.text, "place": e.place}
            for e in parcel.events
        ],
    }
