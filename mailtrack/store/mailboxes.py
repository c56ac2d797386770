"""What watchers left word of: the mailbox of the settings, as it is now, and no other.

A row outlives what it tells of: an account or a folder that was given up, and a watcher
that was killed. So the settings say which row counts, and its lease whether anybody
watches. A part that knows of no mailbox (pages on a host of their own) goes by the leases.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from mailtrack.store import leases
from mailtrack.store.schema import mailbox

#: An account, which is "user@host", and a folder.
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class MailboxStatus:
    """One folder of an account; `state` and `detail` are its watcher's last words."""

    account: str
    folder: str
    state: str
    detail: str
    state_at: datetime | None
    last_ok_at: datetime | None
    watched: bool


def present(connection: Connection, configured: Place | None) -> list[MailboxStatus]:
    """Return the configured mailbox if it was ever watched; where none is, all that are watched."""
    held = {held.name for held in leases.at_work(connection)}
    found = [
        MailboxStatus(
            account=row.account,
            folder=row.folder,
            state=row.state,
            detail=row.detail,
            state_at=row.state_at,
            last_ok_at=row.last_ok_at,
            watched=leases.watch_name(row.account, row.folder) in held,
        )
        for row in connection.execute(select(mailbox).order_by(mailbox.c.account))
    ]
    if configured is None:
        return [one for one in found if one.watched]
    return [one for one in found if (one.account, one.folder) == configured]


def is_watched(connection: Connection, configured: Place | None) -> bool:
    """Return True if a watcher of the configured mailbox is at work; without one, any watcher."""
    names = [held.name for held in leases.at_work(connection)]
    if configured is None:
        return any(name.startswith(leases.WATCH) for name in names)
    return leases.watch_name(*configured) in names
