"""The inbound mails, as an operator asks for them: what came, and what became of each."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, literal, select

from mailtrack.admin.filters import Filter, owner_of
from mailtrack.admin.notices import told
from mailtrack.admin.states import WAITING
from mailtrack.admin.table import Cell, Table
from mailtrack.domain.numbers import normalise
from mailtrack.errors import PermanentError
from mailtrack.store.inbound import TRACE_LENGTH
from mailtrack.store.schema import inbound, notice, subscriber


def inbound_list(connection: Connection, wanted: Filter) -> Table:
    """Return the mails that came last, with what became of them."""
    chosen = wanted.of(inbound.c.id, inbound.c.stored_at)
    if wanted.address:
        chosen.append(inbound.c.subscriber_id == owner_of(connection, wanted.address))
    if wanted.number:
        names = literal(",") + inbound.c.names + ","
        chosen.append(names.contains(f",{normalise(wanted.number)},", autoescape=True))
    if wanted.state:
        outcome = None if wanted.state == WAITING else wanted.state
        chosen.append(inbound.c.outcome.is_(None) if not outcome else inbound.c.outcome == outcome)
    query = select(inbound).where(*chosen).order_by(inbound.c.id.desc()).limit(wanted.limit)
    rows = [tuple(_summary(row).values()) for row in connection.execute(query)]
    columns = ("id", "stored", "outcome", "shop", "kind", "reason", "person", "names")
    return Table("Inbound mails", columns, rows)


def _summary(row: Row[Any]) -> dict[str, Cell]:
    return {
        "id": row.id,
        "stored": row.stored_at,
        "outcome": row.outcome or WAITING,
        "shop": row.shop or "",
        "kind": row.kind or "",
        "reason": row.reason,
        "person": row.subscriber_id,
        "names": row.names,
    }


def inbound_mail(connection: Connection, number: int) -> list[Table]:
    """Return all that is known of one mail, and what it was answered; raise PermanentError."""
    query = (
        select(inbound, subscriber.c.address)
        .outerjoin(subscriber, subscriber.c.id == inbound.c.subscriber_id)
        .where(inbound.c.id == number)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise PermanentError(f"No mail has the number {number}; see `mailtrack inbound`.")
    values = _summary(row) | {
        "address": row.address,
        "subject": row.subject,
        "received": row.received_at,
        "read": row.read_at,
        "failed readings": row.attempts,
        "due": row.due_at if row.outcome is None else None,
        "held since": row.held_at,
        "asked about": row.asked_at,
        "said to be theirs": row.vouched_at,
        "source": row.source,
        "message id": row.message_id,
        "bytes kept": row.raw and len(row.raw),
        "trace": row.content_key[:TRACE_LENGTH],
    }
    return [
        Table.of_one("Inbound mails", values),
        _inside(row.mails_read or ()),
        told(connection, notice.c.inbound_id == number, "Answers"),
    ]


def _inside(mails: Sequence[Mapping[str, Any]]) -> Table:
    """Return what was read of each mail that a forward holds, where its answer tells that."""
    columns = ("subject", "sender", "outcome", "kind", "numbers", "doubtful", "orders")
    rows = [
        [", ".join(mail[name]) if isinstance(mail[name], list) else mail[name] for name in columns]
        for mail in mails
    ]
    return Table("Mails in it", columns, rows)


def raw_mail(connection: Connection, number: int) -> bytes:
    """Return a mail as it came; raises PermanentError where it is kept no more, or never was."""
    row = connection.execute(select(inbound.c.raw).where(inbound.c.id == number)).one_or_none()
    if row is None or row.raw is None:
        why = "its content is kept no more" if row else "see `mailtrack inbound`"
        raise PermanentError(f"There is no mail {number} to show: {why}.")
    return bytes(row.raw)
