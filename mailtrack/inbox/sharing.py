"""Following what others share: at the click that accepts an invitation, and what comes later.

What is followed is the number, its local number and whose it is, as who invited has them, so that
nobody is asked a second time; neither their order nor its articles, nor what they call it.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection

from mailtrack.clock import Clock
from mailtrack.domain.model import Candidate, Outcome, SubscriberId
from mailtrack.domain.numbers import detect
from mailtrack.inbox.at_their_word import NO_MAIL, tell_again
from mailtrack.inbox.quotas import ParcelQuotas
from mailtrack.inbox.subscriptions import SubscriptionService, named_by
from mailtrack.parsers.bare_number import KIND
from mailtrack.parsers.reading import ParcelRead, Reading
from mailtrack.store import (
    invitations,
    named_carriers,
    parcels,
    people,
    shared_subscriptions,
    subscriptions,
)
from mailtrack.store.engine import Store
from mailtrack.store.shared_subscriptions import Unshared
from mailtrack.store.subscriptions import Subscription

#: Parcels that one round, or one click, lets people follow; the next round goes on.
PER_ROUND = 200


@dataclass(frozen=True, slots=True)
class Sharing:
    """Lets people follow what they agreed to. `carriers`: codes of those that are on."""

    carriers: Collection[str]
    quotas: ParcelQuotas
    clock: Clock

    def catch_up(self, store: Store) -> int:
        """Let people follow what is new with who invited them; return how many parcels.

        A transaction for each: its person may click meanwhile, and is locked. Whose day is full
        waits for the next round, and holds nobody up.
        """
        followed, waiting = 0, set[SubscriberId]()
        last: Unshared | None = None
        while followed < PER_ROUND:
            with store.read() as connection:
                page = shared_subscriptions.unshared(connection, PER_ROUND, after=last)
            if not page:
                break
            for one in page:
                if one.member in waiting:
                    continue
                if store.transact(partial(self._follow_late, what=one)):
                    followed += 1
                else:
                    waiting.add(one.member)
            last = page[-1]
        return followed

    def _follow_late(self, connection: Connection, what: Unshared) -> bool:
        """Follow what is still shared, once neither person can end it before this is committed."""
        if not people.lock(connection, what.member):
            return False
        invitations.lock(connection, what.invitation_id)
        still = shared_subscriptions.unshared(
            connection, PER_ROUND, only=what.member, source=what.source
        )
        return what in still and self.follow(connection, what)

    def follow(
        self, connection: Connection, what: Unshared, *, at_click: bool = False, alone: bool = False
    ) -> bool:
        """Follow one parcel for who agreed to it, locked; False where their day is full.

        `alone`: their click was about nothing else, so that they are answered at once.

        1. It is read as a mail that names it would be, of nobody's order.
        2. It counts as a new parcel of theirs, where it is one.
        3. At their click, what they had stopped is taken up again.
        """
        # 1.
        source = next(iter(subscriptions.read(connection, [what.source])), None)
        if source is None or source.parcel is None:
            return False
        now, read = self.clock.now(), _read_as(connection, source)
        reading = Reading(Outcome.TRACKED, NO_MAIL, kind=KIND, parcels=(read,))
        service = SubscriptionService(
            connection,
            self.carriers,
            self.clock,
            what.member,
            "",
            now,
            reading,
            by_rule=not alone,
        )
        # 2.
        followed, address = service.followed(), people.address_of(connection, what.member)
        new = service.count_new(followed)
        if new and self.quotas.exceeded(connection, what.member, address, new, now):
            return False
        service.follow(followed)
        # 3.
        if at_click:
            tell_again(connection, service.take_up(), now)
        for mine in named_by(connection, what.member, reading):
            shared_subscriptions.share(connection, mine.id, what)
        return True


def _read_as(connection: Connection, source: Subscription) -> ParcelRead:
    """Return what somebody follows as a mail would name it that tells its numbers alone.

    Whose number it may be is as who invited said, where they did.
    """
    rows = {row.id: row.number for row in parcels.parcel_rows(connection, source.parcels)}
    number = rows[source.parcel] if source.parcel is not None else ""
    local = rows.get(source.local) if source.local is not None else None
    named = named_carriers.told_to(connection, [source.id])[source.id].get(number)
    carriers = tuple(replace(one, named=one.carrier == named) for one in detect(number))
    if named is not None and not any(one.named for one in carriers):
        carriers = (Candidate(named, "", "none", named=True), *carriers)
    return ParcelRead(number, local_number=local, carriers=carriers)
