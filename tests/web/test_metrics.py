"""The figures that an operator watches, and the example rules that watch them."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from sqlalchemy import insert, update

from mailtrack.clock import FakeClock
from mailtrack.inbox.mail_store import FetchedMail, SqlMailStore, WatcherState
from mailtrack.runtime.services import Services
from mailtrack.settings import CarrierSettings
from mailtrack.store import budgets, notices, relays
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription
from mailtrack.web import metrics
from mailtrack.web.app import make_app
from tests.web.conftest import FakeBroker

DOCS = Path(__file__).parents[2] / "docs"
DASHBOARD = json.loads((DOCS / "grafana.json").read_text(encoding="utf-8"))
RULES = yaml.safe_load((DOCS / "alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]


@pytest.fixture
def lived_in(
    services: Services, store: Store, clock: FakeClock, follow: Callable[..., Subscription]
) -> Services:
    """A service that has done a bit of everything, and failed a bit."""
    mine = follow()
    vars(services)["broker"] = FakeBroker({"ingest": 3, "mail": 1}, still_s=90, workers=2)
    mail_store = SqlMailStore(store, clock)
    mail_store.keep("colis@host", "INBOX", 1, FetchedMail(1, b"x", clock.now()))
    with store.write() as connection:
        budgets.take(connection, "cainiao", 2, per_second=10, per_day=100, now=clock.now())
        budgets.note_error(connection, "cainiao", "refused", clock.now(), silence_s=7200)
        notices.owe_follower(connection, mine.id, "stalled", occurrence="1", now=clock.now())
        notices.owe_follower(connection, mine.id, "registered", occurrence="1", now=clock.now())
        smtp = services.settings.smtp
        relays.refused(connection, smtp.place, "limit", "enough", clock.now(), lasting=True)
        kept = {"parcels": 4, "held": 3, "width": 20, "loss": 4, "published_loss": 8}
        kept |= {"mean_loss": 6}
        connection.execute(insert(t.forecast_score).values(milestone="in_transit", **kept))
        connection.execute(update(t.inbound).values(attempts=1))
        connection.execute(update(t.leg).values(failures=2))
        connection.execute(update(t.notice).where(t.notice.c.kind == "stalled").values(attempts=1))
        connection.execute(
            update(t.notice)
            .where(t.notice.c.kind == "registered")
            .values(state="sent", sent_at=clock.now())
        )
    clock.advance(seconds=90)
    return services


def _lines(services: Services) -> list[str]:
    return metrics.render(services).decode().splitlines()


def test_queues_retries_and_sources_are_counted(lived_in: Services) -> None:
    expected = {
        'mailtrack_queue_messages{queue="ingest"} 3.0',
        'mailtrack_queue_messages{queue="mail"} 1.0',
        'mailtrack_queue_still_seconds{queue="mail"} 90.0',
        'mailtrack_queue_still_seconds{queue="poll"} 0.0',
        "mailtrack_workers 2.0",
        "mailtrack_mails_unending 0.0",
        'mailtrack_retrying{what="mail"} 1.0',
        'mailtrack_retrying{what="poll"} 1.0',
        'mailtrack_retrying{what="notice"} 1.0',
        'mailtrack_last_success_seconds{source="relay"} 90.0',
        'mailtrack_oldest_seconds{what="due_poll"} 90.0',
        'mailtrack_carrier_requests_today{carrier="cainiao"} 2.0',
        'mailtrack_carrier_failures{carrier="cainiao"} 1.0',
        'mailtrack_carrier_silence_seconds{carrier="cainiao"} 7110.0',
        'mailtrack_relay_refusing_seconds{whose="limit"} 90.0',
        "mailtrack_mails_in_a_day 1.0",
        'mailtrack_forecast_promises{milestone="in_transit"} 4.0',
        'mailtrack_forecast_coverage{milestone="in_transit"} 0.75',
        'mailtrack_forecast_width_days{milestone="in_transit"} 5.0',
        'mailtrack_forecast_loss_days{milestone="in_transit",whose="estimate"} 1.0',
        'mailtrack_forecast_loss_days{milestone="in_transit",whose="published"} 2.0',
        'mailtrack_forecast_loss_days{milestone="in_transit",whose="mean"} 1.5',
    }

    assert set() == expected - {*_lines(lived_in)}


def test_without_redis_everything_else_is_still_told(lived_in: Services) -> None:
    vars(lived_in)["broker"] = FakeBroker(error="refused")
    lines = _lines(lived_in)

    assert 'mailtrack_mails{outcome="waiting"} 1.0' in lines
    assert not [line for line in lines if line.startswith("mailtrack_queue_messages{")]


def test_a_mailbox_without_new_mail_is_no_silent_one(
    lived_in: Services, store: Store, clock: FakeClock
) -> None:
    """The folder is searched every few minutes: that is the sign of life, not a mail."""
    SqlMailStore(store, clock).note_state("colis@host", "INBOX", WatcherState.IDLING, "")

    assert 'mailtrack_last_success_seconds{source="mailbox"} 0.0' in _lines(lived_in)


def test_a_watcher_that_waits_for_its_server_leaves_the_mailbox_silent(
    lived_in: Services, store: Store, clock: FakeClock
) -> None:
    SqlMailStore(store, clock).note_state("colis@host", "INBOX", WatcherState.WAITING, "away")

    assert 'mailtrack_last_success_seconds{source="mailbox"} 90.0' in _lines(lived_in)


@pytest.mark.parametrize("other", [("former@host", "INBOX"), ("colis@host", "Former")])
def test_a_former_mailbox_is_no_series_beside_the_one_of_today(
    lived_in: Services, store: Store, clock: FakeClock, other: tuple[str, str]
) -> None:
    """A series that comes twice breaks the whole scrape."""
    SqlMailStore(store, clock).note_state(*other, WatcherState.IDLING, "")
    clock.advance(seconds=10)

    told = [line for line in _lines(lived_in) if 'source="mailbox"' in line]
    assert ['mailtrack_last_success_seconds{source="mailbox"} 100.0'] == told


def test_no_series_ever_comes_twice(lived_in: Services, store: Store, clock: FakeClock) -> None:
    for account in ("colis@host", "former@host", "other@host"):
        for folder in ("INBOX", "Former"):
            SqlMailStore(store, clock).note_state(account, folder, WatcherState.IDLING, "")

    series = [line.rpartition(" ")[0] for line in _lines(lived_in) if not line.startswith("#")]
    assert len(series) == len(set(series))


def test_a_carrier_that_is_switched_off_has_no_figures(lived_in: Services) -> None:
    off = {"cainiao": CarrierSettings(enabled=False)}
    settings = lived_in.settings.model_copy(update={"carriers": off})
    without = replace(lived_in, settings=settings)
    vars(without).update(store=lived_in.store, clock=lived_in.clock, broker=lived_in.broker)

    before, after = _lines(lived_in), _lines(without)
    assert "mailtrack_polls_due 1.0" in before
    assert "mailtrack_polls_due 0.0" in after
    assert ['mailtrack_retrying{what="poll"} 0.0'] == [
        line for line in after if line.startswith('mailtrack_retrying{what="poll"}')
    ]
    assert [] == [line for line in after if "cainiao" in line]


def test_every_rule_watches_a_figure_that_is_there_and_is_explained(lived_in: Services) -> None:
    told = {line.partition("{")[0].partition(" ")[0] for line in _lines(lived_in)}
    watched = {rule["alert"]: {*re.findall(r"mailtrack_\w+", rule["expr"])} for rule in RULES}
    explanations = (DOCS / "operate.md").read_text(encoding="utf-8")

    assert {} == {alert: figures - told for alert, figures in watched.items() if figures - told}
    assert [] == [alert for alert in watched if f"| `{alert}` |" not in explanations]


def test_no_alarm_is_explained_that_does_not_exist() -> None:
    explained = re.findall(
        r"^\| `(Mailtrack\w+)`", (DOCS / "operate.md").read_text("utf-8"), re.MULTILINE
    )

    assert [rule["alert"] for rule in RULES] == explained


def _queries() -> dict[str, list[str]]:
    """Return what each panel of the dashboard asks Prometheus, by its title."""
    return {
        panel["title"]: [target["expr"] for target in panel["targets"]]
        for panel in DASHBOARD["panels"]
    }


def test_the_dashboard_draws_every_figure_and_no_other(lived_in: Services) -> None:
    told = {line.split()[2] for line in _lines(lived_in) if line.startswith("# TYPE mailtrack_")}
    asked = [query for queries in _queries().values() for query in queries]

    assert told == set(re.findall(r"mailtrack_\w+", " ".join(asked)))
    assert 'up{job="mailtrack"}' in " ".join(asked)


def test_no_panel_has_a_line_for_each_process_and_carriers_are_ten_at_most() -> None:
    """Every process tells all figures; a service may know two dozen carriers."""
    for title, queries in _queries().items():
        for query in queries:
            assert re.match(r"(topk\(10, )?(max|min|sum|avg)( by \(\w+\) )?\(", query), title
            many = re.search(r"by \((source|carrier|why)\)", query)
            assert bool(many) == query.startswith("topk(10, "), title


def test_panels_are_told_apart_and_stand_beside_each_other() -> None:
    panels = DASHBOARD["panels"]
    cells = [
        (x, y)
        for at in (panel["gridPos"] for panel in panels)
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]

    assert len(panels) == len({panel["id"] for panel in panels}) == len(_queries())
    assert len(cells) == len(set(cells))
    assert 24 > max(x for x, _ in cells)
    assert {"${source}"} == {panel["datasource"]["uid"] for panel in panels}
    assert all(panel["description"] for panel in panels)


@pytest.mark.parametrize(("setting", "page"), [("metrics", "/metrics"), ("ready", "/readyz")])
def test_what_is_for_the_operator_is_served_only_where_configured(
    lived_in: Services, setting: str, page: str
) -> None:
    def routes(on: bool) -> set[str]:
        web = lived_in.settings.web.model_copy(update={setting: on})
        changed = replace(lived_in, settings=lived_in.settings.model_copy(update={"web": web}))
        return {getattr(route, "path", "") for route in make_app(changed).routes}

    assert {page} == routes(True) - routes(False)
