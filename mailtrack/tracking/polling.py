"""Asking a carrier about claimed legs and taking its answers in (`tracking.answers`).

The answers of one request are one transaction where nothing speaks against it, else one each.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random

import structlog
from sqlalchemy import Connection

from mailtrack.carriers.base import MOST_POSTCODES, Carrier, Declaration, Push, WithPostcode
from mailtrack.clock import Clock
from mailtrack.domain.model import LegId, PollResult
from mailtrack.errors import AuthError, MailtrackError, PermanentError, QuotaError, TransientError
from mailtrack.store import budgets, followers, leg_claims, local_parcels, parcels
from mailtrack.store.engine import Store
from mailtrack.store.leg_claims import ClaimedLeg
from mailtrack.tracking import answers
from mailtrack.tracking.answers import LegAnswer

#: How long a carrier that refuses our key is left alone.
AUTH_SILENCE_S = 3600.0
#: Waits after a first, second … failure of one leg.
_RETRY = tuple(timedelta(minutes=m) for m in (5, 15, 45, 120, 360))
#: How long nobody else asks about a number whose carrier has just written of itself.
PUSH_LEASE_S = 30.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Poller:
    """Polls carriers. `carriers`: those that are on, `declarations`: their budgets, by code."""

    store: Store
    carriers: Mapping[str, Carrier]
    declarations: Mapping[str, Declaration]
    clock: Clock
    rng: Random

    def poll(self, carrier: str, legs: Sequence[LegId], token: str) -> None:
        """Ask a carrier about claimed legs and take its answers in.

        1. A carrier that was switched off meanwhile is left alone: `rerouting` sees to its
           legs. Legs whose claim has passed on are left out.
        2. One request asks about all of them, and what it says of each is taken in.
        3. Where it failed, the legs are due again later,
        4. but where it failed for good, each is asked about alone: a number that a carrier
           chokes on holds up no other. Only while the carrier may still be asked; the rest is
           due again at once.
        """
        # 1.
        if carrier not in self.carriers:
            return
        with self.store.read() as connection:
            mine = leg_claims.claimed(connection, legs, token)
        if not mine:
            return
        # 2.
        failure = self._ask(carrier, mine, token)
        if failure is None:
            return
        # 3.
        if len(mine) == 1 or not isinstance(failure, PermanentError):
            self._note_failure(carrier, mine, token, failure)
            return
        # 4.
        budget = self.declarations[carrier].budget
        for done, leg in enumerate(mine):
            now = self.clock.now()
            with self.store.write() as connection:
                if not budgets.overdraw(
                    connection,
                    carrier,
                    per_second=budget.per_second,
                    per_day=budget.per_day,
                    now=now,
                ):
                    rest = [other.id for other in mine[done:]]
                    leg_claims.release(connection, rest, token, now)
                    return
            failure = self._ask(carrier, [leg], token)
            if failure is not None:
                self._note_failure(carrier, [leg], token, failure)

    def take_push(self, carrier: str, push: Push) -> None:
        """Take in what a carrier sends of itself, as if we had just asked.

        One without scans, or that was overtaken by what the carrier told since, says nothing:
        pushes come late, twice, and from whoever kept one. Numbers that the carrier has stopped
        are due at once: only a request takes them up again.
        """
        token = secrets.token_hex(8)
        for number, result in push.results.items():
            with self.store.write() as connection:
                known = parcels.newest_event(connection, carrier, number)
                newest = max((event.at for event in result.events), default=None)
                if newest is None or (known is not None and newest < known):
                    continue
                legs = leg_claims.claim_number(
                    connection, carrier, number, token=token, until=self.clock.later(PUSH_LEASE_S)
                )
            self._take_in(legs, {number: result}, token)
        if push.stopped:
            with self.store.write() as connection:
                parcels.hasten(connection, carrier, push.stopped, self.clock.now())

    def _ask(self, carrier: str, legs: Sequence[ClaimedLeg], token: str) -> MailtrackError | None:
        """Ask about legs in one request and take in what it says of each; return why it failed.

        An answer that breaks our reader is a failure for good.
        """
        try:
            results = self._fetch(self.carriers[carrier], legs)
        except MailtrackError as error:
            return error
        except Exception as error:
            log.exception("carrier not understood", carrier=carrier)
            return PermanentError(
                f"The answer of {carrier} broke our reader ({type(error).__name__}): see the log."
            )
        now = self.clock.now()
        with self.store.write() as connection:
            budgets.note_ok(connection, carrier, now)
        self._take_in(legs, results, token)
        return None

    def _fetch(self, carrier: Carrier, legs: Sequence[ClaimedLeg]) -> Mapping[str, PollResult]:
        """Return what a carrier says of legs; with their followers' postcodes where it wants them.

        Where more are known than may be tried, chance decides: no stranger's stand in the way
        of the addressee's for ever.
        """
        if not isinstance(carrier, WithPostcode):
            return carrier.fetch(list(dict.fromkeys(leg.number for leg in legs)))
        results = {}
        for leg in legs:
            with self.store.read() as connection:
                known = followers.postcodes(connection, leg.id)
            few = len(known) <= MOST_POSTCODES
            tried = known if few else self.rng.sample(known, MOST_POSTCODES)
            result = carrier.fetch_for(leg.number, tried)
            if result:
                results[leg.number] = result
        return results

    def _note_failure(
        self, carrier: str, legs: Sequence[ClaimedLeg], token: str, error: MailtrackError
    ) -> None:
        """Let legs that got no answer be due again.

        A carrier that refuses us is left alone so long, and its legs have no part in it. Any
        other failure counts for each leg, which then waits longer and longer.
        """
        log.warning("carrier failed", carrier=carrier, error=str(error), numbers=len(legs))
        now = self.clock.now()
        silence_s = 0.0
        if isinstance(error, QuotaError):
            silence_s = error.retry_after_s
        elif isinstance(error, AuthError):
            silence_s = AUTH_SILENCE_S
        down = isinstance(error, TransientError)
        with self.store.write() as connection:
            budgets.note_error(connection, carrier, str(error), now, silence_s=silence_s, down=down)
            if silence_s:
                free_again = now + timedelta(seconds=silence_s)
                leg_claims.release(connection, [leg.id for leg in legs], token, free_again)
                return
            for leg in legs:
                self._retry_later(connection, leg, token, str(error), now)

    def _retry_later(
        self, connection: Connection, leg: ClaimedLeg, token: str, error: str, now: datetime
    ) -> None:
        wait = _RETRY[min(leg.failures, len(_RETRY) - 1)] * self.rng.uniform(0.8, 1.2)
        leg_claims.note_failure(connection, leg.id, token, error, now + wait)

    # --- the answers of one request ----------------------------------------------------

    def _take_in(
        self, legs: Sequence[ClaimedLeg], results: Mapping[str, PollResult], token: str
    ) -> None:
        """Take in what a carrier said of legs, by their numbers.

        An answer that cannot be stored must not hold up the others: its leg is tried again later.
        Raises TransientError where the store is away, once the others are stored.
        """
        now, failed = self.clock.now(), None
        take_in = partial(self._take_in_some, results, token, now)
        done = self.store.transact_batches(take_in, legs)
        for leg, stored in zip(legs, done, strict=True):
            if isinstance(stored, MailtrackError):
                failed = stored
            elif isinstance(stored, Exception):
                log.error("answer not stored", carrier=leg.carrier, leg=leg.id, exc_info=stored)
                reason = f"The answer cannot be stored ({type(stored).__name__}): see the log."
                with self.store.write() as connection:
                    self._retry_later(connection, leg, token, reason, self.clock.now())
        if failed is not None:
            raise failed

    def _take_in_some(
        self,
        results: Mapping[str, PollResult],
        token: str,
        now: datetime,
        connection: Connection,
        legs: Sequence[ClaimedLeg],
    ) -> list[None]:
        """Take in what a carrier said of some legs (`Store.transact_batches`).

        1. Legs whose claim has passed on, or whose parcel was erased, are left alone. The
           parcels of the others are locked at one go.
        2. Where somebody hears of the parcels of two of them, each takes its turn: what follows
           from the second answer depends on what the first one has left of it.
        3. A number that the answer leaves out waits alone.
        4. The others are taken in at one go. A claim that a push took meanwhile stays its own.
        """
        # 1.
        claimed = leg_claims.claimed(connection, [leg.id for leg in legs], token)
        locked = local_parcels.lock(connection, {leg.parcel for leg in claimed})
        mine = [leg for leg in claimed if leg.parcel in locked.rows]
        # 2.
        families = [{leg.parcel, *locked.beside[leg.parcel].values()} for leg in mine]
        is_any_heard_of_twice = sum(map(len, families)) > len(set().union(*families))
        if is_any_heard_of_twice:
            for leg in legs:
                self._take_in_some(results, token, now, connection, [leg])
            return [None] * len(legs)
        # 3.
        for leg in mine:
            if leg.number not in results:
                error = f"{leg.carrier} left this number out of its answer"
                self._retry_later(connection, leg, token, error, now)
        # 4.
        given = [
            LegAnswer(locked.rows[leg.parcel], locked.beside[leg.parcel], leg, results[leg.number])
            for leg in mine
            if leg.number in results
        ]
        if given:
            leg_claims.let_go_of(connection, [answer.leg.id for answer in given], token)
            answers.take_in(connection, given, frozenset(self.carriers), self.rng, now)
        return [None] * len(legs)
