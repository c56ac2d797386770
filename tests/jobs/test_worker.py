"""Which threads of a worker process take what."""

from typing import cast

from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker

from mailtrack.jobs.broker import CHANNELS, INGEST, MAIL, POLL
from mailtrack.jobs.worker import make_workers


def test_a_slow_channel_takes_no_thread_of_mails_and_polls() -> None:
    broker = StubBroker()
    queues = {INGEST, POLL, MAIL, CHANNELS}
    for queue in queues:
        broker.declare_queue(queue)

    others, channels = make_workers(cast("RedisBroker", broker), threads=8)

    assert {INGEST, POLL, MAIL} == queues & (others.consumer_whitelist or set())
    assert {CHANNELS} == channels.consumer_whitelist
