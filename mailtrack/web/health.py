"""`/readyz`: what is wrong, in words that an operator can act on."""

from datetime import timedelta

import redis
from sqlalchemy import Connection, select

from mailtrack.bootstrap import Services
from mailtrack.errors import MailtrackError
from mailtrack.inbox.ledger import WatcherState
from mailtrack.store import inbound, leases, notice_counts, relays
from mailtrack.store.migrate import require_current
from mailtrack.store.schema import mailbox

#: Work that is due for longer than this points to a part that does not run.
LATE = timedelta(minutes=15)
#: What is said where no lease begins with a name.
_NOBODY = {
    leases.WATCH: "Nobody watches the mailbox: is the watcher running?",
    leases.DISPATCH: "Nobody hands out work: is the dispatcher running?",
}
_AWAY = frozenset({WatcherState.WAITING, WatcherState.REFUSED})


def what_is_wrong(services: Services) -> list[str]:
    """Return one line for everything that keeps the service from doing its work."""
    try:
        require_current(services.store)
        with services.store.read() as connection:
            wrong = [*_mailbox(connection), *_unattended(connection), *_late(connection, services)]
            name, now = services.settings.smtp.place, services.clock.now()
            wrong += filter(None, [relays.trouble(connection, name, now)])
    except MailtrackError as error:
        return [str(error)]
    return wrong + _broker(services)


def _mailbox(connection: Connection) -> list[str]:
    away = select(mailbox).where(mailbox.c.state.in_(_AWAY))
    return [f"The mailbox is {row.state}: {row.detail}" for row in connection.execute(away)]


def _unattended(connection: Connection) -> list[str]:
    """Say which work nobody holds the lease of; those who stand by are as they should be."""
    now = leases.time_of(connection)
    busy = [s.name for s in leases.shifts(connection) if s.at_work and s.until > now]
    return [line for name, line in _NOBODY.items() if not any(b.startswith(name) for b in busy)]


def _late(connection: Connection, services: Services) -> list[str]:
    now = services.clock.now()
    late = services.clock.later(LATE.total_seconds()) - now
    ages = {
        "A mail waits to be read": inbound.oldest_waiting(connection),
        "A notice waits to be sent": notice_counts.oldest_due(connection, now),
    }
    return [
        f"{what} since {since.isoformat(timespec='minutes')}: are dispatcher and worker running?"
        for what, since in ages.items()
        if since is not None and now - since > late
    ]


def _broker(services: Services) -> list[str]:
    try:
        services.broker.client.ping()
    except redis.RedisError as error:
        return [f"Redis does not answer: {error}"]
    return []
