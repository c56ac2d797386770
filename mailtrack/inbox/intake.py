"""Reading stored mails: understanding is pure, acting is one transaction with the outcome.

A mail that cannot be read is tried again and ends in quarantine, with the reason.
"""

from collections.abc import Collection
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from mailtrack.clock import Clock
from mailtrack.domain.model import InboundId, Outcome
from mailtrack.errors import MailtrackError, ReadingLimitError, TransientError
from mailtrack.inbox.clerk import Clerk
from mailtrack.inbox.reading_process import Analyzer
from mailtrack.store import inbound
from mailtrack.store.engine import Store
from mailtrack.store.inbound import MailResult, StoredMail
from mailtrack.store.suppression import Suppression

#: Between two attempts at a mail that could not be read (real seconds).
REREAD_AFTER_S = 60.0
#: Readings of one mail that nobody lived to tell of: a worker that is killed, or a store that
#: goes away, hits any mail, but hardly the same one so often.
MOST_DEATHS = 10

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads claimed mails.

    `carriers`: codes of those that are on; `share`: new parcels of one address in a day.
    """

    store: Store
    doorkeeper: Analyzer
    carriers: Collection[str]
    clock: Clock
    suppression: Suppression
    share: int

    def read(self, mail: InboundId, token: str) -> None:
        """Read one claimed mail and give it its outcome; another's claim is left alone."""
        with self.store.write() as connection:
            stored = inbound.take_claimed(connection, mail, token)
        if stored is None:
            return
        if stored.attempts > MOST_DEATHS:
            self._bury(stored)
            return
        try:
            result = self._act_on(stored)
        except TransientError:
            raise  # the store is away: no fault of this mail's
        except Exception as error:  # noqa: BLE001 - strangers write these mails
            self._put_aside(stored, error)
        else:
            log.info(
                "mail read",
                trace=stored.trace,
                mail=mail,
                outcome=result.outcome,
                reason=result.reason,
            )

    def _act_on(self, stored: StoredMail) -> MailResult:
        understood = self.doorkeeper.understand(stored.raw)
        with self.store.write() as connection:
            result = self._clerk(connection).act(stored, understood)
            inbound.finish(connection, stored.id, result, self.clock.now())
        return result

    def _put_aside(self, stored: StoredMail, error: Exception) -> None:
        # The words of other errors may repeat the mail, and the values of a statement do.
        known = isinstance(error, MailtrackError)
        reason = str(error) if known else f"unreadable: {type(error).__name__}"
        log.warning(
            "mail not read",
            trace=stored.trace,
            mail=stored.id,
            attempt=stored.attempts,
            error=reason,
        )
        # What cost too much once is not paid for again.
        is_too_much = isinstance(error, ReadingLimitError)
        if is_too_much or stored.attempts >= inbound.MOST_ATTEMPTS:
            self._quarantine(stored, reason)
            return
        with self.store.write() as connection:
            inbound.read_again(connection, stored.id, self.clock.later(REREAD_AFTER_S))

    def _quarantine(self, stored: StoredMail, reason: str) -> None:
        """Give a mail up; its sender is told, unless that fails as well."""
        try:
            author = self.doorkeeper.understand_header(stored.raw)
            with self.store.write() as connection:
                result = self._clerk(connection).give_up(stored, author, reason)
                inbound.finish(connection, stored.id, result, self.clock.now())
        except TransientError:
            raise
        except Exception:  # noqa: BLE001 - what broke the reading may break this
            log.info("sender not told", trace=stored.trace, mail=stored.id)
            with self.store.write() as connection:
                result = MailResult(Outcome.QUARANTINED, reason)
                inbound.finish(connection, stored.id, result, self.clock.now())

    def _bury(self, stored: StoredMail) -> None:
        """Give up a mail whose reading kills; not even its sender is read once more."""
        reason = f"reading it never came to an end, {MOST_DEATHS} times"
        log.warning("mail not read", trace=stored.trace, mail=stored.id, error=reason)
        with self.store.write() as connection:
            result = MailResult(Outcome.QUARANTINED, reason)
            inbound.finish(connection, stored.id, result, self.clock.now())

    def _clerk(self, connection: Connection) -> Clerk:
        return Clerk(connection, self.carriers, self.clock, self.suppression, self.share)
