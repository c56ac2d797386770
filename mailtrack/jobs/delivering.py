"""Turning claimed notices into mails on the relay, over one connection per batch."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage

import structlog

from mailtrack.clock import Clock
from mailtrack.domain.model import NoticeId
from mailtrack.errors import AuthError, MailtrackError, PermanentError
from mailtrack.notify.mail import SmtpIdentity, compose
from mailtrack.notify.render import Renderer
from mailtrack.notify.smtp import Relay
from mailtrack.store import notices, people
from mailtrack.store.engine import Store
from mailtrack.store.notices import Notice
from mailtrack.views import Views

#: Waits after a first, second … refusal; about three days in all, then the mail is given up.
RETRY_WAITS = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 120, 240, 480, 720, 1440, 1440))

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Deliverer:
    """Delivers notices. `open_relay` gives a connection that is opened by its first mail."""

    store: Store
    views: Views
    renderer: Renderer
    identity: SmtpIdentity
    open_relay: Callable[[], AbstractContextManager[Relay]]
    clock: Clock

    def deliver(self, batch: Sequence[NoticeId], token: str) -> None:
        """Send claimed notices; those whose claim has passed on are left out."""
        with self.open_relay() as relay:
            for notice_id in batch:
                self._deliver_one(relay, notice_id, token)

    def _deliver_one(self, relay: Relay, notice_id: NoticeId, token: str) -> None:
        notice = self._take(notice_id, token)
        if notice is None:
            return
        message = self._compose(notice)
        try:
            relay.send(message)
        except MailtrackError as error:
            self._take_in_failure(notice, error)
            return
        with self.store.write() as connection:
            notices.mark_sent(connection, notice.id, message["Message-ID"], self.clock.now())
        log.info("notice sent", notice=notice.id, kind=notice.kind, subscriber=notice.subscriber)

    def _take(self, notice_id: NoticeId, token: str) -> Notice | None:
        """Return a notice that is still ours to send, or None; a silenced one is skipped."""
        with self.store.write() as connection:
            notice = notices.claimed_notice(connection, notice_id, token)
            if notice is None:
                return None
            silenced = notices.recipient(connection, notice).silenced
            if silenced is None:
                return notice
            notices.mark_skipped(connection, notice.id, silenced)
        log.info("notice skipped", notice=notice.id, kind=notice.kind, why=silenced)
        return None

    def _compose(self, notice: Notice) -> EmailMessage:
        now = self.clock.now()
        with self.store.read() as connection:
            view = self.views.notice(connection, notice, now)
        return compose(view, self.renderer.render(view), self.identity, now)

    def _take_in_failure(self, notice: Notice, error: MailtrackError) -> None:
        log.warning("notice refused", notice=notice.id, kind=notice.kind, error=str(error))
        now = self.clock.now()
        with self.store.write() as connection:
            if isinstance(error, PermanentError):
                notices.mark_failed(connection, notice.id, str(error))
                people.bounced(connection, notice.subscriber, now)
            elif notice.attempts > len(RETRY_WAITS) and not isinstance(error, AuthError):
                notices.mark_failed(connection, notice.id, f"given up: {error}")
            else:
                wait = RETRY_WAITS[min(notice.attempts, len(RETRY_WAITS)) - 1]
                notices.try_later(connection, notice.id, str(error), now + wait)
