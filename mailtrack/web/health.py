"""`/readyz`: what is wrong, in words that an operator can act on."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import Connection

from mailtrack.errors import MailtrackError
from mailtrack.inbox.mail_store import WatcherState
from mailtrack.jobs.broker import standing_still
from mailtrack.jobs.liveness import STILL_S, count_workers
from mailtrack.runtime.services import Services
from mailtrack.store import inbound, leases, mailboxes, notice_counts, relays
from mailtrack.store.migrate import require_current

#: Work that is due for longer than this points to a part that does not run.
LATE = timedelta(minutes=15)
#: After how many leases a mail that is still being read is not only unlucky.
UNENDING_LEASES = 2
_AWAY = frozenset({WatcherState.WAITING, WatcherState.REFUSED})


def what_is_wrong(services: Services) -> list[str]:
    """Return one line for everything that keeps the service from doing its work.

    1. The store is there, and of our version; else nothing more can be said.
    2. What the store tells of the parts: mailbox, watcher, dispatcher, readers, relay.
    3. What Redis tells of the workers and the queues, or that it tells nothing.
    """
    # 1. and 2.
    try:
        require_current(services.store)
        with services.store.read() as connection:
            wrong = list(_wrong_in_store(connection, services))
    except MailtrackError as error:
        return [str(error)]
    # 3.
    try:
        workers, still = count_workers(services.broker), standing_still(services.broker)
    except MailtrackError as error:
        return [*wrong, str(error)]
    if not workers:
        wrong.append("Nobody reads, asks carriers or sends: is a worker running?")
    return wrong + [
        f"The queue {queue} stands still for {seconds / 60:.0f} minutes, though "
        "something waits in it: restart the workers, see their log."
        for queue, seconds in still.items()
        if seconds > STILL_S
    ]


def unending_mails(connection: Connection, services: Services) -> int:
    """Count the mails whose reading never comes to an end."""
    patience_s = UNENDING_LEASES * services.settings.jobs.lease_s
    now = services.clock.now()
    return inbound.count_unending(connection, now - (services.clock.later(patience_s) - now))


def _wrong_in_store(connection: Connection, services: Services) -> Iterator[str]:
    now, place = services.clock.now(), services.settings.inbox.place_if_set
    for one in mailboxes.present(connection, place):
        if one.watched and one.state in _AWAY:
            yield f"The mailbox is {one.state}: {one.detail}"
    # Work that nobody holds the lease of; those who stand by are as they should be.
    if not mailboxes.is_watched(connection, place):
        yield "Nobody watches the mailbox: is the watcher running?"
    if leases.DISPATCH not in {held.name for held in leases.at_work(connection)}:
        yield "Nobody hands out work: is the dispatcher running?"
    if mails := unending_mails(connection, services):
        yield (
            f"Reading does not come to an end for {mails} mail(s), though later ones are read: "
            "restart the workers, see their log."
        )
    if trouble := relays.trouble(connection, services.settings.smtp.place, now):
        yield trouble
    late = services.clock.later(LATE.total_seconds()) - now
    ages = {
        "A mail waits to be read": inbound.oldest_waiting(connection),
        "A notice waits to be sent": notice_counts.oldest_due(connection, now),
    }
    yield from (
        f"{what} since {since.isoformat(timespec='minutes')}: are dispatcher and worker running?"
        for what, since in ages.items()
        if since is not None and now - since > late
    )
