"""Turning claimed notices into mails on the relay, over one connection per batch."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from mailtrack.clock import Clock
from mailtrack.domain.manners import URGENT, Manners
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import NoticeId
from mailtrack.errors import AuthError, MailtrackError, PermanentError, TransientError
from mailtrack.inbox.addresses import BounceAddresses
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

#: What answers a forward goes out at night, too: its sender is awake.
_PROMPT = frozenset({NoticeKind.REGISTERED, NoticeKind.ORDER_REGISTERED, *URGENT})

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

#: What a mail of the next morning can tell as well; everything else would be lost in it.
_NEWS = frozenset(Milestone)

_QUIET = "quiet hours"

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
            for notice_id in batch:
                self._deliver_one(relay, notice_id, token)

    def _deliver_one(self, relay: Relay, notice_id: NoticeId, token: str) -> None:
        taken = self._take(notice_id, token)
        if taken is None:
            return
        notice, view = taken
        try:
            mail = self._compose(notice, view)
            relay.send(mail, "" if self.bounces is None else self.bounces.of(notice.id))
        except MailtrackError as error:
            self._take_in_failure(notice, error)
            if isinstance(error, AuthError):
                raise
            return
        with self.store.write() as connection:
            notices.mark_sent(connection, notice.id, mail.message_id, self.clock.now())
        log.info("notice sent", **_named(notice), subscriber=notice.subscriber)

    def _take(self, notice_id: NoticeId, token: str) -> tuple[Notice, NoticeView | None] | None:
        """Return a notice that is still ours to send, and what it tells; or skip a silenced one.

        One transaction reads it all, and nothing is written about a notice that goes out:
        each costs a part of a mail's time.
        """
        with self.store.read() as connection:
            notice = notices.claimed_notice(connection, notice_id, token)
            if notice is None:
                return None
            reader = notices.recipient(connection, notice)
            answers = notice.kind in _ANSWERS
            why = None if answers else reader.silenced or self._put_off(connection, notice)
            view = self._view(connection, notice, reader.address) if why is None else None
        if why is not None:
            self._leave_out(notice, why)
            return None
        return (notice, view) if self._keeps(notice, token) else None

    def _view(self, connection: Connection, notice: Notice, address: str) -> NoticeView | None:
        """Gather what a mail tells; None where a mistake of ours is in the way."""
        try:
            return self.views.notice(connection, notice, address, self.clock.now())
        except DBAPIError:
            raise
        except Exception:
            log.exception("notice not written", **_named(notice))
            return None

    def _keeps(self, notice: Notice, token: str) -> bool:
        """Tell whether a notice stays ours while it is sent.

        Slow mails before it may have used up the claim that all of a batch began with.
        """
        if notice.claimed_until > self.clock.later(self.lease_s / 2):
            return True
        with self.store.write() as connection:
            return notices.renew(connection, notice.id, token, self.clock.later(self.lease_s))

    def _put_off(self, connection: Connection, notice: Notice) -> str | None:
        """Keep the night quiet and the day bearable; what is urgent goes out all the same."""
        if notice.kind in _PROMPT:
            return None
        now = self.clock.now()
        if self.manners.hold_until(now) is not None:
            return _QUIET
        if notice.kind not in _NEWS:
            return None
        since = self.manners.day_began(now)
        sent = notices.count_sent_since(connection, notice.subscriber, since)
        return None if sent < self.manners.per_day else DIGESTED

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
