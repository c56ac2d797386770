"""Stopping mails at somebody's click, and taking that back: of one parcel, or all of them."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from mailtrack.domain.model import ParcelId, SubscriberId
from mailtrack.runtime.services import Services
from mailtrack.store import following, parcels, people, subscriptions
from mailtrack.store.outcomes import NOBODY_FOLLOWS
from mailtrack.store.subscriptions import Subscription


@dataclass(frozen=True, slots=True)
class Stopping:
    """What one click stops or resumes, in its transaction.

    Nobody resumes anything whose address the operator has blocked, whatever they click.
    """

    services: Services
    connection: Connection

    def stop(self, mine: Subscription) -> bool:
        """Stop the mails about one parcel; False where they were stopped."""
        if mine.muted:
            return False
        return subscriptions.mute(self.connection, mine.id, self.services.clock.now())

    def resume(self, mine: Subscription) -> None:
        """Take back the stop of one parcel, and that of everything, which would hide it."""
        if self._is_blocked(mine.subscriber):
            return
        people.welcome_back(self.connection, mine.subscriber)
        subscriptions.mute(self.connection, mine.id, None)
        self._hear(mine.subscriber, mine.parcels)

    def stop_all(self, owner: SubscriberId) -> bool:
        """Stop every mail to somebody; False where they were stopped."""
        return people.unsubscribe(self.connection, owner, self.services.clock.now())

    def resume_all(self, owner: SubscriberId) -> None:
        """Take back the stop of everything."""
        if not self._is_blocked(owner):
            self._hear(owner, people.undo_unsubscribe(self.connection, owner))

    def _is_blocked(self, owner: SubscriberId) -> bool:
        address = people.address_of(self.connection, owner)
        return self.services.suppression.blocks(self.connection, address)

    def _hear(self, owner: SubscriberId, resumed: Iterable[ParcelId]) -> None:
        """Send mails again to an address that had refused them: its owner reads them.

        Nobody was asked about their parcels in the meantime.
        """
        people.heard_from(self.connection, owner)
        ended = following.ended(self.connection, owner, NOBODY_FOLLOWS)
        for parcel_id in sorted({*resumed, *ended}):
            parcels.wake(self.connection, parcel_id, self.services.clock.now())
