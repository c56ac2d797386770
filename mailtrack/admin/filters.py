"""Which rows an operator asks for, as they write it on the command line."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select

from mailtrack.domain.model import ParcelId, SubscriberId
from mailtrack.domain.numbers import normalise
from mailtrack.domain.sending_policy import PARIS
from mailtrack.errors import PermanentError
from mailtrack.store import people
from mailtrack.store.schema import leg, parcel, subscription

_SPAN = re.compile(r"(\d{1,4})(min|h|d)")
_UNITS = {"min": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows of a list; what is not set leaves nothing out.

    `number`: of a parcel, its own, a local one or one of its legs. `since`: when they came.
    """

    ids: Sequence[int] = ()
    address: str = ""
    number: str = ""
    state: str = ""
    since: datetime | None = None
    limit: int = 50

    def of(self, row_id: ColumnElement[Any], at: ColumnElement[Any]) -> list[ColumnElement[bool]]:
        """Return the conditions on a table's number and time."""
        chosen: list[ColumnElement[bool]] = []
        if self.ids:
            chosen.append(row_id.in_(self.ids))
        if self.since is not None:
            chosen.append(at >= self.since)
        return chosen


def row_ids(words: Iterable[str]) -> list[int]:
    """Return row ids as an operator writes them; raises PermanentError for anything else."""
    found = list(words)
    for word in found:
        if not (word.isascii() and word.isdigit() and len(word) < 10):
            raise PermanentError(f"{word} is no number of a row; the lists show them.")
    return [int(word) for word in found]


def moment(text: str, now: datetime) -> datetime:
    """Return a moment in the past: `2d`, `3h`, `2026-03-02` or `2026-03-02T14:05` (France).

    Raises PermanentError where it is none.

    >>> from datetime import UTC
    >>> moment("2d", datetime(2026, 3, 9, 8, 0, tzinfo=UTC)).isoformat()
    '2026-03-07T08:00:00+00:00'
    >>> moment("2026-03-02T14:05", datetime(2026, 3, 9, 8, 0, tzinfo=UTC)).isoformat()
    '2026-03-02T13:05:00+00:00'
    """
    at = _moment(text, now, timedelta(-1))
    if at > now:
        raise PermanentError(f"{text} is not over yet; a moment in the past is meant.")
    return at


def moment_to_come(text: str, now: datetime) -> datetime:
    """Return a moment in the future, written in the same ways; raises PermanentError."""
    at = _moment(text, now, timedelta(1))
    if at <= now:
        raise PermanentError(f"{text} is over; a moment to come is meant.")
    return at


def _moment(text: str, now: datetime, direction: timedelta) -> datetime:
    span = _SPAN.fullmatch(text)
    try:
        if span:
            return now + direction.days * timedelta(**{_UNITS[span[2]]: int(span[1])})
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=PARIS)).astimezone(now.tzinfo)
    except (ValueError, OverflowError) as error:
        raise PermanentError(
            f"{text} is no moment; write 2d, 3h, 2026-03-02 or 2026-03-02T14:05."
        ) from error


def owner_of(connection: Connection, address: str) -> SubscriberId:
    """Return who has an address; raises PermanentError where nobody has."""
    owner = people.find_subscriber(connection, address.strip().lower())
    if owner is None:
        raise PermanentError("Nobody with this address is known.")
    return owner


def parcels_with(connection: Connection, number: str) -> list[ParcelId]:
    """Return the parcels that a number names; raises PermanentError where there are none."""
    wanted = normalise(number)
    by_leg = select(leg.c.parcel_id).where(leg.c.number == wanted)
    named = or_(parcel.c.number == wanted, parcel.c.local_number == wanted, parcel.c.id.in_(by_leg))
    found = connection.scalars(select(parcel.c.id).where(named).order_by(parcel.c.id)).all()
    if not found:
        raise PermanentError(f"No parcel with the number {wanted} is known.")
    return [ParcelId(one) for one in found]


def about(parcels: Sequence[ParcelId]) -> ColumnElement[bool]:
    """Return the condition that a subscription is about one of some parcels."""
    return or_(subscription.c.parcel_id.in_(parcels), subscription.c.local_parcel_id.in_(parcels))
