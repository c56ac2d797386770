"""What follows when carriers are switched off or on: their numbers are asked about elsewhere.

Done once in a while, a few at a time, in transactions of one parcel each; done again, it
changes nothing.

1. A leg whose carrier is off is polled by nobody. The next choice for its number takes
   its place; where there is none, and no other leg is left, `housekeeping` judges the parcel as
   one that nobody can be asked about.
2. A carrier that is on is asked about the parcels from before, if it would have been
   chosen for them and nobody else knows them. How far it got is remembered, until it is
   switched off.

Both add no more in a round than a carrier's budget has room for beside its daily work.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from mailtrack.carriers.base import Declaration
from mailtrack.clock import Clock
from mailtrack.domain.choosing import BEFORE_FALLBACK, FALLBACKS, may_ask, next_choice
from mailtrack.domain.model import ParcelId, PollState
from mailtrack.store import followers, leg_claims, named_carriers, outcomes, parcels, rerouted
from mailtrack.store.engine import Store
from mailtrack.store.named_carriers import Named
from mailtrack.store.outcomes import NOBODY_FOLLOWS
from mailtrack.store.parcels import Leg, ParcelRow

#: Parcels in one round, of each of the two kinds, and of each carrier.
PARCELS_PER_ROUND = 500
#: The share of a carrier's day that a round may add: it takes two days' rounds to fill one.
ROUNDS = 288
#: Where a number goes whose next choice has no room left: behind all others, which are
#: planned for a day ahead at most (`polling.LONGEST`).
LATER = timedelta(days=2)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rerouting:
    """Sees to it that every number is asked about.

    `on`: the declarations of the carriers that are, `off`: the codes of the others.
    """

    store: Store
    clock: Clock
    on: Mapping[str, Declaration]
    off: Collection[str]

    def run(self) -> None:
        """Do one round.

        1. Carriers that are off are to begin anew when they are switched on.
        2. How many numbers more may each carrier be asked about?
        3. Parcels that are planned at carriers that are off leave those,
        4. and each carrier that is on catches up with the parcels from before.
        """
        # 1.
        with self.store.write() as connection:
            rerouted.forget(connection, self.on.keys())
        # 2.
        room: Counter[str] = Counter()
        with self.store.read() as connection:
            for code, declaration in self.on.items():
                share = max(1, declaration.budget.per_day // ROUNDS) * declaration.batch
                due = leg_claims.count_due(connection, code, self.clock.now(), share)
                room[code] = share - due
        # 3.
        with self.store.read() as connection:
            waiting = rerouted.planned_at(connection, self.off, self.clock.now(), PARCELS_PER_ROUND)
        for parcel_id in waiting:
            room.subtract(self.store.transact(partial(self._move, parcel_id, room)))
        if waiting:
            log.info("left carriers that are off", parcels=len(waiting))
        # 4.
        for code in self.on:
            asked = self._catch_up(code, room)
            if asked:
                log.info("older parcels asked about", carrier=code, parcels=asked)

    def _move(
        self, parcel_id: ParcelId, room: Mapping[str, int], connection: Connection
    ) -> Counter[str]:
        """Give the numbers of a parcel that are planned at carriers that are off to others.

        Those for which there is no room wait behind all others. Return how many each of the
        others was given.
        """
        given: Counter[str] = Counter()
        row = _locked(connection, parcel_id)
        if row is None:
            return given
        now = self.clock.now()
        if not followers.who_wait(connection, parcel_id):
            outcomes.end(connection, parcel_id, NOBODY_FOLLOWS, now)
            return given
        legs = parcels.legs_of(connection, parcel_id)
        idle = [leg for leg in legs if leg.carrier not in self.on and leg.next_poll_at]
        named = named_carriers.of_parcel(connection, parcel_id)
        for number in dict.fromkeys(leg.number for leg in idle):
            legs = parcels.legs_of(connection, parcel_id)
            code = self._missing(number, row, legs, named, now)
            wait = code is not None and room[code] <= given[code]
            for leg in idle:
                if leg.number == number:
                    parcels.plan(connection, leg.id, now + LATER if wait else None)
            if code is not None and not wait:
                _ask(connection, row, legs, number, code, now)
                given[code] += 1
        return given

    def _catch_up(self, code: str, room: Counter[str]) -> int:
        """Ask a carrier about parcels from before, as far as there is room; return how many.

        1. Of the next parcels, those have a number that it should be asked about,
        2. and are asked about, one by one, if that still makes sense once they are locked.
        3. How far it got is remembered.
        """
        # 1.
        with self.store.read() as connection:
            span = rerouted.next_span(connection, code, PARCELS_PER_ROUND)
            if span is None:
                return 0
            legs = parcels.legs_of_each(connection, span.parcels)
            rows = parcels.parcel_rows(connection, span.parcels)
            named = named_carriers.of_each(connection, span.parcels)
        missed = sorted(
            row.id for row in rows if self._numbers_for(code, row, legs[row.id], named[row.id])
        )

        # 2.
        def add(parcel_id: ParcelId, connection: Connection) -> int:
            row = _locked(connection, parcel_id)
            if row is None or not followers.who_wait(connection, parcel_id):
                return 0
            legs = parcels.legs_of(connection, parcel_id)
            named = named_carriers.of_parcel(connection, parcel_id)
            numbers = self._numbers_for(code, row, legs, named)
            for number in numbers:
                _ask(connection, row, legs, number, code, self.clock.now())
            return len(numbers)

        last, asked = span.last, 0
        for parcel_id in missed:
            if room[code] <= 0:
                last = ParcelId(parcel_id - 1)
                break
            numbers = self.store.transact(partial(add, parcel_id))
            room[code] -= numbers
            asked += bool(numbers)
        # 3.
        with self.store.write() as connection:
            rerouted.note(connection, code, last)
        return asked

    def _numbers_for(
        self, code: str, row: ParcelRow, legs: Sequence[Leg], named: Named
    ) -> list[str]:
        """Return the numbers of a parcel that a carrier is to be asked about, and is not."""
        now, local = self.clock.now(), [row.local_number] if row.local_number else []
        numbers = dict.fromkeys([row.number, *local, *(leg.number for leg in legs)])
        return [n for n in numbers if self._missing(n, row, legs, named, now) == code]

    def _missing(
        self, number: str, row: ParcelRow, legs: Sequence[Leg], named: Named, now: datetime
    ) -> str | None:
        """Return who is to be asked about a number and is not; None where nobody is missing.

        1. Nobody where a carrier knows it that is asked.
        2. Else the next choice. What a carrier knew that is off now is no young number: a
           fallback need not wait. But it needs none where the parcel is looked after by
           another number: each one counts there.
        3. Where nobody is left to ask but those who did not know it yet, the first of those.

        Where the mails of its followers say whose number it is, none but those are meant.
        """
        only = named.get(number, ())
        about = [leg for leg in legs if leg.number == number]
        asked = [leg for leg in about if leg.carrier in self.on]
        planned = [leg for leg in asked if leg.next_poll_at is not None]
        # 1.
        if any(leg.state == PollState.FOUND for leg in planned):
            return None
        # 2.
        known = any(leg.state == PollState.FOUND for leg in about)
        unknown_for = BEFORE_FALLBACK if known else now - row.created_at
        refused = (PollState.NOT_FOUND, PollState.REJECTED)
        tried = {leg.carrier for leg in asked if leg.state in refused}
        unasked = {leg.carrier for leg in asked if leg.state == PollState.NEEDS_POSTCODE}
        code = next_choice(number, self.on.keys(), tried, unknown_for, only, unasked)
        if code in FALLBACKS and any(
            leg.carrier in self.on
            and leg.next_poll_at is not None
            and (leg.state == PollState.FOUND or leg.carrier in FALLBACKS)
            for leg in legs
        ):
            code = None
        # 3.
        if code is None and not planned:
            meant = (leg.carrier for leg in asked if may_ask(leg.carrier, number, only))
            code = next(meant, None)
        return None if any(leg.carrier == code for leg in planned) else code


def _locked(connection: Connection, parcel_id: ParcelId) -> ParcelRow | None:
    """Lock a parcel that is still polled; None where it has ended or was forgotten."""
    row = parcels.lock(connection, parcel_id)
    return row if row is not None and row.ended_at is None else None


def _ask(
    connection: Connection,
    row: ParcelRow,
    legs: Sequence[Leg],
    number: str,
    code: str,
    now: datetime,
) -> None:
    """Poll a number at a carrier, by the leg that it had there before, if it had one."""
    for leg in legs:
        if (leg.carrier, leg.number) == (code, number):
            parcels.plan(connection, leg.id, now)
            return
    parcels.add_leg(connection, row.id, code, number, now, is_local=number != row.number)
