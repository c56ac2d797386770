"""What the operator asks the store: `status`, `parcels`, `inbound`, `unmapped`, `carriers`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, case, func, select

from mailtrack.carriers.base import Declaration
from mailtrack.domain.budget import spent_today
from mailtrack.domain.milestones import Milestone
from mailtrack.store import inbound, leases, mailboxes, notice_counts
from mailtrack.store.budgets import CarrierHealth
from mailtrack.store.mailboxes import Place
from mailtrack.store.schema import (
    inbound as inbound_table,
)
from mailtrack.store.schema import (
    leg,
    parcel,
    shop_order,
    subscriber,
    subscription,
    tracking_event,
    unmapped,
)

#: A row of a table on the terminal.
Row = tuple[str, ...]


#: Events that the share of unknown words is counted in; a store may hold millions.
LATEST_EVENTS = 100_000


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table, for the terminal or for JSON."""

    title: str
    columns: Row
    rows: Sequence[Row]

    def as_dicts(self) -> list[dict[str, str]]:
        """Return the rows by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def status(
    connection: Connection, now: datetime, configured: Place | None, on: Collection[str]
) -> list[Table]:
    """Return what the service is doing, in a few tables.

    `configured`: the mailbox of the settings, None where they name none; `on`: the codes of
    the carriers that are on. What only a former setting knew is left out.
    """
    watched = [
        (
            one.account.rpartition("@")[2],
            one.folder,
            one.state if one.watched else f"not watched, was {one.state}",
            _ago(one.state_at, now),
            one.detail if one.watched else "",
        )
        for one in mailboxes.present(connection, configured)
    ]
    mails = [(name, str(n)) for name, n in sorted(inbound.by_outcome(connection).items())]
    notices = [
        (kind, state, skip, str(times))
        for (kind, state, skip), times in sorted(notice_counts.by_kind(connection).items())
    ]
    return [
        Table("Mailbox", ("host", "folder", "state", "since", "detail"), watched),
        _holders(connection, configured),
        Table("Mails", ("outcome", "mails"), mails),
        Table("Notices", ("notice", "state", "why", "times"), notices),
        _sizes(connection, now, on),
        _words(connection),
    ]


def _holders(connection: Connection, configured: Place | None) -> Table:
    """Return the parts of the last hour; who was at work before that is no part any more."""
    mine = leases.watch_name(*configured) if configured else ""
    rows = []
    for held, alive in leases.lately(connection):
        elsewhere = mine and held.name.startswith(leases.WATCH) and held.name != mine
        if elsewhere and not alive:
            continue
        state = "at work" if held.at_work else "standby"
        # The rest of a watcher's name is the account, which may be somebody's address.
        part = held.name.partition(":")[0] + (" (another mailbox)" if elsewhere else "")
        rows.append((part, state if alive else "gone", held.holder))
    return Table("Parts", ("part", "state", "process"), rows)


def _sizes(connection: Connection, now: datetime, on: Collection[str]) -> Table:
    def count(table: object) -> str:
        return str(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]

    due = (
        select(func.count())
        .select_from(leg)
        .where(leg.c.carrier.in_(on), leg.c.next_poll_at <= now)
    )
    rows = [
        ("subscribers", count(subscriber)),
        ("subscriptions", count(subscription)),
        ("parcels", count(parcel)),
        ("orders", count(shop_order)),
        ("polls due", str(connection.execute(due).scalar_one())),
        ("oldest unread mail", _ago(inbound.oldest_waiting(connection), now)),
        ("oldest due notice", _ago(notice_counts.oldest_due(connection, now), now)),
    ]
    return Table("Store", ("what", "how many"), rows)


def _words(connection: Connection) -> Table:
    """Return how many of the latest events of each carrier no phrase file knew."""
    latest = (
        select(tracking_event.c.source, tracking_event.c.milestone)
        .order_by(tracking_event.c.id.desc())
        .limit(LATEST_EVENTS)
        .subquery()
    )
    is_unknown = case((latest.c.milestone == Milestone.UNKNOWN, 1), else_=0)
    query = (
        select(latest.c.source, func.count(), func.sum(is_unknown))
        .group_by(latest.c.source)
        .order_by(latest.c.source)
    )
    rows = [
        (carrier, str(events), str(unknown), f"{100 * unknown / events:.1f} %")
        for carrier, events, unknown in connection.execute(query)
    ]
    return Table("Words", ("carrier", "events", "unknown", "share"), rows)


def parcel_list(connection: Connection, now: datetime, limit: int) -> Table:
    """Return the parcels that moved or were made last."""
    query = select(parcel).order_by(parcel.c.id.desc()).limit(limit)
    rows = [
        (
            row.number,
            row.milestone or "",
            _ago(row.milestone_at, now),
            row.local_number or "",
            _ago(row.last_answer_at, now),
            row.ended_why or "",
        )
        for row in connection.execute(query)
    ]
    return Table(
        "Parcels", ("number", "milestone", "since", "local number", "polled", "ended"), rows
    )


def inbound_list(connection: Connection, now: datetime, limit: int) -> Table:
    """Return the mails that came last, with what became of them."""
    query = select(inbound_table).order_by(inbound_table.c.id.desc()).limit(limit)
    rows = [
        (
            str(row.id),
            _ago(row.stored_at, now),
            row.outcome or "waiting",
            row.shop or "",
            row.kind or "",
            row.reason,
        )
        for row in connection.execute(query)
    ]
    return Table("Inbound mails", ("id", "stored", "outcome", "shop", "kind", "reason"), rows)


def unmapped_list(connection: Connection, limit: int) -> Table:
    """Return the codes and texts that no phrase file knows, most frequent first."""
    query = select(unmapped).order_by(unmapped.c.times.desc()).limit(limit)
    rows = [(row.carrier, row.code, row.text, str(row.times)) for row in connection.execute(query)]
    return Table("Unmapped", ("carrier", "code", "text", "times"), rows)


def carrier_list(
    health: Mapping[str, CarrierHealth] | None,
    off: Iterable[tuple[Declaration, str | None]],
    now: datetime,
) -> Table:
    """Return every carrier: on, or off and why, with its use and its last answers.

    `health`: how each does that was ever asked, None where no store can tell. `off`: why each
    is off, None where it is on. Today's requests stand before the day's.
    """
    rows: list[Row] = []
    for declaration, why in off:
        code, per_day = declaration.code, declaration.budget.per_day
        seen = (health or {}).get(code)
        if why is not None or health is None:
            # How it answered once is no state of what is not asked.
            rows.append((code, why or "on", "", "", ""))
        elif seen is None:
            rows.append((code, "on", f"0 of {per_day}", "", ""))
        else:
            until = seen.allowance.blocked_until
            state = f"on, left alone for {span(until - now)}" if until and until > now else "on"
            today = f"{spent_today(seen.allowance, now)} of {per_day}"
            error = f"{_ago(seen.last_error_at, now)}: {seen.last_error}" if seen.last_error else ""
            rows.append((code, state, today, _ago(seen.last_ok_at, now), error))
    return Table("Carriers", ("carrier", "state", "today", "answered", "last error"), rows)


def _ago(moment: datetime | None, now: datetime) -> str:
    return "" if moment is None else f"{span(now - moment)} ago"


def span(time: timedelta) -> str:
    """Return a time in its largest unit; what is not over yet has taken none.

    >>> span(timedelta(minutes=119)), span(timedelta(seconds=-3))
    ('1 h', '0 s')
    """
    seconds = int(time.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"
