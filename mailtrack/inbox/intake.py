"""Reading stored mails: analysing is pure, acting is one transaction with the outcome.

Several mails share that transaction where nothing speaks against it. A mail that cannot be
read is tried again and ends in quarantine, with the reason.
"""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import structlog
from sqlalchemy import Connection

from mailtrack.clock import Clock
from mailtrack.domain.model import InboundId, Outcome
from mailtrack.errors import MailtrackError, ReadingLimitError, TransientError
from mailtrack.inbox.addresses import BounceAddresses
from mailtrack.inbox.analysis import AnalyzedMail
from mailtrack.inbox.handling import MailHandler
from mailtrack.inbox.quotas import ParcelQuotas
from mailtrack.inbox.reading_process import Analyzer
from mailtrack.store import inbound
from mailtrack.store.engine import Store
from mailtrack.store.inbound import MailResult, StoredMail
from mailtrack.store.suppression import Suppression

#: Between two attempts at a mail that could not be read (real seconds).
REREAD_AFTER_S = 60.0

#: Bytes of raw mails that wait in memory until the others of their batch are read.
MOST_BYTES_AT_ONCE = 2_000_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads claimed mails. `carriers`: codes of those that are on."""

    store: Store
    analyzer: Analyzer
    carriers: Collection[str]
    clock: Clock
    suppression: Suppression
    quotas: ParcelQuotas
    bounces: BounceAddresses | None = None

    def read(self, mails: Sequence[InboundId], token: str) -> None:
        """Read claimed mails and give each its outcome; another's claim is left alone.

        A store that is away is no fault of a mail's, and not counted against it: raises
        TransientError, once the others are done.
        """
        failed = None
        for batch in self._claimed(mails, token):
            failed = self._read_together(batch) or failed
        if failed is not None:
            raise failed

    def _read_together(self, batch: Sequence[StoredMail]) -> TransientError | None:
        """Read mails; return why one of them was left as it was, None where none was.

        1. What each says is found out without the store.
        2. What follows from them is written with their outcomes, several in one transaction.
        3. Where either fails the mail is put aside, to be read again or given up.
        """
        failed: TransientError | None = None
        analyzed = []
        # 1.
        told = self.analyzer.analyze_each([stored.raw for stored in batch])
        for stored, mail in zip(batch, told, strict=True):
            if isinstance(mail, TransientError):
                failed = mail
            elif isinstance(mail, Exception):
                self._put_aside(stored, mail)
            else:
                analyzed.append((stored, mail))
        # 2.
        results = self.store.transact_each([partial(self._act, *one) for one in analyzed])
        # 3.
        for (stored, _), result in zip(analyzed, results, strict=True):
            if isinstance(result, TransientError):
                failed = result
            elif isinstance(result, Exception):
                self._put_aside(stored, result)
            else:
                log.info(
                    "mail read",
                    trace=stored.trace,
                    mail=stored.id,
                    outcome=result.outcome,
                    reason=result.reason,
                )
        return failed

    def _claimed(self, mails: Sequence[InboundId], token: str) -> Iterator[list[StoredMail]]:
        """Yield the mails that are still claimed, in batches whose raw mails are bounded."""
        waiting = deque(mails)
        while waiting:
            batch: list[StoredMail] = []
            with self.store.read() as connection:
                while waiting and sum(len(one.raw) for one in batch) < MOST_BYTES_AT_ONCE:
                    stored = inbound.claimed(connection, waiting.popleft(), token)
                    if stored is not None:
                        batch.append(stored)
            yield batch

    def _act(self, stored: StoredMail, mail: AnalyzedMail, connection: Connection) -> MailResult:
        """Do what a mail asks for, and note its outcome."""
        result = self._handler(connection, stored, mail).act()
        inbound.finish(connection, stored.id, result, self.clock.now())
        return result

    def _put_aside(self, stored: StoredMail, error: Exception) -> None:
        """Note a failure over a mail; give it up after some, or where it cost too much.

        Its sender is told then, as far as the header can be read and unless that fails as well.
        """
        # The words of other errors may repeat the mail, and the values of a statement do.
        known = isinstance(error, MailtrackError)
        reason = str(error) if known else f"unreadable: {type(error).__name__}"
        with self.store.write() as connection:
            retry_at = self.clock.later(REREAD_AFTER_S)
            failures = inbound.note_failure(connection, stored.id, retry_at)
        log.warning(
            "mail not read", trace=stored.trace, mail=stored.id, attempt=failures, error=reason
        )
        # What cost too much once is not paid for again.
        is_too_much = isinstance(error, ReadingLimitError)
        if not is_too_much and failures < inbound.MOST_ATTEMPTS:
            return
        try:
            header = self.analyzer.analyze_header(stored.raw)

            def give_up(connection: Connection) -> None:
                result = self._handler(connection, stored, header).give_up(reason)
                inbound.finish(connection, stored.id, result, self.clock.now())

            self.store.transact(give_up)
        except TransientError:
            raise
        except Exception:  # noqa: BLE001 - what broke the reading may break this
            log.info("sender not told", trace=stored.trace, mail=stored.id)
            with self.store.write() as connection:
                result = MailResult(Outcome.QUARANTINED, reason)
                inbound.finish(connection, stored.id, result, self.clock.now())

    def _handler(
        self, connection: Connection, stored: StoredMail, mail: AnalyzedMail
    ) -> MailHandler:
        return MailHandler(
            connection,
            stored,
            mail,
            self.carriers,
            self.clock,
            self.suppression,
            self.quotas,
            self.bounces,
        )
