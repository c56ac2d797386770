"""`/metrics`: counted in the store at every scrape, so that all processes count as one.

Of what the settings name now: no mailbox and no carrier that was given up.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TypeAlias

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import ColumnElement, Connection, func, select

from mailtrack.domain.budget import spent_today
from mailtrack.domain.sending_policy import DAY
from mailtrack.errors import MailtrackError
from mailtrack.jobs.broker import QUEUES, standing_still, waiting
from mailtrack.jobs.liveness import count_workers
from mailtrack.runtime.services import Services
from mailtrack.store import (
    budgets,
    channel_notices,
    channels,
    leg_claims,
    mailboxes,
    notice_counts,
    promises,
    relays,
    row_counts,
)
from mailtrack.store import inbound as mails
from mailtrack.store.schema import inbound, leg, notice, parcel, unmapped
from mailtrack.web.health import unending_mails

#: The values of a series' labels, and its figure.
Figure: TypeAlias = tuple[Sequence[str], float]


def render(services: Services) -> bytes:
    """Return the metrics in Prometheus' text form."""
    registry = CollectorRegistry()
    registry.register(_Store(services))
    return generate_latest(registry)


class _Store(Collector):
    """Reads every figure from the store."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def describe(self) -> list[Metric]:
        return []  # nothing is read before the first scrape

    def collect(self) -> Iterator[Metric]:
        now = self._services.clock.now()
        with self._services.store.read() as connection:
            yield from _work(connection, self._services, now)
            yield from _other_sides(connection, self._services, now)
            yield from _channels(connection)
            yield from _forecasts(connection)
        yield from _queues(self._services)


def _work(connection: Connection, services: Services, now: datetime) -> Iterator[Metric]:
    """Count what came, what is owed, what is due and what fails."""

    def count(which: ColumnElement[bool]) -> int:
        return connection.execute(select(func.count()).where(which)).scalar_one()

    outcomes = mails.by_outcome(connection).items()
    yield _gauge("mailtrack_mails", "Inbound mails.", ["outcome"], (([o], n) for o, n in outcomes))
    owed = notice_counts.by_kind(connection).items()
    yield _gauge("mailtrack_notices", "Notices.", ["kind", "state", "why"], owed)
    by_milestone = row_counts.by_labels(connection, parcel).items()
    stages = (([stage or "none"], n) for (stage,), n in by_milestone)
    yield _gauge("mailtrack_parcels", "Parcels.", ["milestone"], stages)

    ours = leg.c.carrier.in_(services.on)
    is_due = ours & (leg.c.next_poll_at <= now)
    yield _gauge("mailtrack_polls_due", "Legs whose next poll is due.", [], [([], count(is_due))])
    oldest = select(func.min(leg.c.next_poll_at)).where(is_due)
    waiting_since = {
        "unread_mail": mails.oldest_waiting(connection),
        "due_notice": notice_counts.oldest_due(connection, now),
        "due_poll": connection.execute(oldest).scalar_one(),
    }
    ages = (([what], _seconds(since, now)) for what, since in waiting_since.items())
    yield _gauge("mailtrack_oldest_seconds", "Age of what waits longest.", ["what"], ages)

    yield _gauge(
        "mailtrack_mails_unending",
        "Mails that are begun again and again and never end: a reader hangs.",
        [],
        [([], unending_mails(connection, services))],
    )
    again = {
        "mail": inbound.c.outcome.is_(None) & (inbound.c.attempts > 0),
        "notice": (notice.c.state == "due") & (notice.c.attempts > 0),
    }
    failing = leg_claims.count_failing(connection)
    polls = (["poll"], sum(failing[carrier] for carrier in services.on))
    retrying = [*(([what], count(which)) for what, which in again.items()), polls]
    yield _gauge(
        "mailtrack_retrying", "Work that failed before and is due again.", ["what"], retrying
    )


def _other_sides(connection: Connection, services: Services, now: datetime) -> Iterator[Metric]:
    """Tell how the mailbox, the relay and the carriers do, and what of theirs no phrase maps."""
    health = budgets.health(connection)
    asked = {code: health[code] for code in sorted(services.on & health.keys())}
    watched = mailboxes.present(connection, services.settings.inbox.place_if_set)
    # One series, also where watchers of several mailboxes share a store: the worst of them.
    in_step = [one.last_ok_at for one in watched if one.last_ok_at is not None]
    last_ok = {
        "mailbox": min(in_step, default=None),
        "relay": notice_counts.last_sent(connection),
        **{code: carrier.last_ok_at for code, carrier in asked.items()},
    }
    # What never answered has no age, and nought would be the best of all.
    ages = (([source], _seconds(at, now)) for source, at in last_ok.items() if at is not None)
    yield _gauge(
        "mailtrack_last_success_seconds", "Since a source last answered.", ["source"], ages
    )

    refusing = relays.refusing(connection, services.settings.smtp.place, now)
    yield _gauge(
        "mailtrack_relay_refusing_seconds",
        "Since when the relay takes no mail of ours; whose: limit, policy, credentials …",
        ["whose"],
        [([refusing.whose], _seconds(refusing.since, now))] if refusing is not None else [],
    )
    yield _gauge(
        "mailtrack_mails_in_a_day",
        "Mails that the relay took within the last 24 hours.",
        [],
        [([], notice_counts.sent_within(connection, now - DAY, now))],
    )

    budget = {code: carrier.allowance for code, carrier in asked.items()}
    spent = (([code], spent_today(one, now)) for code, one in budget.items())
    failures = (([code], one.failures) for code, one in budget.items())
    silence = (([c], _seconds(now, one.blocked_until or now)) for c, one in budget.items())
    yield _gauge(
        "mailtrack_carrier_requests_today", "Requests of today's budget.", ["carrier"], spent
    )
    yield _gauge("mailtrack_carrier_failures", "Failures in a row.", ["carrier"], failures)
    yield _gauge(
        "mailtrack_carrier_silence_seconds", "How long it will not be asked.", ["carrier"], silence
    )
    times = connection.execute(select(func.coalesce(func.sum(unmapped.c.times), 0))).scalar_one()
    yield _gauge("mailtrack_unmapped", "Events that no phrase maps.", [], [([], times)])


def _channels(connection: Connection) -> Iterator[Metric]:
    """Count what goes elsewhere than by mail."""
    in_use = (([kind], number) for kind, number in channels.count_on(connection).items())
    yield _gauge("mailtrack_channels", "Channels in use.", ["kind"], in_use)
    owed = channel_notices.by_state(connection).items()
    what = "Notices to channels."
    yield _gauge("mailtrack_channel_notices", what, ["kind", "state", "why"], owed)


def _forecasts(connection: Connection) -> Iterator[Metric]:
    """Tell how well the expected dates were kept; see `domain.forecast_score`."""
    scores = promises.scores(connection)
    for name, what, figure in (
        ("promises", "Expected dates of parcels that were delivered.", "count"),
        ("coverage", "Share of them that held; 0.8 is aimed at.", "coverage"),
        ("width_days", "How wide the intervals were, in the mean.", "mean_width"),
    ):
        figures = (([milestone], getattr(one, figure)) for milestone, one in scores.items())
        yield _gauge(f"mailtrack_forecast_{name}", what, ["milestone"], figures)
    losses = (
        ([milestone, whose], loss / one.count)
        for milestone, one in scores.items()
        for whose, loss in (
            ("estimate", one.loss),
            ("published", one.published_loss),
            ("mean", one.mean_loss),
        )
    )
    yield _gauge(
        "mailtrack_forecast_loss_days",
        "Mean pinball loss of the estimate, of the published days and of the mean of the stage.",
        ["milestone", "whose"],
        losses,
    )


def _queues(services: Services) -> Iterator[Metric]:
    """Count workers and messages; without Redis, nothing is told: `/readyz` says why."""
    workers: list[Figure] = []
    still: list[Figure] = []
    queued: list[Figure] = []
    with suppress(MailtrackError):
        workers.append(([], count_workers(services.broker)))
        still += [([queue], s) for queue, s in standing_still(services.broker).items()]
        queued.extend(([queue], waiting(services.broker, queue)) for queue in QUEUES)
    yield _gauge(
        "mailtrack_queue_messages", "Messages that no worker has taken.", ["queue"], queued
    )
    yield _gauge(
        "mailtrack_queue_still_seconds",
        "For how long nothing was begun or done, while something waits.",
        ["queue"],
        still,
    )
    yield _gauge("mailtrack_workers", "Workers that are there.", [], workers)


def _gauge(name: str, what: str, labels: Sequence[str], figures: Iterable[Figure]) -> Metric:
    """Return one metric with a series for each figure; `labels` name what tells them apart."""
    gauge = GaugeMetricFamily(name, what, labels=labels)
    for values, figure in figures:
        gauge.add_metric(values, figure)
    return gauge


def _seconds(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
