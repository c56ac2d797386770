"""Sending notices over real SMTP, against smtplib alone sending the same bytes."""

import smtplib
from collections.abc import Iterator
from dataclasses import replace

from benchmarks.measure import Ratio, Stopwatch
from benchmarks.stores import STORES, OpenStore
from benchmarks.world import let_people_follow, service
from mailtrack.bootstrap import Services
from mailtrack.domain.manners import Manners
from mailtrack.domain.model import NoticeId
from mailtrack.jobs.delivering import Deliverer
from mailtrack.jobs.dispatcher import NOTICES_PER_BATCH
from mailtrack.notify.view import NoticeKind
from mailtrack.sandbox.smtp import ReceivedMail, SmtpSink
from mailtrack.store import notices

ROUNDS = 12


def ratios() -> Iterator[Ratio]:
    """Measure on each database, batch by batch as a worker does."""
    for name, open_store in STORES.items():
        yield _measured(name, open_store)


def _measured(name: str, open_store: OpenStore) -> Ratio:
    ours, yardstick = Stopwatch(), Stopwatch()
    with open_store() as store, SmtpSink() as sink, service(store, smtp_port=sink.port) as services:
        _owe(services, NOTICES_PER_BATCH * ROUNDS)
        deliverer = _shameless(services)
        for _ in range(ROUNDS):
            batch = _claim(services)
            with ours.lap():
                deliverer.deliver(batch, "token")
            mails = sink.messages[-NOTICES_PER_BATCH:]
            with yardstick.lap():
                _send(sink, mails)
    return Ratio(
        f"{NOTICES_PER_BATCH} notices from the store to the relay ({name})",
        ours.median_s,
        "smtplib alone",
        yardstick.median_s,
    )


def _shameless(services: Services) -> Deliverer:
    """Return a deliverer that heeds neither the night nor anybody's patience."""
    return replace(services.deliverer(), manners=Manners(0, 0, per_day=10**9))


def _owe(services: Services, count: int) -> None:
    now = services.clock.now()
    with services.store.write() as connection:
        for mine in let_people_follow(connection, count, now):
            notices.owe_follower(connection, mine, NoticeKind.REGISTERED, occurrence="1", now=now)


def _claim(services: Services) -> list[NoticeId]:
    now = services.clock.now()
    with services.store.write() as connection:
        return notices.claim_notices(
            connection,
            token="token",
            now=now,
            until=services.clock.later(120),
            limit=NOTICES_PER_BATCH,
        )


def _send(sink: SmtpSink, mails: list[ReceivedMail]) -> None:
    with smtplib.SMTP(sink.host, sink.port) as connection:
        for mail in mails:
            connection.sendmail(mail.sender, mail.recipients, mail.raw)
