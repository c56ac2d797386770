"""The broker: Redis carries ids of claimed rows, never knowledge.

No retries, no delays: what failed is due again in the store (a Redis restart strands
delayed messages until the worker restarts, Bogdanp/dramatiq#527). Maintenance runs on
every tenth command instead of every thousandth, so that the messages of a killed worker
come back within its heartbeat and seconds, also on a quiet queue.
"""

from collections.abc import Mapping
from typing import Any

import dramatiq
import redis
import structlog
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AgeLimit, Middleware, ShutdownNotifications

from mailtrack.errors import MailtrackError
from mailtrack.jobs.liveness import STILL_S, QueueMoves, note_if_empty, redis_is_away, still_s

#: How many commands in a million trigger the recovery of dead workers' messages.
MAINTENANCE_CHANCE = 100_000
#: A message that waited longer is dropped: its claim has long been handed out again.
MESSAGE_MAX_AGE_MS = 600_000

#: Messages that may wait in one queue; above it nothing more is handed out.
QUEUE_ROOM = 2_000

#: Four queues, so that slow carriers and channels never hold up mails.
INGEST, POLL, MAIL, CHANNELS = QUEUES = "ingest", "poll", "mail", "channels"
#: The actors, by the names that messages carry.
READ_MAILS, POLL_LEGS, DELIVER = "read_mails", "poll_legs", "deliver"
DELIVER_TO_CHANNEL = "deliver_to_channel"

log = structlog.get_logger(__name__)


class OneLinePerFailure(Middleware):
    """Logs expected failures of an actor as one line; the row they held is due again."""

    @property
    def actor_options(self) -> set[str]:
        return {"throws"}  # the worker then logs no traceback of these

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: Any = None
    ) -> None:
        del broker, result
        if isinstance(exception, MailtrackError):
            log.warning("job failed", job=message.actor_name, error=str(exception))


def make_broker(url: str, heartbeat_s: float) -> RedisBroker:
    """Return the broker at a Redis address, and make it the one that actors use."""
    broker = RedisBroker(  # type: ignore[no-untyped-call]
        url=url,
        middleware=[
            QueueMoves(),
            AgeLimit(max_age=MESSAGE_MAX_AGE_MS),
            ShutdownNotifications(),
            OneLinePerFailure(),
        ],
        maintenance_chance=MAINTENANCE_CHANCE,
        heartbeat_timeout=int(heartbeat_s * 1000),
    )
    dramatiq.set_broker(broker)
    return broker


def policy_trouble(client: redis.Redis) -> str:
    """Say what may make Redis throw queued ids away, or nothing; a hidden policy is none."""
    try:
        policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "")
    except redis.ResponseError:  # hosted servers keep CONFIG to themselves
        return ""
    except redis.RedisError as error:
        raise redis_is_away(error) from error
    if policy in ("", "noeviction"):
        return ""
    return f"Redis may throw queued work away (maxmemory-policy is {policy}): set noeviction"


def waiting(broker: RedisBroker, queue: str) -> int:
    """Count the messages of a queue that no worker has taken; raise TransientError."""
    try:
        return int(broker.client.llen(f"{broker.namespace}:{queue}"))
    except redis.RedisError as error:
        raise redis_is_away(error) from error


def standing_still(broker: RedisBroker) -> Mapping[str, float]:
    """Return for how many seconds nothing of each queue was begun or done, 0 where none waits.

    Polls and channels come last: while workers are busy with mails and notices they are not
    stuck, but late. Raises TransientError where Redis is away.
    """
    still = {queue: still_s(broker, queue) for queue in QUEUES}
    busy = any(0 < still[queue] <= STILL_S for queue in (INGEST, MAIL))
    return still | {POLL: 0.0, CHANNELS: 0.0} if busy else still


class BrokerSink:
    """Hands messages to Redis; see `jobs.dispatcher.JobSink`."""

    def __init__(self, broker: RedisBroker, most: int) -> None:
        self._broker = broker
        self._most = most

    def room(self, queue: str) -> int:
        """Return how many more messages a queue should take."""
        room = self._most - waiting(self._broker, queue)
        if room == self._most:
            note_if_empty(self._broker, queue)
        return room

    def send(self, queue: str, actor: str, *args: object) -> None:
        """Hand one message over; its row is claimed, and due again if this fails."""
        message: dramatiq.Message[None] = dramatiq.Message(
            queue_name=queue, actor_name=actor, args=args, kwargs={}, options={}
        )
        try:
            self._broker.enqueue(message)
        except (redis.RedisError, dramatiq.errors.ConnectionError) as error:
            raise redis_is_away(error) from error
