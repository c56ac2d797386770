"""The tick: claims what is due and hands its ids to the workers.

One tick takes unread mails, legs due within each carrier's budget, due notices and messages to
channels, each through an index over what is due, and sends messages once the claims are
committed. A tick that is missed or made twice does no harm. What is announced
(`store.announcing`) waits for none.
"""

import math
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from threading import Event
from typing import Protocol

import structlog
from sqlalchemy import Connection

from mailtrack.carriers.base import Declaration
from mailtrack.clock import Clock
from mailtrack.domain.model import LegId, NoticeId
from mailtrack.domain.sending_policy import DAY, DayLimit
from mailtrack.errors import TransientError
from mailtrack.jobs.announcements import Announcements, NoAnnouncements
from mailtrack.jobs.at_once import AtOnce
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
from mailtrack.store import (
    budgets,
    channel_notices,
    inbound,
    leg_claims,
    notice_counts,
    notices,
    relays,
)
from mailtrack.store.announcing import Due
from mailtrack.store.clock_skew import SKEW_S
from mailtrack.store.engine import Store

#: What one tick claims at most of each kind, so that no tick is long.
MAILS_PER_TICK = 500
LEGS_PER_TICK = 2_000
NOTICES_PER_TICK = 500
#: Mails that are read by one thread, and whose outcomes are one transaction.
MAILS_PER_BATCH = 10
#: Mails that leave over one SMTP connection.
NOTICES_PER_BATCH = 20
#: Messages to channels of a tick, and of one job: all to one channel, which may be slow, within
#: a lease.
CHANNEL_NOTICES_PER_TICK = 200
CHANNEL_NOTICES_PER_BATCH = 5

#: Between two rounds of housekeeping (real seconds).
HOUSEKEEPING_S = 600.0
#: A clock that goes back by more was ahead before (real seconds); less is forgiven.
WENT_BACK_S = 10.0

log = structlog.get_logger(__name__)


class JobSink(Protocol):
    """Where work goes to: the broker, or a list in tests."""

    def room(self, queue: str) -> int:
        """Return how many more messages a queue should take."""
        ...

    def send(self, queue: str, actor: str, *args: object) -> None:
        """Hand one message over; raises TransientError where the broker is away."""
        ...


@dataclass(frozen=True, slots=True)
class TickResult:
    """What one tick gave out, in messages."""

    mails: int = 0
    polls: int = 0
    deliveries: int = 0
    channel_deliveries: int = 0


