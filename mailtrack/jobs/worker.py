"""A worker process: threads that take messages, and a quiet garbage collector."""

import gc

from dramatiq import Worker
from dramatiq.brokers.redis import RedisBroker

#: Between two looks at an empty queue (milliseconds).
IDLE_MS = 200
#: New objects between two collections. A mail makes thousands, most of them freed at once:
#: at Python's 700 the collector takes an eighth of the time and finds next to nothing.
COLLECT_AFTER = 50_000


def make_worker(broker: RedisBroker, threads: int) -> Worker:
    """Return a worker for the actors that are declared; made when all else is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 20)
    return Worker(broker, worker_threads=threads, worker_timeout=IDLE_MS)
