"""What the operator asks the store as a whole: `status`, `unmapped`, `carriers`, `forecast`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, func, select

from mailtrack.admin.table import Cell, Table, rounded
from mailtrack.carriers.base import Declaration
from mailtrack.domain.budget import spent_today
from mailtrack.domain.forecast import Measure
from mailtrack.domain.forecast_score import Kept, Score, hindsight
from mailtrack.domain.milestones import STAGES, Milestone
from mailtrack.domain.sending_policy import DAY
from mailtrack.store import (
    inbound,
    leases,
    mailboxes,
    notice_counts,
    promises,
    relays,
    row_counts,
    stage_tallies,
)
from mailtrack.store.budgets import CarrierHealth
from mailtrack.store.mailboxes import Place
from mailtrack.store.schema import (
    leg,
    parcel,
    shop_order,
    subscriber,
    subscription,
    tracking_event,
    unmapped,
    wording,
)

#: Events that the share of unknown words is counted in; a store may hold millions.
LATEST_EVENTS = 10_000


@dataclass(frozen=True, slots=True)
class RelayInUse:
    """What the store knows our relay by, and the mails that it may be given in a day (0: any)."""

    name: str
    per_day: int


def status(
    connection: Connection,
    now: datetime,
    configured: Place | None,
    relay: RelayInUse,
    on: Collection[str],
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
            one.state_at,
            one.detail if one.watched else "",
        )
        for one in mailboxes.present(connection, configured)
    ]
    mails = sorted(inbound.by_outcome(connection).items())
    notices = [
        (kind, state, skip, times)
        for (kind, state, skip), times in sorted(notice_counts.by_kind(connection).items())
    ]
    return [
        Table("Mailbox", ("host", "folder", "state", "since", "detail"), watched),
        _holders(connection, configured),
        Table("Mails", ("outcome", "mails"), mails),
        Table("Notices", ("notice", "state", "why", "times"), notices),
        _sizes(connection, now, on),
        words(connection),
        _sending(connection, relay, now),
    ]


def _sending(connection: Connection, relay: RelayInUse, now: datetime) -> Table:
    """Return how the relay takes our mails."""
    refusing = relays.refusing(connection, relay.name, now)
    rows: list[Sequence[Cell]] = [
        ("mails within 24 hours", notice_counts.sent_within(connection, now - DAY, now)),
        ("most within 24 hours", relay.per_day or None),
        ("relay", relays.trouble(connection, relay.name, now) or "takes our mails"),
        ("refused since", refusing.since if refusing else None),
    ]
    return Table("Sending", ("what", "how"), rows)


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
    due = (
        select(func.count())
        .select_from(leg)
        .where(leg.c.carrier.in_(on), leg.c.next_poll_at <= now)
    )
    counted = {
        "subscribers": subscriber,
        "subscriptions": subscription,
        "parcels": parcel,
        "orders": shop_order,
    }
    rows: list[Sequence[Cell]] = [
        *((what, row_counts.total(connection, table)) for what, table in counted.items()),
        ("polls due", connection.execute(due).scalar_one()),
        ("oldest unread mail", inbound.oldest_waiting(connection)),
        ("oldest due notice", notice_counts.oldest_due(connection, now)),
    ]
    return Table("Store", ("what", "how many"), rows)


def words(connection: Connection) -> Table:
    """Return how many of the latest events of each carrier no phrase file knew."""
    latest = (
        select(wording.c.source, wording.c.milestone)
        .join(tracking_event, tracking_event.c.wording_id == wording.c.id)
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
        (carrier, events, unknown, unknown / events)
        for carrier, events, unknown in connection.execute(query)
    ]
    return Table("Words", ("carrier", "events", "unknown", "share"), rows)


def recount(found: Iterable[row_counts.Difference]) -> Table:
    """Return what a full count found that the kept counts said otherwise."""
    columns = ("table", "labels", "kept", "counted")
    rows = [
        (
            one.table.name,
            ",".join(row_counts.words_of(one.table, one.labels)),
            one.kept,
            one.counted,
        )
        for one in found
    ]
    return Table("Recount", columns, rows)


def unmapped_list(connection: Connection, limit: int) -> Table:
    """Return the codes and texts that no phrase file knows, most frequent first."""
    query = select(unmapped).order_by(unmapped.c.times.desc()).limit(limit)
    rows = [(row.carrier, row.code, row.text, row.times) for row in connection.execute(query)]
    return Table("Unmapped", ("carrier", "code", "text", "times"), rows)


def forecast_list(connection: Connection) -> Table:
    """Return how well promises were kept at each milestone, in its order, and in all.

    The mean width is in days, and so are the mean pinball losses of the estimate, of the days
    that the shop publishes and of the mean of the stage; `ratio` is the first of them divided
    by the better one of the others. `best_coverage` and `best_width` are what the shortest
    intervals in whole days would have had in hindsight, one for each lane.
    """
    scores = promises.scores(connection)
    seen = stage_tallies.read(connection).by_stage
    kept: list[tuple[str, Score, Kept]] = [
        (milestone, scores[milestone], hindsight(seen.get((milestone, Measure.DELIVERY), ())))
        for milestone in sorted(scores, key=lambda milestone: STAGES[milestone].rank)
    ]
    if kept:
        in_all = sum((one for _, one, _ in kept), Score()), sum((one for *_, one in kept), Kept())
        kept.append(("all", *in_all))
    columns = (
        *("milestone", "promises", "coverage", "width", "best_coverage", "best_width"),
        *("loss", "published", "mean", "ratio"),
    )
    return Table("Forecasts", columns, [_forecast_row(*one) for one in kept])


def _forecast_row(name: str, score: Score, best: Kept) -> Sequence[Cell]:
    return (
        name,
        score.count,
        score.coverage,
        rounded(score.mean_width),
        best.coverage if best.count else None,
        rounded(best.mean_width) if best.count else None,
        *(
            rounded(loss / score.count)
            for loss in (score.loss, score.published_loss, score.mean_loss)
        ),
        rounded(score.ratio),
    )


def carrier_list(
    health: Mapping[str, CarrierHealth] | None,
    off: Iterable[tuple[Declaration, str | None]],
    now: datetime,
) -> Table:
    """Return every carrier: on, or off and why, with its budget of the day and its answers.

    `health`: how each does that was ever asked, None where no store can tell. `off`: why each
    is off, None where it is on; how it answered once is no state of what is not asked.
    """
    rows: list[Sequence[Cell]] = []
    for declaration, why in off:
        code, per_day = declaration.code, declaration.budget.per_day
        seen = (health or {}).get(code)
        if why is not None or health is None:
            rows.append((code, why or "on", None, None, None, None, "", None))
        elif seen is None:
            rows.append((code, "on", 0, per_day, None, None, "", None))
        else:
            until = seen.allowance.blocked_until
            silent = until if until and until > now else None
            today = spent_today(seen.allowance, now)
            at = seen.last_error_at if seen.last_error else None
            rows.append((code, "on", today, per_day, silent, seen.last_ok_at, seen.last_error, at))
    columns = ("carrier", "state", "today", "per day", "left alone until", "answered")
    return Table("Carriers", (*columns, "last error", "failed"), rows)
