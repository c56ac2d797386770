"""A worker process: threads that take messages, and a quiet garbage collector."""

import gc
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from dramatiq import Worker
from dramatiq.brokers.redis import RedisBroker

from mailtrack.jobs.broker import CHANNELS

#: Threads that bring messages to channels.
CHANNEL_THREADS = 2
#: Between two looks at an empty queue (milliseconds).
IDLE_MS = 200
#: New objects between two collections. A mail makes thousands, most of them freed at once:
#: at Python's 700 the collector takes an eighth of the time and finds next to nothing.
COLLECT_AFTER = 50_000


def make_workers(broker: RedisBroker, threads: int) -> tuple[Worker, Worker]:
    """Return the workers of a process, for the actors that are declared; made when all is loaded.

    Channels have threads of their own: hosts of others may be slow, and nothing else waits.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 20)
    # dramatiq warns of two workers in one process; each listens to queues of its own.
    broker.logger.addFilter(lambda record: "of the same type twice" not in record.getMessage())
    others = broker.get_declared_queues() - {CHANNELS}
    return (
        Worker(broker, queues=others, worker_threads=threads, worker_timeout=IDLE_MS),
        Worker(broker, queues={CHANNELS}, worker_threads=CHANNEL_THREADS, worker_timeout=IDLE_MS),
    )


def stop_workers(workers: Collection[Worker], seconds: float) -> None:
    """Let workers finish what they do, all at once and for so long; the rest is due again."""
    with ThreadPoolExecutor(len(workers)) as pool:
        for stopped in [pool.submit(one.stop, int(seconds * 1000)) for one in workers]:
            stopped.result()
