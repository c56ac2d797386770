"""Signs of life in Redis: which workers are there, and whether their queues move.

A process may live and do nothing: its threads hang, or nobody takes what waits. What is
noted here lapses by Redis' own clock, and may be lost with the queues: an empty one
cannot stand still.
"""

import time
from contextlib import suppress
from typing import Any

import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Middleware

from mailtrack.errors import TransientError

#: A queue in which nothing was begun or done for so long stands still, if something waits:
#: no step of any work takes longer (seconds; see `runtime.leadership.HUNG_S`).
STILL_S = 300.0
#: How far back it is known when a queue moved last (seconds).
_KNOWN_FOR_S = 86_400
#: A busy queue says so once in a while only (seconds).
_SAYS_S = 1.0
#: What the names of the keys begin with.
_MOVED, _WORKER = "mailtrack:moved:", "mailtrack:worker:"


class QueueMoves(Middleware):
    """Notes that a queue moves: a message is begun, or done."""

    def __init__(self) -> None:
        self._said_at: dict[str, float] = {}

    def before_process_message(self, broker: Any, message: Any) -> None:
        self._note(broker, message.queue_name)

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: Any = None
    ) -> None:
        del result, exception
        self._note(broker, message.queue_name)

    def _note(self, broker: RedisBroker, queue: str) -> None:
        now = time.monotonic()
        if now - self._said_at.get(queue, -_SAYS_S) >= _SAYS_S:
            self._said_at[queue] = now
            with suppress(redis.RedisError):
                _move(broker, queue)


def note_if_empty(broker: RedisBroker, queue: str) -> None:
    """Let the time in which a queue stands still begin with what comes into it next.

    Messages that a worker has taken and not finished are still in it. Raises TransientError
    where Redis is away.
    """
    try:
        if not broker.client.hlen(_messages(broker, queue)):
            _move(broker, queue)
    except redis.RedisError as error:
        raise redis_is_away(error) from error


def still_s(broker: RedisBroker, queue: str) -> float:
    """Return for how many seconds nothing of a queue was begun or done, 0 where it is empty.

    Raises TransientError where Redis is away.
    """
    try:
        if not broker.client.hlen(_messages(broker, queue)):
            return 0.0
        left_ms = broker.client.pttl(f"{_MOVED}{queue}")
    except redis.RedisError as error:
        raise redis_is_away(error) from error
    return float(_KNOWN_FOR_S - max(0, left_ms) / 1000)


def say_present(broker: RedisBroker, worker: str, seconds: float) -> None:
    """Leave word that a worker is there, for so long; a Redis that is away hears it later."""
    with suppress(redis.RedisError):
        broker.client.set(f"{_WORKER}{worker}", b"", px=int(seconds * 1000))


def say_absent(broker: RedisBroker, worker: str) -> None:
    """Take that word back."""
    with suppress(redis.RedisError):
        broker.client.delete(f"{_WORKER}{worker}")


def count_workers(broker: RedisBroker) -> int:
    """Return how many workers are there; raise TransientError where Redis is away."""
    try:
        return sum(1 for _ in broker.client.scan_iter(f"{_WORKER}*", count=1_000))
    except redis.RedisError as error:
        raise redis_is_away(error) from error


def redis_is_away(error: Exception) -> TransientError:
    """Return what a failure of Redis is to everybody else."""
    return TransientError(f"Redis does not answer: {error}")


def _move(broker: RedisBroker, queue: str) -> None:
    broker.client.set(f"{_MOVED}{queue}", b"", ex=_KNOWN_FOR_S)


def _messages(broker: RedisBroker, queue: str) -> str:
    """Return where dramatiq keeps the messages of a queue until they are done."""
    return f"{broker.namespace}:{queue}.msgs"
