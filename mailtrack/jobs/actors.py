"""The three actors: thin doors from a queue to the code that does the work.

Each takes ids and a claim's token, and does nothing where the claim has passed on.

Dramatiq's own retries, delays and results are off, on purpose (`Retries` and `Results` are not
among the middleware in `jobs.broker`):

* no retries: what failed is due again in the store; an actor that raises an error of ours
  leaves one line in the log (`broker.OneLinePerFailure`), and no message;
* no delays: a delayed message would be the only copy of a time, and a restart of Redis strands
  it until the worker restarts, too (Bogdanp/dramatiq#527);
* no results: a result would be knowledge in Redis, which may be emptied at any moment. What
  came of a job is in the rows that it wrote.
"""

import dramatiq

from mailtrack.domain.model import InboundId, LegId, NoticeId
from mailtrack.errors import MailtrackError
from mailtrack.inbox.intake import Reader
from mailtrack.jobs.broker import DELIVER, INGEST, MAIL, POLL, POLL_LEGS, READ_MAILS
from mailtrack.jobs.delivering import Deliverer
from mailtrack.tracking.polling import Poller

#: A thread that is free takes mails first: a silent carrier holds each poll for seconds, and
#: the threads are the same for all queues (dramatiq's lowest number goes first).
AFTER_MAILS = 10


def declare(broker: dramatiq.Broker, reader: Reader, poller: Poller, deliverer: Deliverer) -> None:
    """Declare the actors on a broker."""

    @dramatiq.actor(broker=broker, actor_name=READ_MAILS, queue_name=INGEST, throws=MailtrackError)
    def read_mails(mails: list[int], token: str) -> None:
        reader.read([InboundId(mail) for mail in mails], token)

    @dramatiq.actor(
        broker=broker,
        actor_name=POLL_LEGS,
        queue_name=POLL,
        priority=AFTER_MAILS,
        throws=MailtrackError,
    )
    def poll(carrier: str, legs: list[int], token: str) -> None:
        poller.poll(carrier, [LegId(leg) for leg in legs], token)

    @dramatiq.actor(broker=broker, actor_name=DELIVER, queue_name=MAIL, throws=MailtrackError)
    def deliver(notices: list[int], token: str) -> None:
        deliverer.deliver([NoticeId(notice) for notice in notices], token)
