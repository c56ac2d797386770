"""How the relay takes our mails: one row that all workers and the dispatcher share.

There is none until a relay refuses us, and it is written only then, and by the first mail that
is taken again: sending well costs one look at an empty table for a batch.
"""

from dataclasses import asdict, fields
from datetime import datetime

from sqlalchemy import Connection, select, update

from mailtrack.domain import relay as rules
from mailtrack.domain.relay import RelayState
from mailtrack.store.schema import notice, relay
from mailtrack.store.upsert import insert_ignoring

_COLUMNS = tuple(relay.c[field.name] for field in fields(RelayState))


def state(connection: Connection, name: str) -> RelayState:
    """Return how a relay takes our mails."""
    row = connection.execute(select(*_COLUMNS).where(relay.c.name == name)).one_or_none()
    return RelayState(**row._mapping) if row else RelayState()


def refusing(connection: Connection, name: str, now: datetime) -> RelayState | None:
    """Return how a relay refuses us, None where it takes mails, or none waits to try it with."""
    current = state(connection, name)
    if not current.refusals:
        return None
    waits = select(notice.c.id).where(notice.c.state == "due", notice.c.next_attempt_at <= now)
    is_tried = current.is_blocked(now) or connection.execute(waits.limit(1)).first() is not None
    return current if is_tried else None


def trouble(connection: Connection, name: str, now: datetime) -> str | None:
    """Say why mails wait, in the relay's own words; None where it takes them."""
    current = refusing(connection, name, now)
    if current is None or current.since is None:
        return None
    until = current.blocked_until if current.is_blocked(now) else None
    since, again = (at.isoformat(timespec="minutes") for at in (current.since, until or now))
    return (
        f"No mail is sent since {since} ({current.whose}): {current.said}; "
        f"tried again at {again}, nothing is lost."
    )


def refused(
    connection: Connection, name: str, whose: str, said: str, now: datetime, *, lasting: bool
) -> RelayState:
    """Leave a relay alone that refuses us; return what holds now."""
    before = _locked(connection, name)
    return _save(connection, name, rules.refused(before, whose, said, now, lasting=lasting))


def doubted(connection: Connection, name: str, whose: str, said: str, now: datetime) -> RelayState:
    """Note a refusal that may be about us; return what holds now."""
    return _save(connection, name, rules.doubted(_locked(connection, name), whose, said, now))


def took(connection: Connection, name: str, before: RelayState) -> None:
    """Note that a relay takes our mails again; `before`: as it was known when the mail was sent.

    What others have met since stays: they were told later.
    """
    connection.execute(
        update(relay)
        .where(
            relay.c.name == name,
            relay.c.refusals == before.refusals,
            relay.c.doubts == before.doubts,
        )
        .values(**asdict(RelayState()))
    )


def lift(connection: Connection, name: str, now: datetime) -> None:
    """Let a relay be tried at once, with one mail: what it refused may be mended."""
    connection.execute(
        update(relay).where(relay.c.name == name).values(blocked_until=now, probe_until=now)
    )


def room(
    connection: Connection, name: str, most: int, *, token: str, now: datetime, until: datetime
) -> int:
    """Return how many mails may be handed out under a claim: `most`, none, or one to try."""
    current = state(connection, name)
    if current.refusals == 0:
        return 0 if current.is_blocked(now) else most
    if not current.wants_probe(now, until - now):
        return 0
    changed = connection.execute(
        update(relay)
        .where(relay.c.name == name, relay.c.probe == current.probe)
        .values(probe=token, probe_until=until)
    )
    return min(most, changed.rowcount)


def end_probe(connection: Connection, name: str, token: str, now: datetime) -> None:
    """Let another mail be tried: the one under this claim did not reach the relay."""
    connection.execute(
        update(relay).where(relay.c.name == name, relay.c.probe == token).values(probe_until=now)
    )


def _locked(connection: Connection, name: str) -> RelayState:
    insert_ignoring(connection, relay, {"name": name, **asdict(RelayState())})
    query = select(*_COLUMNS).where(relay.c.name == name).with_for_update()
    return RelayState(**connection.execute(query).one()._mapping)


def _save(connection: Connection, name: str, new: RelayState) -> RelayState:
    connection.execute(update(relay).where(relay.c.name == name).values(**asdict(new)))
    return new
