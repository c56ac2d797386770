"""Turning claimed notices into mails on the relay, over one connection per batch."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from mailtrack.clock import Clock
from mailtrack.domain.model import NoticeId
from mailtrack.domain.sending_policy import URGENT, DayLimit, SendingPolicy
from mailtrack.domain.tracking import Skip
from mailtrack.errors import MailtrackError, PermanentError, TransientError
from mailtrack.inbox.addresses import BounceAddresses
from mailtrack.jobs import drafts
from mailtrack.jobs.drafts import BatchClaim, BatchRead, Draft
from mailtrack.notify.mail import OutgoingMail, SmtpIdentity, compose
from mailtrack.notify.render import Renderer
from mailtrack.notify.replies import SmtpStage, Whose
from mailtrack.notify.smtp import DoubtError, Refusal, RefusedError, Relay, refusal_of_us
from mailtrack.notify.view import NoticeKind, NoticeView
from mailtrack.store import channel_notices, notices, people, relays
from mailtrack.store.clock_skew import SKEW_S
from mailtrack.store.engine import Store
from mailtrack.store.notices import DIGESTED, Notice
from mailtrack.tracking.view_builder import ViewBuilder

#: Waits after a first, second … refusal of one mail; about three days in all, then it is given
#: up. What is about us or about the relay itself is not counted: see `domain.relay`.
RETRY_WAITS = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 120, 240, 480, 720, 1440, 1440))

#: Answers to a mail that somebody has just sent: they go out to those who left, too.
ANSWERS = frozenset(
    {
        NoticeKind.CONFIRM_ADDRESS,
        NoticeKind.FORWARDING_REQUEST,
        NoticeKind.GOODBYE,
        NoticeKind.HELP,
        NoticeKind.NOTHING_FOUND,
        NoticeKind.READ_SUMMARY,
        NoticeKind.TOO_MANY,
    }
)

#: What the summary of the next morning would tell too late or cannot tell, and the summary itself.
ALONE = frozenset(
    {
        NoticeKind.PICKUP_REMINDER,
        NoticeKind.INVITATION,
        NoticeKind.CHANNEL_ENDED,
        NoticeKind.DIGEST,
    }
)

_QUIET = "quiet hours"
#: Why a digest is not sent all of whose parcels were stopped since, nor an invitation that is over.
NOTHING_LEFT = "nothing_left"

#: Why a mail waits that the whole service may not send on this day.
_DAY_IS_FULL = "the day's mails are used up"

#: For how long what was read of a batch may be told (real seconds).
FRESH_S = 2.0
#: After this a summary is tried again that the day had no room for (real seconds).
FULL_DAY_S = 1800.0

#: Answers to what names a reader, or what they are sent: others may pass where these are given.
_OF_ONE_MAIL = frozenset({SmtpStage.RCPT, SmtpStage.DATA})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Deliverer:
    """Delivers notices. `open_relay` gives a connection that is opened by its first mail.

    Without `bounces`, reports go to the address that mails come from.
    """

    store: Store
    views: ViewBuilder
    renderer: Renderer
    identity: SmtpIdentity
    open_relay: Callable[[], AbstractContextManager[Relay]]
    clock: Clock
    sending_policy: SendingPolicy
    #: Real seconds that one mail has until somebody else may send it.
    lease_s: float
    bounces: BounceAddresses | None = None
    #: What the store knows the relay by.
    relay_name: str = ""
    limit: DayLimit = DayLimit()  # noqa: RUF009 - frozen

    def deliver(self, batch: Sequence[NoticeId], token: str) -> None:
        """Send claimed notices; those whose claim has passed on are left out.

        A relay that refuses us is left alone by all workers, and what is left of the batch
        stays due, as if nothing had been tried.
        """
        left = batch
        try:
            with self.open_relay() as relay:
                while left:
                    left = self._deliver_some(relay, left, token)
        except _RelayStoppedError:
            self._give_back(batch, token)
        except MailtrackError as error:
            refusal = refusal_of_us(error)
            if refusal is None:
                raise
            self._suspect(refusal, None, certain=True)
            self._give_back(batch, token)

    def _deliver_some(
        self, relay: Relay, batch: Sequence[NoticeId], token: str
    ) -> Sequence[NoticeId]:
        """Send what one reading of the store tells; return what has to be read anew.

        1. What the mails are to tell is read, all at once; nothing where the relay is to be
           left alone.
        2. It holds for a moment only: while a relay is slow, people leave and parcels go on, and
           a mail that was refused may have been the last one to its reader.
        3. A notice that is not to be sent now is left out, unless it answers a mail.
        4. It has to stay ours while it is sent: slow mails before it may have used up the claim
           that all of a batch began with. A claim that seems to hold for longer than any was
           made by a clock that has gone back since.
        5. It is sent. A relay that was being tried and took all of them is well again.
        """
        # 1.
        now, old_at = self.clock.now(), self.clock.later(FRESH_S)
        ahead = self.clock.later(SKEW_S)
        claim = BatchClaim(batch, token, self.sending_policy.day_began(now), ahead)
        reading = drafts.read(self.store, self.views, claim, self.relay_name, self.limit, now)
        if not reading.relay.may_try(token, now):
            self._give_back(batch, token)
            return ()
        for done, draft in enumerate(reading.drafts):
            # 2.
            notice = draft.notice
            refused = reading.refused[notice.subscriber]
            if done and (refused or reading.is_past or self.clock.now() > old_at):
                return [late.notice.id for late in reading.drafts[done:]]
            # 3.
            why = None if notice.kind in ANSWERS else self._forbids(draft, reading)
            if why is not None:
                self._leave_out(notice, why)
                continue
            # 4.
            half, whole = self.lease_s / 2, self.lease_s + SKEW_S
            if not self.clock.later(half) < notice.claimed_until <= self.clock.later(whole):
                until = self.clock.later(self.lease_s)
                with self.store.write() as connection:
                    is_ours = notices.renew(connection, notice.id, token, until)
                if not is_ours:
                    continue
            # 5.
            count = reading.sent if self._send(relay, draft, reading) else reading.refused
            count[notice.subscriber] += 1
        if reading.relay.refusals:
            with self.store.write() as connection:
                relays.end_probe(connection, self.relay_name, token, now)
        return ()

    def _send(self, relay: Relay, draft: Draft, reading: BatchRead) -> bool:
        """Send one mail and note what came of it; return whether the relay took it."""
        notice = draft.notice
        try:
            mail = self._compose(notice, draft.view)
            comes_back = self.bounces.of(notice.id, notice.reader) if self.bounces else ""
            has_own_path = relay.send(mail, comes_back)
        except MailtrackError as error:
            self._take_in_failure(notice, error, reading)
            return False
        # What comes back to an address of its own is known by that alone: who reads a mail
        # knows its Message-ID.
        known_by = None if has_own_path else mail.message_id

        def note_sent(connection: Connection) -> None:
            notices.mark_sent(connection, notice.id, known_by, self.clock.now())
            if reading.relay.is_suspect:
                relays.took(connection, self.relay_name, reading.relay)

        self.store.transact(note_sent)
        reading.is_past = reading.is_past or reading.relay.is_suspect
        reading.mails += 1
        log.info("notice sent", **_named(notice), subscriber=notice.subscriber)
        return True

    def _forbids(self, draft: Draft, reading: BatchRead) -> str | None:
        """Tell why somebody gets no mail now: who left, a quiet night, a day that is full.

        What is urgent goes out by night, too, and what answers a forward: its sender is awake.
        """
        why = drafts.left_out(draft, self.sending_policy, self.clock)
        if why is not None:
            return why
        notice, kind = draft.notice, draft.notice.kind
        if notice.prompt or kind in URGENT:
            return None
        if draft.is_empty:
            return NOTHING_LEFT
        if self.sending_policy.hold_until(self.clock.now()) is not None:
            return _QUIET
        if reading.sent[notice.subscriber] >= self.sending_policy.per_day and kind not in ALONE:
            return DIGESTED
        if self.limit.per_day and not self.limit.left(reading.mails, urgent=notice.urgent):
            return DIGESTED if kind not in ALONE else _DAY_IS_FULL
        return None

    def _leave_out(self, notice: Notice, why: str) -> None:
        now = self.clock.now()
        with self.store.write() as connection:
            if why == _QUIET:
                notices.put_off(connection, notice.id, self.sending_policy.hold_until(now) or now)
            elif why == _DAY_IS_FULL:
                notices.put_off(connection, notice.id, self.clock.later(FULL_DAY_S))
            elif why == Skip.ELSEWHERE:
                if not channel_notices.leave_to_channel(connection, notice.subscriber, notice.id):
                    notices.put_off(connection, notice.id, now)
            elif why == DIGESTED:
                morning = self.sending_policy.next_morning(now)
                notices.hold_for_digest(connection, notice, at=morning, now=now)
            else:
                notices.mark_skipped(connection, notice.id, why)
        log.info("notice not sent", **_named(notice), why=why)

    def _compose(self, notice: Notice, view: NoticeView | None) -> OutgoingMail:
        """Write the mail; a mistake of ours costs this notice a wait, not the batch."""
        if view is None:
            raise TransientError("The mail cannot be written: see the log.")
        try:
            return compose(view, self.renderer.render(view), self.identity, self.clock.now())
        except MailtrackError:
            raise
        except Exception as error:
            log.exception("notice not written", **_named(notice))
            raise TransientError(
                f"The mail cannot be written ({type(error).__name__}): see the log."
            ) from error

    def _take_in_failure(self, notice: Notice, error: MailtrackError, reading: BatchRead) -> None:
        """Note what a failure means for a mail, or stop where it means that of all mails.

        1. A refusal of us ends the batch. It is the mail's own fault after all where others were
           taken since the mail met such a refusal, and it meets it again.
        2. A refusal that may be about us ends it, too, if every mail in a row meets one.
        3. What is the mail's fault for good ends the notice, and may be that of its address;
           anything else is tried again after a while, until it is given up.
        """
        # 1.
        refusal = refusal_of_us(error)
        if refusal is not None:
            may_be_of_one_mail = notice.held and refusal.stage in _OF_ONE_MAIL
            if not may_be_of_one_mail or reading.relay.is_suspect:
                self._suspect(refusal, notice, certain=True)
                raise _RelayStoppedError
        # 2.
        doubt = None
        if isinstance(error, DoubtError):
            doubt = error.refusal
        elif isinstance(error, RefusedError) and not error.address:
            doubt = Refusal(Whose.UNKNOWN, error.said)
        if doubt is not None:
            reading.is_past = True
            if self._suspect(doubt, notice, certain=False):
                raise _RelayStoppedError
        # 3.
        log.warning("notice refused", **_named(notice), error=str(error))
        self.store.transact(partial(self._note_failure, notice, error))

    def _note_failure(self, notice: Notice, error: MailtrackError, connection: Connection) -> None:
        now = self.clock.now()
        if isinstance(error, PermanentError):
            people.lock(connection, notice.subscriber)
            notices.mark_failed(connection, notice.id, str(error))
            if not isinstance(error, RefusedError) or error.address:
                people.bounced(connection, notice.subscriber, now)
        elif notice.failures >= len(RETRY_WAITS):
            notices.mark_failed(connection, notice.id, f"given up: {error}")
        else:
            wait = RETRY_WAITS[notice.failures]
            why = f"{notices.HELD}: {error}" if notice.held else str(error)
            notices.try_later(connection, notice.id, why, now + wait)

    def _suspect(self, refusal: Refusal, met: Notice | None, *, certain: bool) -> bool:
        """Tell all workers of a refusal; return True if the relay is left alone for it.

        The mail that met it goes last when the relay is tried again, in case it was the mail.
        """
        now, whose = self.clock.now(), refusal.whose
        with self.store.write() as connection:
            if certain:
                state = relays.refused(
                    connection, self.relay_name, whose, refusal.said, now, lasting=refusal.lasting
                )
            else:
                state = relays.doubted(connection, self.relay_name, whose, refusal.said, now)
            until = state.blocked_until
            if until is None:
                return False
            if met is not None:
                notices.hold_back(connection, met.id, refusal.said, until)
        alarm = log.error if state.since == now else log.warning
        alarm("relay left alone", whose=state.whose, said=state.said, until=until.isoformat())
        return True

    def _give_back(self, batch: Sequence[NoticeId], token: str) -> None:
        """Put back what was not tried; what was has no claim any more."""
        with self.store.write() as connection:
            notices.give_back(connection, batch, token, self.clock.now())


class _RelayStoppedError(Exception):
    """Raised to end a batch when no mail is taken, which is noted already."""


def _named(notice: Notice) -> dict[str, str | int]:
    """Return how a notice is named in the logs."""
    return {"trace": notice.trace, "notice": notice.id, "kind": notice.kind}
