"""The channels of people: added, proven by a click, failing, ended; their addresses are sealed."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, literal, select, update

from mailtrack.domain.channels import ChannelKind, ChannelMode, EndReason
from mailtrack.domain.model import ChannelId, RowKey, SubscriberId
from mailtrack.errors import AuthError
from mailtrack.store import people
from mailtrack.store.schema import Instant, channel, new_key
from mailtrack.store.seal import Seal

#: Keeps this key apart from everything else that the secret of the links does.
_PURPOSE = b"mailtrack.channel"
#: Characters of an error that are kept.
_MOST_SAID = 200

_IS_ON = (channel.c.proven_at.is_not(None), channel.c.ended_at.is_(None))


@dataclass(frozen=True, slots=True)
class ChannelAddress:
    """Where a channel leads, and the secret that its requests are signed with ("" for none)."""

    url: str = field(repr=False)
    secret: str = field(default="", repr=False)


class ChannelSeal:
    """Closes addresses with the secret of the links: some hold a token, or are one."""

    def __init__(self, secret: str, retired: Sequence[str] = ()) -> None:
        self._seal = Seal(_PURPOSE, secret, retired)

    def close(self, address: ChannelAddress) -> bytes:
        """Return an address as only the secret's owner reads it."""
        return self._seal.close(json.dumps(asdict(address)).encode())

    def open(self, sealed: bytes) -> ChannelAddress:
        """Return an address; raises AuthError where another secret closed it."""
        opened = self._seal.open(sealed)
        if opened is None:
            raise AuthError(
                "A channel was kept with another MAILTRACK_LINKS__SECRET: put that one into "
                "MAILTRACK_LINKS__RETIRED."
            )
        return ChannelAddress(**json.loads(opened))


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of somebody; `masked` is what may be shown of its address."""

    id: ChannelId
    key: RowKey
    owner: SubscriberId
    kind: ChannelKind
    mode: ChannelMode
    sealed: bytes = field(repr=False)
    masked: str
    created_at: datetime
    proven_at: datetime | None
    ended_at: datetime | None
    ended_why: str
    failures: int
    failing_since: datetime | None
    last_error: str

    @property
    def is_on(self) -> bool:
        """Return True if news go there."""
        return self.proven_at is not None and self.ended_at is None


@dataclass(frozen=True, slots=True)
class NewChannel:
    """A channel as it is added."""

    kind: ChannelKind
    mode: ChannelMode
    sealed: bytes = field(repr=False)
    masked: str


def add(
    connection: Connection, owner: SubscriberId, new: NewChannel, now: datetime
) -> tuple[ChannelId, RowKey]:
    """Keep a channel that nothing proves yet; return its number, and its key for the proof."""
    key = RowKey(new_key())
    values = {**asdict(new), "key": key, "subscriber_id": owner, "created_at": now}
    added = connection.execute(insert(channel).values(**values).returning(channel.c.id))
    return ChannelId(added.scalar_one()), key


def of_subscriber(connection: Connection, owner: SubscriberId) -> list[Channel]:
    """Return somebody's channels, oldest first."""
    query = select(channel).where(channel.c.subscriber_id == owner).order_by(channel.c.id)
    return [_channel(row) for row in connection.execute(query)]


def by_key(connection: Connection, key: RowKey) -> Channel | None:
    """Return the channel that a link or a form names, None where it was removed."""
    row = connection.execute(select(channel).where(channel.c.key == key)).one_or_none()
    return None if row is None else _channel(row)


def by_ids(connection: Connection, numbers: Collection[ChannelId]) -> dict[ChannelId, Channel]:
    """Return channels by their numbers."""
    rows = connection.execute(select(channel).where(channel.c.id.in_(list(numbers))))
    return {ChannelId(row.id): _channel(row) for row in rows}


def prove(connection: Connection, key: RowKey, now: datetime) -> bool:
    """Switch a channel on: somebody clicked in what came there; False where that was known."""
    waiting = update(channel).where(
        channel.c.key == key, channel.c.proven_at.is_(None), channel.c.ended_at.is_(None)
    )
    return connection.execute(waiting.values(proven_at=now)).rowcount == 1


def choose_mode(connection: Connection, number: ChannelId, mode: ChannelMode) -> None:
    """Let a channel stand beside mail, or in its place."""
    connection.execute(update(channel).where(channel.c.id == number).values(mode=mode))


def note_success(connection: Connection, number: ChannelId) -> None:
    """Note that a channel took a message: what failed before is forgotten."""
    failed = update(channel).where(channel.c.id == number, channel.c.failures > 0)
    connection.execute(failed.values(failures=0, failing_since=None, last_error=""))


def note_failure(
    connection: Connection, number: ChannelId, error: str, now: datetime
) -> Channel | None:
    """Count a failure in a row; return the channel as it is now, None where it was removed."""
    row = connection.execute(
        update(channel)
        .where(channel.c.id == number)
        .values(
            failures=channel.c.failures + 1,
            failing_since=func.coalesce(channel.c.failing_since, literal(now, Instant)),
            last_error=error[:_MOST_SAID],
        )
        .returning(*channel.c)
    ).one_or_none()
    return None if row is None else _channel(row)


def lock_owner(connection: Connection, number: ChannelId) -> SubscriberId | None:
    """Keep other writers off a channel's person; return them, None where it was removed."""
    owner = connection.scalar(select(channel.c.subscriber_id).where(channel.c.id == number))
    if owner is None or not people.lock(connection, SubscriberId(owner)):
        return None
    return SubscriberId(owner)


def end(connection: Connection, number: ChannelId, why: EndReason, now: datetime) -> bool:
    """Note that a channel is used no more; False where that was known."""
    living = update(channel).where(channel.c.id == number, channel.c.ended_at.is_(None))
    return connection.execute(living.values(ended_at=now, ended_why=why)).rowcount == 1


def remove(connection: Connection, number: ChannelId) -> None:
    """Forget a channel, with what was owed there."""
    connection.execute(delete(channel).where(channel.c.id == number))


def switched_off(connection: Connection, on: Collection[ChannelKind]) -> list[ChannelId]:
    """Return the channels in use whose kind the operator does not offer."""
    query = select(channel.c.id).where(
        channel.c.ended_at.is_(None), channel.c.kind.not_in(sorted(on))
    )
    return [ChannelId(row_id) for row_id in connection.scalars(query.order_by(channel.c.id))]


def forget_unproven(connection: Connection, before: datetime) -> int:
    """Forget channels that were added before a moment and that no click ever proved."""
    unproven = channel.c.proven_at.is_(None) & (channel.c.created_at < before)
    return connection.execute(delete(channel).where(unproven)).rowcount


def count_on(connection: Connection) -> dict[str, int]:
    """Count the channels that are in use, by kind."""
    query = (
        select(channel.c.kind, func.count().label("channels"))
        .where(*_IS_ON)
        .group_by(channel.c.kind)
    )
    return {row.kind: row.channels for row in connection.execute(query)}


def _channel(row: Row[Any]) -> Channel:
    return Channel(
        id=ChannelId(row.id),
        key=RowKey(row.key),
        owner=SubscriberId(row.subscriber_id),
        kind=ChannelKind(row.kind),
        mode=ChannelMode(row.mode),
        sealed=row.sealed,
        masked=row.masked,
        created_at=row.created_at,
        proven_at=row.proven_at,
        ended_at=row.ended_at,
        ended_why=row.ended_why,
        failures=row.failures,
        failing_since=row.failing_since,
        last_error=row.last_error,
    )
