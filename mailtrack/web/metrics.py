"""`/metrics`: counted in the store at every scrape, so that all processes count as one.

Of what the settings name now: no mailbox and no carrier that was given up.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, func, select

from mailtrack.domain.budget import spent_today
from mailtrack.domain.sending_policy import DAY
from mailtrack.errors import MailtrackError
from mailtrack.jobs.broker import QUEUES, standing_still, waiting
from mailtrack.jobs.liveness import count_workers
from mailtrack.runtime.services import Services
from mailtrack.store import budgets, mailboxes, notice_counts, relays
from mailtrack.store import inbound as mails
from mailtrack.store.budgets import CarrierHealth
from mailtrack.store.mailboxes import MailboxStatus
from mailtrack.store.schema import inbound, leg, notice, parcel, unmapped
from mailtrack.web.health import unending_mails


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
        services, now = self._services, self._services.clock.now()
        with services.store.read() as connection:
            yield from _work(connection, services.on, now)
            yield _unending(connection, services)
            yield _retries(connection, services.on)
            health = budgets.health(connection)
            asked = {code: health[code] for code in sorted(services.on & health.keys())}
            watched = mailboxes.present(connection, services.settings.inbox.place_if_set)
            yield _sources(connection, watched, asked, now)
            yield from _relay(connection, services.settings.smtp.place, now)
            yield from _carriers(asked, now)
            yield _unmapped(connection)
        yield from _queues(services)


def _work(connection: Connection, on: Collection[str], now: datetime) -> Iterator[Metric]:
    read = GaugeMetricFamily("mailtrack_mails", "Inbound mails.", labels=["outcome"])
    for outcome, times in mails.by_outcome(connection).items():
        read.add_metric([outcome], times)
    yield read
    owed = GaugeMetricFamily("mailtrack_notices", "Notices.", labels=["kind", "state", "why"])
    for labels, times in notice_counts.by_kind(connection).items():
        owed.add_metric(labels, times)
    yield owed
    parcels = GaugeMetricFamily("mailtrack_parcels", "Parcels.", labels=["milestone"])
    by_milestone = select(parcel.c.milestone, func.count()).group_by(parcel.c.milestone)
    for milestone, times in connection.execute(by_milestone):
        parcels.add_metric([milestone or "none"], times)
    yield parcels
    is_due = leg.c.carrier.in_(on) & (leg.c.next_poll_at <= now)
    due = select(func.count()).select_from(leg).where(is_due)
    yield GaugeMetricFamily(
        "mailtrack_polls_due", "Legs whose next poll is due.", connection.execute(due).scalar_one()
    )
    oldest = select(func.min(leg.c.next_poll_at)).where(is_due)
    ages = {
        "unread_mail": mails.oldest_waiting(connection),
        "due_notice": notice_counts.oldest_due(connection, now),
        "due_poll": connection.execute(oldest).scalar_one(),
    }
    age = GaugeMetricFamily(
        "mailtrack_oldest_seconds", "Age of what waits longest.", labels=["what"]
    )
    for what, since in ages.items():
        age.add_metric([what], _seconds(since, now))
    yield age


def _unending(connection: Connection, services: Services) -> Metric:
    return GaugeMetricFamily(
        "mailtrack_mails_unending",
        "Mails that are begun again and again and never end: a reader hangs.",
        unending_mails(connection, services),
    )


def _retries(connection: Connection, on: Collection[str]) -> Metric:
    """Count what failed before and is due again."""
    retrying = GaugeMetricFamily(
        "mailtrack_retrying", "Work that failed before and is due again.", labels=["what"]
    )
    again = {
        "mail": inbound.c.outcome.is_(None) & (inbound.c.attempts > 0),
        "poll": leg.c.carrier.in_(on) & leg.c.next_poll_at.is_not(None) & (leg.c.failures > 0),
        "notice": (notice.c.state == "due") & (notice.c.attempts > 0),
    }
    for what, which in again.items():
        retrying.add_metric(
            [what], connection.execute(select(func.count()).where(which)).scalar_one()
        )
    return retrying


def _sources(
    connection: Connection,
    watched: Collection[MailboxStatus],
    asked: Mapping[str, CarrierHealth],
    now: datetime,
) -> Metric:
    last_ok = GaugeMetricFamily(
        "mailtrack_last_success_seconds", "Since a source last answered.", labels=["source"]
    )
    # One series, also where watchers of several mailboxes share a store: the worst of them.
    in_step = [one.last_ok_at for one in watched if one.last_ok_at is not None]
    _add_age(last_ok, "mailbox", min(in_step, default=None), now)
    sent_at = connection.execute(select(func.max(notice.c.sent_at))).scalar_one()
    _add_age(last_ok, "relay", sent_at, now)
    for code, health in asked.items():
        _add_age(last_ok, code, health.last_ok_at, now)
    return last_ok


def _relay(connection: Connection, name: str, now: datetime) -> Iterator[Metric]:
    """Tell since when the relay refuses us, and how many mails left within a day."""
    refusing = GaugeMetricFamily(
        "mailtrack_relay_refusing_seconds",
        "Since when the relay takes no mail of ours; whose: limit, policy, credentials …",
        labels=["whose"],
    )
    state = relays.refusing(connection, name, now)
    if state is not None:
        refusing.add_metric([state.whose], _seconds(state.since, now))
    yield refusing
    yield GaugeMetricFamily(
        "mailtrack_mails_in_a_day",
        "Mails that the relay took within the last 24 hours.",
        notice_counts.sent_within(connection, now - DAY, now),
    )


def _carriers(asked: Mapping[str, CarrierHealth], now: datetime) -> Iterator[Metric]:
    spent = GaugeMetricFamily(
        "mailtrack_carrier_requests_today", "Requests of today's budget.", labels=["carrier"]
    )
    failures = GaugeMetricFamily(
        "mailtrack_carrier_failures", "Failures in a row.", labels=["carrier"]
    )
    silence = GaugeMetricFamily(
        "mailtrack_carrier_silence_seconds", "How long it will not be asked.", labels=["carrier"]
    )
    for code, health in asked.items():
        allowance = health.allowance
        spent.add_metric([code], spent_today(allowance, now))
        failures.add_metric([code], allowance.failures)
        silence.add_metric([code], _seconds(now, allowance.blocked_until or now))
    yield from (spent, failures, silence)


def _unmapped(connection: Connection) -> Metric:
    times = select(func.coalesce(func.sum(unmapped.c.times), 0))
    return GaugeMetricFamily(
        "mailtrack_unmapped", "Events that no phrase maps.", connection.execute(times).scalar_one()
    )


def _queues(services: Services) -> Iterator[Metric]:
    """Count workers and messages; without Redis, nothing is told: `/readyz` says why."""
    queues = GaugeMetricFamily(
        "mailtrack_queue_messages", "Messages that no worker has taken.", labels=["queue"]
    )
    still = GaugeMetricFamily(
        "mailtrack_queue_still_seconds",
        "For how long nothing was begun or done, while something waits.",
        labels=["queue"],
    )
    workers = GaugeMetricFamily("mailtrack_workers", "Workers that are there.", labels=[])
    with suppress(MailtrackError):
        workers.add_metric([], count_workers(services.broker))
        for queue, seconds in standing_still(services.broker).items():
            still.add_metric([queue], seconds)
        for queue in QUEUES:
            queues.add_metric([queue], waiting(services.broker, queue))
    yield from (queues, still, workers)


def _add_age(metric: GaugeMetricFamily, source: str, since: datetime | None, now: datetime) -> None:
    """Add an age; what never answered has none, and nought would be the best of all."""
    if since is not None:
        metric.add_metric([source], _seconds(since, now))


def _seconds(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
