"""The four actors: thin doors from a queue to the code that does the work.

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

from mailtrack.domain.model import ChannelNoticeId, InboundId, LegId, NoticeId
from mailtrack.errors import MailtrackError
from mailtrack.inbox.intake import Reader
from mailtrack.jobs.broker import (
    CHANNELS,
    DELIVER,
    DELIVER_TO_CHANNEL,
    INGEST,
    MAIL,
    POLL,
    POLL_LEGS,
    READ_MAILS,
)
from mailtrack.jobs.channel_delivering import ChannelDeliverer
from mailtrack.jobs.delivering import Deliverer
from mailtrack.tracking.polling import Poller

#: A thread that is free takes mails first: a silent carrier or channel holds it for seconds, and
#: the threads are the same for all queues (dramatiq's lowest number goes first).
AFTER_MAILS = 10


def declare(
    broker: dramatiq.Broker,
    reader: Reader,
    poller: Poller,
    deliverer: Deliverer,
    channel_deliverer: ChannelDeliverer,
) -> None:
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

    @dramatiq.actor(
        broker=broker,
        actor_name=DELIVER_TO_CHANNEL,
        queue_name=CHANNELS,
        priority=AFTER_MAILS,
        throws=MailtrackError,
    )
    def deliver_to_channel(messages: list[int], token: str) -> None:
        channel_deliverer.deliver([ChannelNoticeId(message) for message in messages], token)