@dataclass(frozen=True, slots=True)
class Claim:
    """By which token rows are taken, when, and until when."""

    token: str
    now: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Gives out due work. `carriers`: the declarations of those that are on, by code."""

    store: Store
    sink: JobSink
    carriers: Mapping[str, Declaration]
    clock: Clock
    lease_s: float
    #: What the store knows the relay by, and how many mails it takes in a day.
    relay_name: str = ""
    limit: DayLimit = DayLimit()  # noqa: RUF009 - frozen
    #: Where it is heard that something is due before the next tick.
    announcements: Announcements = field(default_factory=NoAnnouncements)
    #: Whether news go anywhere but by mail.
    has_channels: bool = False

    def tick(self) -> TickResult:
        """Claim what is due and send it; return how many messages were sent.

        Of each kind no more is claimed than its queue has room for, and messages are sent when
        the claims are committed.
        """
        return TickResult(
            self.hand_out_mails(),
            self.hand_out_polls(),
            self.hand_out_notices(),
            self.hand_out_channel_notices(),
        )

    def hand_out_mails(self) -> int:
        """Claim mails that are not read and send them, several in one message."""
        sent = 0
        room = min(self.sink.room(INGEST) * MAILS_PER_BATCH, MAILS_PER_TICK)
        if room > 0:
            claim = self._claim()
            with self.store.write() as connection:
                mails = inbound.claim_unread(connection, **asdict(claim), limit=room)
            for batch in _batched(sorted(mails), MAILS_PER_BATCH):
                self.sink.send(INGEST, READ_MAILS, batch, claim.token)
                sent += 1
        return sent

    def hand_out_polls(self) -> int:
        """Claim of each carrier the legs that its budget has requests for, and send them."""
        sent = 0
        for carrier in self.carriers.values():
            room = min(self.sink.room(POLL), LEGS_PER_TICK // carrier.batch)
            if room > 0:
                claim = self._claim()
                with self.store.write() as connection:
                    legs = _claim_legs(connection, carrier, room, claim)
                for batch in _batched(legs, carrier.batch):
                    self.sink.send(POLL, POLL_LEGS, carrier.code, batch, claim.token)
                    sent += 1
        return sent

    def hand_out_notices(self) -> int:
        """Claim notices and send them: the urgent ones in messages of their own, before others."""
        sent = 0
        room = min(self.sink.room(MAIL) * NOTICES_PER_BATCH, NOTICES_PER_TICK)
        if room > 0:
            claim = self._claim()
            with self.store.write() as connection:
                urgent, others = self._claim_notices(connection, room, claim)
            for batch in (
                *_batched(urgent, NOTICES_PER_BATCH),
                *_batched(others, NOTICES_PER_BATCH),
            ):
                self.sink.send(MAIL, DELIVER, batch, claim.token)
                sent += 1
        return sent

    def hand_out_channel_notices(self) -> int:
        """Claim what is due on channels and send it, a few of each channel in one message."""
        sent = 0
        room = min(self.sink.room(CHANNELS), CHANNEL_NOTICES_PER_TICK) if self.has_channels else 0
        if room > 0:
            claim = self._claim()
            with self.store.write() as connection:
                batches = channel_notices.claim(
                    connection, **asdict(claim), limit=room, each=CHANNEL_NOTICES_PER_BATCH
                )
            for batch in batches:
                self.sink.send(CHANNELS, DELIVER_TO_CHANNEL, batch, claim.token)
                sent += 1
        return sent

    def run(
        self,
        stop: Event,
        tick_s: float,
        housekeeping: Callable[[bool], None] = lambda _: None,
        heartbeat: Callable[[], None] = lambda: None,
    ) -> None:
        """Tick until told to stop; a broker or store that is away costs a line, no more.

        `housekeeping` is done at the start, once in a while (HOUSEKEEPING_S), and when the clock
        goes back, which it is told. `heartbeat` is called with each tick. Between two ticks it
        hands out what is announced, as it is announced.
        """
        at_once = AtOnce(
            self.announcements,
            {
                Due.MAILS: self.hand_out_mails,
                Due.POLLS: self.hand_out_polls,
                Due.NOTICES: self.hand_out_notices,
                Due.CHANNEL_NOTICES: self.hand_out_channel_notices,
            },
        )
        housekeeping_at, last, went_back = 0.0, self.clock.now(), False
        while not stop.is_set():
            heartbeat()
            went_back = went_back or self.clock.later(WENT_BACK_S) < last
            last = self.clock.now()
            try:
                if went_back or time.monotonic() >= housekeeping_at:
                    housekeeping(went_back)
                    housekeeping_at, went_back = time.monotonic() + HOUSEKEEPING_S, False
                self.tick()
                at_once.rest(stop, tick_s)
            except TransientError as error:
                log.warning("tick failed", error=str(error))
                stop.wait(tick_s)
        self.announcements.close()

    def _claim_notices(
        self, connection: Connection, room: int, claim: Claim
    ) -> tuple[list[NoticeId], list[NoticeId]]:
        """Claim the urgent notices that may be sent now, then the others.

        None while the relay is left alone, and one to see whether it takes mails again. Where
        a day has only so many mails, the others leave a share of it to the urgent ones; when
        theirs is used up, they are handed out all the same, to be told in the next digest.
        """
        times = asdict(claim)
        room = relays.room(connection, self.relay_name, room, **times)
        if room == 0:
            return [], []
        most, most_others, but = room, room, None
        if self.limit.per_day:
            under_way = notice_counts.under_way(connection, claim.now)
            sent = notice_counts.sent_within(connection, claim.now - DAY, self.clock.later(SKEW_S))
            most = min(room, self.limit.left(sent + under_way, urgent=True))
            most_others = min(room, self.limit.left(sent + under_way, urgent=False))
            if not self.limit.left(sent, urgent=False):
                most_others, but = room, notices.DIGEST
        urgent = notices.claim_notices(connection, **times, limit=most, urgent=True)
        most_others = min(most_others, room - len(urgent))
        others = notices.claim_notices(
            connection, **times, limit=most_others, urgent=False, but=but
        )
        if not (urgent or others):
            relays.end_probe(connection, self.relay_name, claim.token, claim.now)
        return urgent, others

    def _claim(self) -> Claim:
        return Claim(secrets.token_hex(8), self.clock.now(), self.clock.later(self.lease_s))


def _claim_legs(
    connection: Connection, declaration: Declaration, requests: int, claim: Claim
) -> list[LegId]:
    """Claim what is due for at most so many requests; the last one is filled up.

    Budgets count requests, so that a number more in one that is made anyway costs nothing.
    """
    code, batch = declaration.code, declaration.batch
    due = leg_claims.count_due(connection, code, claim.now, requests * batch)
    if due == 0:
        return []
    granted = budgets.take(
        connection,
        code,
        math.ceil(due / batch),
        per_second=declaration.budget.per_second,
        per_day=declaration.budget.per_day,
        now=claim.now,
    )
    legs = leg_claims.claim_legs(connection, code, **asdict(claim), limit=min(due, granted * batch))
    left = -len(legs) % batch
    if left:
        legs += leg_claims.claim_nearly_due(connection, code, **asdict(claim), limit=left)
    return legs


def _batched(items: Sequence[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])
