"""Who is at work where only one may be: rows that lapse unless their holder renews them.

The clock is the database's, so that hosts whose clocks differ agree on what has lapsed;
SQLite has one host, whose clock it is. A holder counts the seconds for itself, from
before it asked, on a clock that nobody sets: it stops before others may begin.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, or_, select

from mailtrack.errors import TransientError
from mailtrack.store.schema import lease
from mailtrack.store.upsert import insert_into

#: The lease on the ticks, and what the names of those on mailboxes begin with.
DISPATCH, WATCH = "dispatch", "watch:"

#: Who waits for a lease has a row, too, named after the lease and themselves.
_WAITING = "waiting:"
#: The column has room for such a row's name beside the longest holder's.
_LONGEST_NAME = 300
_LONG_GONE = timedelta(hours=1)


class LostLeaseError(TransientError):
    """Raised when somebody else is at work by now."""


@dataclass(frozen=True, slots=True)
class LeaseHolder:
    """One process that is at work under a lease, or stands by for it.

    `until` is by the database's clock; in the past, the process gave no sign of life.
    """

    name: str
    holder: str
    at_work: bool
    until: datetime


def time_of(connection: Connection) -> datetime:
    """Return the time by the clock that all holders share."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now


def watch_name(account: str, folder: str) -> str:
    """Return the name of the lease on one folder of a mailbox."""
    place = f"{account}/{folder}"
    if len(WATCH + place) > _LONGEST_NAME:
        place = hashlib.sha256(place.encode()).hexdigest()
    return WATCH + place


def take(connection: Connection, name: str, holder: str, seconds: float, now: datetime) -> bool:
    """Take a lease that is free, has lapsed or is our own; return whether it is ours now.

    One that was taken in the future was taken by a clock that was ahead: it is free.
    """
    until = now + timedelta(seconds=seconds)
    wanted = insert_into(connection, lease).values(
        name=name, holder=holder, until=until, taken_at=now
    )
    taken = wanted.on_conflict_do_update(
        index_elements=["name"],
        set_={column: wanted.excluded[column] for column in ("holder", "until", "taken_at")},
        where=or_(lease.c.holder == holder, lease.c.until <= now, lease.c.taken_at > until),
    ).returning(lease.c.name)
    return connection.execute(taken).one_or_none() is not None


def require(connection: Connection, name: str, holder: str) -> None:
    """Raise LostLeaseError where the lease has passed on; until the commit it cannot."""
    query = select(lease.c.holder).where(lease.c.name == name).with_for_update(read=True)
    if connection.execute(query).scalar_one_or_none() != holder:
        raise LostLeaseError("Somebody else is at work here by now.")


def give_back(connection: Connection, name: str, holder: str) -> None:
    """Let the next one begin at once."""
    connection.execute(delete(lease).where(lease.c.name == name, lease.c.holder == holder))


def stand_by(connection: Connection, name: str, holder: str, seconds: float, now: datetime) -> None:
    """Leave word that we wait for a lease; the words of those long gone are forgotten."""
    gone = lease.c.name.startswith(_WAITING), lease.c.until < now - _LONG_GONE
    connection.execute(delete(lease).where(*gone))
    take(connection, _waiting(name, holder), holder, seconds, now)


def wait_no_more(connection: Connection, name: str, holder: str) -> None:
    """Take that word back."""
    connection.execute(delete(lease).where(lease.c.name == _waiting(name, holder)))


def holders(connection: Connection) -> Sequence[LeaseHolder]:
    """Return who is at work and who stands by, lease by lease."""
    found = [
        LeaseHolder(
            name=row.name.removeprefix(_WAITING).removesuffix(f"+{row.holder}"),
            holder=row.holder,
            at_work=not row.name.startswith(_WAITING),
            until=row.until,
        )
        for row in connection.execute(select(lease))
    ]
    return sorted(found, key=lambda held: (held.name, not held.at_work, held.holder))


def at_work(connection: Connection) -> Sequence[LeaseHolder]:
    """Return who holds a lease that has not lapsed."""
    now = time_of(connection)
    return [held for held in holders(connection) if held.at_work and held.until > now]


def lately(connection: Connection) -> Sequence[tuple[LeaseHolder, bool]]:
    """Return who is or was at work or waited in the last hour, and whether they still are."""
    now = time_of(connection)
    return [
        (held, held.until > now) for held in holders(connection) if held.until > now - _LONG_GONE
    ]


def _waiting(name: str, holder: str) -> str:
    return f"{_WAITING}{name}+{holder}"
