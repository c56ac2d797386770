"""Addresses to leave in peace after everything else about them was erased, as keyed hashes.

Only who is asked about by address can be found: the list itself names nobody.
"""

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, bindparam, delete, select

from mailtrack.domain.invitations import mailbox_of
from mailtrack.domain.model import SubscriberId
from mailtrack.store.schema import subscriber, suppressed
from mailtrack.store.upsert import upsert

#: Keeps these hashes apart from everything else that the secret of the links signs.
_PURPOSE = b"mailtrack.suppressed"
#: The same of mailboxes that want no invitations: to all else they are as any other.
_NO_INVITATIONS = b"mailtrack.no_invitations"


#: Built once: every mail asks it (see `store.upsert`).
_FOUND = (
    select(suppressed.c.why, suppressed.c.at)
    .where(suppressed.c.key.in_(bindparam("keys", expanding=True)))
    .order_by(suppressed.c.at.desc())
    .limit(1)
)


class Why(StrEnum):
    """Why an address gets no mail of which its owner has not written to us first."""

    #: The person erased everything.
    ERASED = "erased"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    #: The operator wants it so, until they want it no more.
    BLOCKED = "blocked"
    #: Its owner wants no invitations of anybody; see `NoInvitations`.
    NO_INVITATIONS = "no_invitations"


@dataclass(frozen=True, slots=True)
class Suppressed:
    """One address on the list."""

    why: Why
    at: datetime


class Suppression:
    """The list as seen with the secret of the links; hashes of retired ones are still found."""

    purpose = _PURPOSE

    def __init__(self, secret: str, retired: Sequence[str] = ()) -> None:
        self._keys = [
            hmac.digest(known.encode(), self.purpose, hashlib.sha256)
            for known in (secret, *retired)
        ]

    def add(self, connection: Connection, address: str, why: Why, now: datetime) -> None:
        """Leave an address in peace from now on; one that is blocked stays so."""
        if not self.blocks(connection, address):
            key = next(self._hashes(address))
            upsert(connection, suppressed, {"key": key}, {"why": why, "at": now})

    def blocks(self, connection: Connection, address: str) -> bool:
        """Return True if the operator wants nothing to come from an address, or go to it."""
        query = select(suppressed.c.key).where(*self._blocked(address))
        return connection.execute(query).first() is not None

    def unblock(self, connection: Connection, address: str) -> bool:
        """Take that back; return False where it was not so."""
        return connection.execute(delete(suppressed).where(*self._blocked(address))).rowcount > 0

    def find(self, connection: Connection, address: str) -> Suppressed | None:
        """Return since when and why an address is left in peace, None where it is not."""
        row = connection.execute(_FOUND, {"keys": list(self._hashes(address))}).one_or_none()
        return Suppressed(Why(row.why), row.at) if row else None

    def refuses(
        self, connection: Connection, address: str, written_at: datetime | None = None
    ) -> bool:
        """Return True if an address is left in peace, and end that where its owner wrote since.

        `written_at`: when they wrote by hand, None for what a rule or a stranger sends.
        """
        found = self.find(connection, address)
        if found is None or written_at is None or written_at <= found.at:
            return found is not None
        if self.blocks(connection, address):
            return True
        self.remove(connection, address)
        return False

    def remove(self, connection: Connection, address: str) -> None:
        """Take an address off the list, whatever put it there."""
        connection.execute(
            delete(suppressed).where(suppressed.c.key.in_(list(self._hashes(address))))
        )

    def _blocked(self, address: str) -> tuple[ColumnElement[bool], ...]:
        known = suppressed.c.key.in_(list(self._hashes(address)))
        return known, suppressed.c.why == Why.BLOCKED

    def _hashes(self, address: str) -> Iterator[str]:
        text = address.strip().lower().encode()
        return (hmac.new(key, text, hashlib.sha256).hexdigest() for key in self._keys)


class NoInvitations(Suppression):
    """The mailboxes that get no invitations, by hashes of their own; no mail of theirs ends it."""

    purpose = _NO_INVITATIONS

    def _hashes(self, address: str) -> Iterator[str]:
        return super()._hashes(mailbox_of(address.strip()))


def reason_to_remember(connection: Connection, owner: SubscriberId) -> Why | None:
    """Return why a subscriber is to be left in peace even once they are erased, if at all."""
    query = select(subscriber.c.unsubscribed_at, subscriber.c.bounced_at).where(
        subscriber.c.id == owner
    )
    row = connection.execute(query).one()
    if row.unsubscribed_at:
        return Why.UNSUBSCRIBED
    return Why.BOUNCED if row.bounced_at else None
