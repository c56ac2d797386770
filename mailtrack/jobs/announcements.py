"""Where it is heard that something is due: PostgreSQL's LISTEN, or Redis beside SQLite.

Who waits here misses at most a word: a line that is dead is opened again at the next wait, and
meanwhile the ticks find what is due. Behind a PgBouncer that pools transactions nothing is heard.
"""

import time
from collections.abc import Collection
from threading import Event
from typing import Any, Protocol

import psycopg
import redis
import structlog
from sqlalchemy.exc import DBAPIError

from mailtrack.store.announcing import CHANNEL, Due, as_payload, from_payload
from mailtrack.store.engine import Store

#: How long Redis may take to pass a word on (seconds): whoever tells has work to do.
TELL_S = 0.5
#: Between two looks at the stop event while the line is listened to (seconds).
SLICE_S = 0.5

log = structlog.get_logger(__name__)


class Announcements(Protocol):
    """A line on which it is heard that something is due."""

    def wait(self, stop: Event, seconds: float) -> Collection[Due]:
        """Return what is announced as soon as something is, nothing after so many seconds.

        All that came since the last wait counts once. Never raises: a dead line is silent.
        """
        ...

    def close(self) -> None:
        """Hang up; the next wait opens the line again."""
        ...


class NoAnnouncements:
    """A line on which nothing is ever heard."""

    def wait(self, stop: Event, seconds: float) -> Collection[Due]:
        stop.wait(seconds)
        return ()

    def close(self) -> None:
        """Nothing is open."""


class MemoryAnnouncements:
    """A line inside one process; set as `Store.tell` it hears what SQLite announces."""

    def __init__(self) -> None:
        self._said: set[Due] = set()
        self._rung = Event()

    def __call__(self, announced: set[Due]) -> None:
        """Tell it."""
        self._said |= announced
        self._rung.set()

    def wait(self, stop: Event, seconds: float) -> Collection[Due]:
        del stop
        self._rung.wait(min(seconds, SLICE_S))
        self._rung.clear()
        heard, self._said = self._said, set()
        return heard

    def close(self) -> None:
        """Nothing is open."""


class PostgresAnnouncements:
    """LISTEN, on a connection of its own (https://www.postgresql.org/docs/current/sql-notify.html)."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._line: psycopg.Connection[Any] | None = None

    def wait(self, stop: Event, seconds: float) -> Collection[Due]:
        until = time.monotonic() + seconds
        heard: set[Due] = set()
        try:
            line = self._line = self._line or self._listen()
            while not (heard or stop.is_set()) and (left := until - time.monotonic()) > 0:
                for one in line.notifies(timeout=min(left, SLICE_S), stop_after=1):
                    heard |= from_payload(one.payload)
        except (psycopg.Error, DBAPIError) as error:
            log.warning("announcements not heard", error=type(error).__name__)
            self.close()
            stop.wait(until - time.monotonic())
        return heard

    def _listen(self) -> psycopg.Connection[Any]:
        """Open the line: a connection that is taken out of the pool for good."""
        pooled = self._store.engine.raw_connection()
        line: psycopg.Connection[Any] = pooled.driver_connection  # type: ignore[assignment]
        pooled.detach()
        line.autocommit = True
        line.execute(f"LISTEN {CHANNEL}")
        return line

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


class RedisAnnouncements:
    """SUBSCRIBE, on a connection of its own (https://redis.io/docs/latest/develop/pubsub/)."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url)
        self._line: redis.client.PubSub | None = None

    def wait(self, stop: Event, seconds: float) -> Collection[Due]:
        until = time.monotonic() + seconds
        heard: set[Due] = set()
        try:
            line = self._line = self._line or self._subscribe()
            while not (heard or stop.is_set()) and (left := until - time.monotonic()) > 0:
                timeout = min(left, SLICE_S)
                while said := line.get_message(ignore_subscribe_messages=True, timeout=timeout):
                    heard |= from_payload(said["data"].decode(errors="replace"))
                    timeout = 0.0
        except redis.RedisError as error:
            log.warning("announcements not heard", error=type(error).__name__)
            self.close()
            stop.wait(until - time.monotonic())
        return heard

    def _subscribe(self) -> redis.client.PubSub:
        line: redis.client.PubSub = self._client.pubsub()  # type: ignore[no-untyped-call]
        line.subscribe(CHANNEL)
        return line

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


class RedisTeller:
    """Tells through Redis what a transaction of SQLite announced, once it is committed."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(
            url, socket_timeout=TELL_S, socket_connect_timeout=TELL_S
        )

    def __call__(self, announced: set[Due]) -> None:
        """Tell it; where Redis is away the next tick finds it."""
        try:
            self._client.publish(CHANNEL, as_payload(announced))
        except redis.RedisError as error:
            log.info("announcement lost", error=type(error).__name__)
