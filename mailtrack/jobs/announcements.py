"""Where it is heard that something is due: PostgreSQL's LISTEN, or Redis beside SQLite.

Who waits here misses at most an announcement: a dead connection is opened again at the next
wait, and meanwhile the ticks find what is due. Behind a PgBouncer that pools transactions nothing
is heard.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Collection
from threading import Event
from typing import Any, Generic, Protocol, TypeVar

import psycopg
import redis
import structlog
from sqlalchemy.exc import DBAPIError

from mailtrack.store.announcing import TOPIC, Due, as_payload, from_payload
from mailtrack.store.engine import Store

#: How long Redis may take to publish (seconds): whoever announces has work to do.
PUBLISH_S = 0.5
#: Between two looks at the stop event while nothing is announced (seconds).
SLICE_S = 0.5
#: How a connection says that it is dead.
_DEAD = (psycopg.Error, DBAPIError, redis.RedisError)

log = structlog.get_logger(__name__)


class Announcements(Protocol):
    """Listens to the topic on which it is announced that something is due."""

    def wait(self, stop: Event, seconds: float) -> Collection[Due]:
        """Return what is announced as soon as something is, nothing after so many seconds.

        All that came since the last wait counts once. Never raises: a dead connection is silent.
        """
        ...

    def close(self) -> None:
        """Close the connection; the next wait subscribes again."""
        ...


class NoAnnouncements:
    """A topic on which nothing is ever published."""

    def wait(self, stop: Event, seconds: float) -> Collection[Due]:
        stop.wait(seconds)
        return ()

    def close(self) -> None:
        """Nothing is open."""


class MemoryAnnouncements:
    """A topic inside one process; set as `Store.publish` it hears what SQLite announces."""

    def __init__(self) -> None:
        self._published: set[Due] = set()
        self._any = Event()

    def __call__(self, announced: set[Due]) -> None:
        """Publish it."""
        self._published |= announced
        self._any.set()

    def wait(self, stop: Event, seconds: float) -> Collection[Due]:
        del stop
        self._any.wait(min(seconds, SLICE_S))
        self._any.clear()
        heard, self._published = self._published, set()
        return heard

    def close(self) -> None:
        """Nothing is open."""


class Closable(Protocol):
    """A connection."""

    def close(self) -> None: ...


_C = TypeVar("_C", bound=Closable)


class ConnectedAnnouncements(ABC, Generic[_C]):
    """Listens on a connection of its own, which is opened by the first wait."""

    def __init__(self) -> None:
        self._connection: _C | None = None

    @abstractmethod
    def subscribe(self) -> _C:
        """Open a connection that listens to the topic."""

    @abstractmethod
    def receive(self, connection: _C, timeout_s: float) -> set[Due]:
        """Return what is announced by then."""

    def wait(self, stop: Event, seconds: float) -> Collection[Due]:
        until = time.monotonic() + seconds
        heard: set[Due] = set()
        try:
            connection = self._connection = self._connection or self.subscribe()
            while not (heard or stop.is_set()) and (left := until - time.monotonic()) > 0:
                heard = self.receive(connection, min(left, SLICE_S))
        except _DEAD as error:
            log.warning("announcements not heard", error=type(error).__name__)
            self.close()
            stop.wait(until - time.monotonic())
        return heard

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class PostgresAnnouncements(ConnectedAnnouncements[psycopg.Connection[Any]]):
    """By LISTEN (https://www.postgresql.org/docs/current/sql-notify.html)."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    def subscribe(self) -> psycopg.Connection[Any]:
        """Take a connection out of the pool for good."""
        pooled = self._store.engine.raw_connection()
        connection: psycopg.Connection[Any] = pooled.driver_connection  # type: ignore[assignment]
        pooled.detach()
        connection.autocommit = True
        connection.execute(f"LISTEN {TOPIC}")
        return connection

    def receive(self, connection: psycopg.Connection[Any], timeout_s: float) -> set[Due]:
        came = connection.notifies(timeout=timeout_s, stop_after=1)
        return {due for one in came for due in from_payload(one.payload)}


class RedisAnnouncements(ConnectedAnnouncements[redis.client.PubSub]):
    """By SUBSCRIBE (https://redis.io/docs/latest/develop/pubsub/)."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._client = redis.Redis.from_url(url)

    def subscribe(self) -> redis.client.PubSub:
        connection: redis.client.PubSub = self._client.pubsub()  # type: ignore[no-untyped-call]
        connection.subscribe(TOPIC)
        return connection

    def receive(self, connection: redis.client.PubSub, timeout_s: float) -> set[Due]:
        """Return what came, with all that follows it at once."""
        heard: set[Due] = set()
        while message := connection.get_message(ignore_subscribe_messages=True, timeout=timeout_s):
            heard |= from_payload(message["data"].decode(errors="replace"))
            timeout_s = 0.0
        return heard


class RedisPublisher:
    """Publishes in Redis what a transaction of SQLite announced, once it is committed."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(
            url, socket_timeout=PUBLISH_S, socket_connect_timeout=PUBLISH_S
        )

    def __call__(self, announced: set[Due]) -> None:
        """Publish it; where Redis is away the next tick finds it."""
        try:
            self._client.publish(TOPIC, as_payload(announced))
        except redis.RedisError as error:
            log.info("announcement lost", error=type(error).__name__)
