"""Turning claimed notices into mails on the relay, over one connection per batch."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta

import structlog

from mailtrack.clock import Clock
from mailtrack.domain.manners import PARIS, URGENT, Manners
from mailtrack.domain.model import NoticeId
from mailtrack.domain.tracking import Skip
from mailtrack.errors import AuthError, MailtrackError, PermanentError, TransientError
from mailtrack.inbox.addresses import BounceAddresses
from mailtrack.jobs import drafts
from mailtrack.jobs.drafts import Draft, Reading
from mailtrack.notify.mail import OutgoingMail, SmtpIdentity, compose
from mailtrack.notify.render import Renderer
from mailtrack.notify.smtp import RefusedError, Relay
from mailtrack.notify.view import NoticeKind, NoticeView
from mailtrack.store import notices, people
from mailtrack.store.engine import Store
from mailtrack.store.notices import DIGESTED, Notice
from mailtrack.views import Views

#: Waits after a first, second … refusal; about three days in all, then the mail is given up.
RETRY_WAITS = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 120, 240, 480, 720, 1440, 1440))

#: Answers to a mail that somebody has just sent: they go out to those who left, too.
_ANSWERS = frozenset(
    {
        NoticeKind.CONFIRM_ADDRESS,
        NoticeKind.FORWARDING_REQUEST,
        NoticeKind.GOODBYE,
        NoticeKind.HELP,
        NoticeKind.NOTHING_FOUND,
        NoticeKind.TOO_MANY,
    }
)

#: What the summary of the next morning would tell too late, and the summary itself.
_ALONE = frozenset({NoticeKind.PICKUP_REMINDER, NoticeKind.DIGEST})

_QUIET = "quiet hours"
#: Why a digest is not sent all of whose parcels were stopped since.
_NOTHING_LEFT = "nothing_left"
#: Why a reminder is not sent whose last day is past.
_TOO_LATE = "too_late"

#: For how long what was read of a batch may be told (real seconds).
FRESH_S = 2.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Deliverer:
    """Delivers notices. `open_relay` gives a connection that is opened by its first mail.

    Without `bounces`, reports go to the address that mails come from.
    """

    store: Store
    views: Views
    renderer: Renderer
    identity: SmtpIdentity
    open_relay: Callable[[], AbstractContextManager[Relay]]
    clock: Clock
    manners: Manners
    #: Real seconds that one mail has until somebody else may send it.
    lease_s: float
    bounces: BounceAddresses | None = None

    def deliver(self, batch: Sequence[NoticeId], token: str) -> None:
        """Send claimed notices; those whose claim has passed on are left out.

        Raises AuthError at once: a relay that refuses our key is asked once per batch.
        """
        with self.open_relay() as relay:
            while batch:
                batch = self._deliver_some(relay, batch, token)

    def _deliver_some(
        self, relay: Relay, batch: Sequence[NoticeId], token: str
    ) -> Sequence[NoticeId]:
        """Send what one reading of the store tells; return what has to be read anew.

        While a relay is slow, people leave and parcels go on, and a mail that was refused
        may have been the last one to its reader.
        """
        now, old_at = self.clock.now(), self.clock.later(FRESH_S)
        since = self.manners.day_began(now)
        reading = drafts.read(self.store, self.views, batch, token, since, now)
        for done, draft in enumerate(reading.drafts):
            refused = reading.refused[draft.notice.subscriber]
            if done and (refused or self.clock.now() > old_at):
                return [late.notice.id for late in reading.drafts[done:]]
            self._deliver_one(relay, draft, token, reading)
        return ()

    def _deliver_one(self, relay: Relay, draft: Draft, token: str, reading: Reading) -> None:
        """Send one mail or leave it out."""
        reader = draft.notice.subscriber
        why = None if draft.notice.kind in _ANSWERS else self._forbids(draft, reading.sent[reader])
        if why is not None:
            self._leave_out(draft.notice, why)
        elif self._keeps(draft.notice, token):
            count = reading.sent if self._send(relay, draft) else reading.refused
            count[reader] += 1

    def _send(self, relay: Relay, draft: Draft) -> bool:
        """Send one mail and note what came of it; tell whether the relay took it."""
        notice = draft.notice
        try:
            mail = self._compose(notice, draft.view)
            relay.send(
                mail, "" if self.bounces is None else self.bounces.of(notice.id, notice.reader)
            )
        except MailtrackError as error:
            self._take_in_failure(notice, error)
            if isinstance(error, AuthError):
                raise
            return False
        with self.store.write() as connection:
            notices.mark_sent(connection, notice.id, mail.message_id, self.clock.now())
        log.info("notice sent", **_named(notice), subscriber=notice.subscriber)
        return True

    def _keeps(self, notice: Notice, token: str) -> bool:
        """Tell whether a notice stays ours while it is sent.

        Slow mails before it may have used up the claim that all of a batch began with.
        """
        if notice.claimed_until > self.clock.later(self.lease_s / 2):
            return True
        with self.store.write() as connection:
            return notices.renew(connection, notice.id, token, self.clock.later(self.lease_s))

    def _forbids(self, draft: Draft, sent: int) -> str | None:
        """Tell why somebody gets no mail now: who left, a quiet night, a day that is full.

        What is urgent goes out by night, too, and what answers a forward: its sender is awake.
        """
        kind = draft.notice.kind
        if draft.silenced or draft.notice.prompt or kind in URGENT:
            return draft.silenced
        if kind == NoticeKind.DIGEST and draft.view is not None and not draft.view.news:
            return _NOTHING_LEFT
        if self._is_too_late(draft):
            return _TOO_LATE
        if self.manners.hold_until(self.clock.now()) is not None:
            return _QUIET
        if draft.overtaken and self.manners.hold_until(draft.notice.created_at) is not None:
            return Skip.SUPERSEDED  # it waited for the morning, which tells what came after it
        return DIGESTED if sent >= self.manners.per_day and kind not in _ALONE else None

    def _is_too_late(self, draft: Draft) -> bool:
        """Tell whether a mail would remind of a last day that is past."""
        parcel = draft.view.parcel if draft.view else None
        if draft.notice.kind != NoticeKind.PICKUP_REMINDER or parcel is None:
            return False
        last_day = parcel.pickup_point.last_day if parcel.pickup_point else None
        return last_day is not None and last_day < self.clock.now().astimezone(PARIS).date()

    def _leave_out(self, notice: Notice, why: str) -> None:
        now = self.clock.now()
        with self.store.write() as connection:
            if why == _QUIET:
                notices.put_off(connection, notice.id, self.manners.hold_until(now) or now)
            elif why == DIGESTED:
                morning = self.manners.next_morning(now)
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

    def _take_in_failure(self, notice: Notice, error: MailtrackError) -> None:
        log.warning("notice refused", **_named(notice), error=str(error))
        now = self.clock.now()
        with self.store.write() as connection:
            if isinstance(error, PermanentError):
                notices.mark_failed(connection, notice.id, str(error))
                if not isinstance(error, RefusedError) or error.address:
                    people.bounced(connection, notice.subscriber, now)
            elif notice.failures >= len(RETRY_WAITS) and not isinstance(error, AuthError):
                notices.mark_failed(connection, notice.id, f"given up: {error}")
            else:
                wait = RETRY_WAITS[min(notice.failures, len(RETRY_WAITS) - 1)]
                notices.try_later(connection, notice.id, str(error), now + wait)


def _named(notice: Notice) -> dict[str, str | int]:
    """Return how a notice is named in the logs."""
    return {"trace": notice.trace, "notice": notice.id, "kind": notice.kind}
