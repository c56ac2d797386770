"""What is kept about a person: shown whole, erased whole."""

from typing import Any

from sqlalchemy import Connection, select

from mailtrack.domain.model import SubscriberId
from mailtrack.errors import PermanentError
from mailtrack.store import parcels, people
from mailtrack.store.schema import inbound, notice, subscriber
from mailtrack.views import orders_of


def everything_about(connection: Connection, address: str) -> dict[str, Any]:
    """Return all that is kept about an address; raises PermanentError where it is nothing."""
    return everything_about_subscriber(connection, _find(connection, address))


def everything_about_subscriber(connection: Connection, owner: SubscriberId) -> dict[str, Any]:
    """Return all that is kept about a subscriber."""
    row = connection.execute(select(subscriber).where(subscriber.c.id == owner)).one()
    return {
        "address": row.address,
        "since": row.created_at.isoformat(),
        "unsubscribed_at": row.unsubscribed_at and row.unsubscribed_at.isoformat(),
        "parcels": [_following(connection, s) for s in people.subscriptions_of(connection, owner)],
        "mails_received": [
            {"subject": m.subject, "at": m.received_at.isoformat(), "outcome": m.outcome}
            for m in connection.execute(select(inbound).where(inbound.c.subscriber_id == owner))
        ],
        "mails_sent": [
            {"notice": n.kind, "state": n.state, "at": n.sent_at and n.sent_at.isoformat()}
            for n in connection.execute(select(notice).where(notice.c.subscriber_id == owner))
        ],
    }


def erase(connection: Connection, address: str) -> None:
    """Forget a person; raises PermanentError where nothing is kept about the address."""
    people.erase(connection, _find(connection, address))


def _find(connection: Connection, address: str) -> SubscriberId:
    owner = people.find_subscriber(connection, address.strip().lower())
    if owner is None:
        raise PermanentError("Nothing is kept about this address.")
    return owner


def _following(connection: Connection, mine: people.Subscription) -> dict[str, Any]:
    following: dict[str, Any] = {
        "items": list(mine.items),
        "muted": mine.muted,
        "orders": list(orders_of(connection, mine)),
    }
    if mine.parcel is None:
        return following
    row = parcels.parcel_row(connection, mine.parcel)
    return following | {
        "number": row.number,
        "local_number": row.local_number,
        "milestone": row.milestone,
        "events": [
            {"at": e.at.isoformat(), "milestone": e.milestone, "text": e.text, "place": e.place}
            for e in parcels.history(connection, row.id)
        ],
    }
