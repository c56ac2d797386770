"""`mailtrack poll`: asking the carriers of a parcel now, and keeping what they say."""

import secrets
from collections.abc import Iterator

from sqlalchemy import Connection

from mailtrack.admin.filters import parcels_with
from mailtrack.domain.model import LegId
from mailtrack.runtime.services import Services
from mailtrack.store import budgets, leg_claims, parcels


def poll_now(services: Services, number: str) -> Iterator[str]:
    """Ask about the legs of a parcel within their carriers' budgets; say who was not asked.

    A parcel whose polling has ended is polled again. Raises PermanentError where no parcel has
    the number.
    """
    with services.store.write() as connection:
        asked = _legs(connection, services, number)
    for carrier, their_number in sorted(asked):
        if carrier not in services.carriers:
            yield f"{carrier} is off: see `mailtrack carriers`."
        elif not (legs := _claim(services, carrier, their_number, token := secrets.token_hex(8))):
            yield f"{carrier} is left alone, or its budget of today is used up."
        else:
            services.poller().poll(carrier, legs, token)


def _legs(connection: Connection, services: Services, number: str) -> set[tuple[str, str]]:
    """Return the carriers and numbers to ask about, all of them due."""
    now = services.clock.now()
    found: set[tuple[str, str]] = set()
    for parcel_id in parcels_with(connection, number):
        row = parcels.lock(connection, parcel_id)
        if row is not None and row.ended_at is not None:
            parcels.wake(connection, parcel_id, now)
        legs = parcels.legs_of(connection, parcel_id)
        found |= {(one.carrier, one.number) for one in legs if one.next_poll_at is not None}
    return found


def _claim(services: Services, carrier: str, number: str, token: str) -> list[LegId]:
    """Take a request out of a carrier's budget and claim the legs that it asks about."""
    budget, now = services.declarations[carrier].budget, services.clock.now()
    until = services.clock.later(services.settings.jobs.lease_s)
    with services.store.write() as connection:
        if not budgets.overdraw(
            connection, carrier, per_second=budget.per_second, per_day=budget.per_day, now=now
        ):
            return []
        legs = leg_claims.claim_number(connection, carrier, number, token=token, until=until)
    return [one.id for one in legs]
