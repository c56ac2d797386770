"""The notices, as an operator asks for them: which mails were owed, and why one was not sent."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, false, select, true

from mailtrack.admin.filters import Filter, about, owner_of, parcels_with
from mailtrack.admin.states import OF_NOTICES
from mailtrack.admin.table import Cell, Table
from mailtrack.domain.tracking import Skip
from mailtrack.errors import PermanentError
from mailtrack.jobs.delivering import NOTHING_LEFT
from mailtrack.jobs.drafts import TOO_LATE
from mailtrack.store.notices import DIGESTED, TRACE
from mailtrack.store.schema import inbound, notice, parcel, subscriber, subscription

#: What each reason to leave a mail out means; a test holds that there are no others.
MEANINGS: Mapping[str, str] = {
    Skip.FIRST_ANSWER: "the mail « suivi enregistré » told it",
    Skip.SUPERSEDED: "a newer or a more important piece of news was mailed instead",
    Skip.LATE: "something that happened later had been told already",
    Skip.REPEATED: "the same had been told already, by another carrier or clock",
    Skip.NOT_WANTED: "it is mailed on request, and the reader did not ask for it",
    Skip.UNWANTED: "the reader chose not to get it",
    Skip.MUTED: "the reader stopped this parcel",
    Skip.UNSUBSCRIBED: "the reader stopped every mail",
    Skip.BOUNCED: "the address counts as dead: see `mailtrack people`, `mailtrack revive`",
    Skip.ELSEWHERE: "it goes by a channel of the reader's, in the place of mail",
    DIGESTED: "a digest told it",
    TOO_LATE: "it could not be sent while it was true",
    NOTHING_LEFT: "nothing of what it was to tell is left: those parcels were stopped, or the "
    "invitation is over",
}


def notice_list(connection: Connection, wanted: Filter) -> Table:
    """Return the notices that were owed last, with what became of them; people by number."""
    chosen = wanted.of(notice.c.id, notice.c.created_at)
    if wanted.address:
        chosen.append(notice.c.subscriber_id == owner_of(connection, wanted.address))
    if wanted.number:
        chosen.append(about(parcels_with(connection, wanted.number)))
    if wanted.state:
        is_one = wanted.state in OF_NOTICES  # an address in a browser may say anything
        chosen.append(notice.c.state == wanted.state if is_one else false())
    return told(connection, and_(true(), *chosen), "Notices", wanted.limit)


def told(connection: Connection, chosen: ColumnElement[bool], title: str, limit: int = 50) -> Table:
    """Return notices under a title, the newest first."""
    query = _NOTICES.where(chosen).order_by(notice.c.id.desc()).limit(limit)
    rows = [tuple(_summary(row).values()) for row in connection.execute(query)]
    return Table(title, ("id", "person", "notice", "state", "age", "why", "number"), rows)


_NOTICES = (
    select(notice, parcel.c.number, TRACE)
    .outerjoin(inbound, inbound.c.id == notice.c.inbound_id)
    .outerjoin(subscription, subscription.c.id == notice.c.subscription_id)
    .outerjoin(parcel, parcel.c.id == subscription.c.parcel_id)
)


def _summary(row: Row[Any]) -> dict[str, Cell]:
    return {
        "id": row.id,
        "person": row.subscriber_id,
        "notice": row.kind,
        "state": row.state,
        "age": row.created_at,
        "why": row.skip or row.last_error,
        "number": row.number or "",
    }


def one_notice(connection: Connection, number: int) -> list[Table]:
    """Return all that is known of one notice, with its reader; raises PermanentError."""
    query = (
        _NOTICES.add_columns(subscriber.c.address)
        .join(subscriber, subscriber.c.id == notice.c.subscriber_id)
        .where(notice.c.id == number)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise PermanentError(f"No notice has the number {number}; see `mailtrack notices`.")
    values = _summary(row) | {
        "meaning": MEANINGS.get(row.skip, ""),
        "error": row.last_error,
        "address": row.address,
        "happened": row.event_at,
        "owed": row.created_at,
        "failed attempts": row.attempts,
        "next attempt": row.next_attempt_at if row.state == "due" else None,
        "sent": row.sent_at,
        "digest": row.digest_id,
        "answers mail": row.inbound_id,
        "message id": row.message_id,
        "trace": row.trace,
    }
    return [Table.of_one("Notices", values)]
