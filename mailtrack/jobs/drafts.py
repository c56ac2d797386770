"""What the mails of a batch are to tell, read in one transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from mailtrack.domain.model import NoticeId, SubscriberId, SubscriptionId
from mailtrack.notify.view import NoticeView
from mailtrack.store import dossiers, notice_counts, notices
from mailtrack.store.dossiers import Dossier
from mailtrack.store.engine import Store
from mailtrack.store.notices import Notice, Recipient
from mailtrack.views import Views

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Draft:
    """A notice, why its reader wants no mail (if so), and what it tells.

    `view` is None where a mistake of ours is in the way. `overtaken`: another mail to its
    reader tells what happened later.
    """

    notice: Notice
    silenced: str | None
    view: NoticeView | None
    overtaken: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """The drafts of a batch, how many mails each reader had on that day, and how many failed."""

    drafts: Sequence[Draft]
    sent: Counter[SubscriberId]
    refused: Counter[SubscriberId] = field(default_factory=Counter)


def read(
    store: Store,
    views: Views,
    batch: Sequence[NoticeId],
    token: str,
    since: datetime,
    now: datetime,
) -> Reading:
    """Read the notices that the claim still holds; `since`: when the day began.

    Nothing is written about a notice that goes out: each question costs a part of its time.
    """
    with store.read() as connection:
        claimed = notices.claimed(connection, batch, token)
        known = dossiers.read(connection, {n.subscription for n, _ in claimed if n.subscription})
        overtaken = notices.overtaken(connection, [notice.id for notice, _ in claimed])
        drafts = [
            Draft(
                notice,
                reader.silenced,
                _view(connection, views, notice, reader, known, now),
                notice.id in overtaken,
            )
            for notice, reader in claimed
        ]
        readers = {notice.subscriber for notice, _ in claimed}
        sent = notice_counts.sent_since(connection, readers, since, min(batch))
    return Reading(drafts, sent)


def _view(
    connection: Connection,
    views: Views,
    notice: Notice,
    reader: Recipient,
    known: Mapping[SubscriptionId, Dossier],
    now: datetime,
) -> NoticeView | None:
    """Gather what a mail tells; a mistake of ours costs this notice a wait, not the batch."""
    dossier = known.get(notice.subscription) if notice.subscription else None
    try:
        return views.notice(connection, notice, dossier, reader.address, now)
    except DBAPIError:
        raise
    except Exception:
        log.exception("notice not written", trace=notice.trace, notice=notice.id, kind=notice.kind)
        return None
