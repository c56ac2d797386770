"""The calendar that a person asks for: read by programs again and again, theirs to renew."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest
from ical.calendar_stream import IcsCalendarStream
from ical.event import Event
from selectolax.lexbor import LexborHTMLParser

from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.jobs.housekeeping import CALENDAR_LASTS
from mailtrack.notify.links import Purpose
from mailtrack.runtime.services import Services
from mailtrack.store import orders, personal_data, subscriptions
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.subscriptions import Subscription

Ask = Callable[..., httpx.Response]
Rows = Callable[..., list[Mapping[str, Any]]]

EXPECTED = date(2026, 3, 6)
ORDER = "3054169918880001"


@pytest.fixture
def mine(follow: Callable[..., Subscription], store: Store, clock: FakeClock) -> Subscription:
    """Ana's parcel, which AliExpress sold today and expects on a day."""
    mine = follow()
    with store.write() as connection:
        now = clock.now()
        bought = orders.order_of(connection, mine.subscriber, ORDER, "aliexpress", now.date(), now)
        assert mine.parcel is not None
        orders.join_parcel(connection, bought, mine.parcel)
        subscriptions.expect(connection, mine.id, EXPECTED, "aliexpress")
        subscriptions.save_states(connection, {mine.id: (Milestone.IN_TRANSIT, now, None)})
    return mine


@pytest.fixture
def press(ask: Ask, link: Callable[..., str], mine: Subscription) -> Callable[..., str]:
    """Press a button on the page of preferences; return the address of the calendar, or ""."""

    def make(action: str, **fields: str) -> str:
        form = {"do": action, **fields}
        page = ask(link(Purpose.PREFERENCES, mine.subscriber), "POST", data=form)
        assert 200 == page.status_code
        shown = LexborHTMLParser(page.text).css_first(".copied")
        return shown.text() if shown else ""

    return make


@pytest.fixture
def keep_up(services: Services, clock: FakeClock) -> Callable[..., None]:
    """Let time pass, with a round of housekeeping at its end."""

    def make(**time: float) -> None:
        clock.advance(**time)
        services.housekeeping().run()

    return make


@pytest.fixture
def read(ask: Ask) -> Callable[[str], dict[str, Event]]:
    """Read a calendar with another library: its events by the first words of their titles."""

    def make(address: str) -> dict[str, Event]:
        answer = ask(address)
        assert (200, "text/calendar; charset=utf-8") == (
            answer.status_code,
            answer.headers["content-type"],
        )
        events = IcsCalendarStream.calendar_from_ics(answer.text).events
        return {str(event.summary).partition("\u00a0")[0]: event for event in events}

    return make


def _expect(store: Store, mine: Subscription, day: date) -> None:
    with store.write() as connection:
        subscriptions.expect(connection, mine.id, day, "aliexpress")


def test_nobody_has_a_calendar_who_did_not_ask_for_it(
    ask: Ask, link: Callable[..., str], mine: Subscription, rows: Rows
) -> None:
    page = ask(link(Purpose.PREFERENCES, mine.subscriber)).text

    assert [] == rows(t.calendar)
    assert "/k/" not in page
    assert "Créer mon agenda" in page


def test_a_click_makes_one_with_all_that_is_known(
    press: Callable[..., str], read: Callable[[str], dict[str, Event]], rows: Rows
) -> None:
    address = press("calendar")
    found = read(address)

    assert address.endswith(".ics")
    assert {
        "Livraison prévue": EXPECTED,
        "Fin de la protection": date(2026, 5, 1),
        "Dernier jour pour un litige": date(2026, 5, 16),
    } == {title: event.dtstart for title, event in found.items()}
    assert {timedelta(days=1)} == {event.computed_duration for event in found.values()}
    assert "Livraison prévue\u00a0: Lampe de bureau" == found["Livraison prévue"].summary


def test_the_page_offers_it_to_the_calendar_program_of_a_telephone(
    ask: Ask, link: Callable[..., str], press: Callable[..., str], mine: Subscription
) -> None:
    address = press("calendar")
    page = LexborHTMLParser(ask(link(Purpose.PREFERENCES, mine.subscriber)).text)

    assert [f"webcal:{address.partition(':')[2]}"] == [
        a.attributes["href"] for a in page.css("a.button")
    ]
    assert address == press("calendar"), "a second click changes nothing"


def test_it_names_nobody_and_leads_to_no_page_of_theirs(
    ask: Ask, press: Callable[..., str], mine: Subscription, rows: Rows
) -> None:
    content = ask(press("calendar")).text
    uids = [event["key"] for event in rows(t.calendar_event)]
    keys = [row["key"] for table in (t.subscriber, t.subscription) for row in rows(table)]

    assert [] == [word for word in ("ana", "example.org", "http", *keys) if word in content]
    assert all(f"UID:{uid}\r\n" in content for uid in uids)


def test_another_day_is_the_same_event_once_more_changed(
    press: Callable[..., str],
    read: Callable[[str], dict[str, Event]],
    keep_up: Callable[..., None],
    store: Store,
    clock: FakeClock,
    mine: Subscription,
) -> None:
    address, made_at = press("calendar"), clock.now()
    before = read(address)
    _expect(store, mine, date(2026, 3, 9))
    keep_up(hours=2)
    after = read(address)

    assert before.keys() == after.keys()
    assert {e.uid for e in before.values()} == {e.uid for e in after.values()}
    moved = after.pop("Livraison prévue")
    assert (date(2026, 3, 9), 1) == (moved.dtstart, moved.sequence)
    assert clock.now() == moved.dtstamp == moved.last_modified
    assert {(0, made_at, made_at)} == {
        (e.sequence, e.dtstamp, e.last_modified) for e in after.values()
    }


def test_another_name_is_a_change_of_words_and_not_of_days(
    press: Callable[..., str],
    read: Callable[[str], dict[str, Event]],
    keep_up: Callable[..., None],
    store: Store,
    clock: FakeClock,
) -> None:
    address = press("calendar")
    with store.write() as connection:
        connection.execute(t.subscription.update().values(titles="Lampe du salon"))
    keep_up(hours=2)

    event = read(address)["Livraison prévue"]
    assert "Livraison prévue\u00a0: Lampe du salon" == event.summary
    assert (0, clock.now()) == (event.sequence, event.last_modified)


def test_what_is_known_reaches_the_calendar_within_the_hour(
    press: Callable[..., str],
    read: Callable[[str], dict[str, Event]],
    keep_up: Callable[..., None],
    store: Store,
    mine: Subscription,
) -> None:
    address = press("calendar")
    _expect(store, mine, date(2026, 3, 9))

    keep_up(minutes=10)
    assert EXPECTED == read(address)["Livraison prévue"].dtstart
    keep_up(seconds=CALENDAR_LASTS.total_seconds())
    assert date(2026, 3, 9) == read(address)["Livraison prévue"].dtstart


def test_a_program_that_has_it_already_is_told_so(
    ask: Ask,
    press: Callable[..., str],
    keep_up: Callable[..., None],
    store: Store,
    mine: Subscription,
) -> None:
    address = press("calendar")
    tag = ask(address).headers["etag"]
    keep_up(hours=20)
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = ask(address, headers={"If-None-Match": known})
        assert (304, b"", tag) == (answer.status_code, answer.content, answer.headers["etag"])
    assert "private, no-cache" == answer.headers["cache-control"]
    assert "noindex, nofollow" == answer.headers["x-robots-tag"]

    _expect(store, mine, date(2026, 3, 9))
    keep_up(hours=2)
    answer = ask(address, headers={"If-None-Match": tag})
    assert 200 == answer.status_code
    assert tag != answer.headers["etag"]


def test_an_estimate_is_an_interval_that_moves_only_where_its_days_do(
    press: Callable[..., str],
    read: Callable[[str], dict[str, Event]],
    keep_up: Callable[..., None],
    store: Store,
) -> None:
    with store.write() as connection:
        connection.execute(t.subscription.update().values(expected_on=None, expected_by=None))
    address = press("calendar")
    seen = [read(address)["Livraison estimée"]]
    for _ in range(20):
        keep_up(days=2)
        seen.append(read(address)["Livraison estimée"])

    assert 1 == len({event.uid for event in seen})
    assert min(event.computed_duration for event in seen) > timedelta(days=1)
    for before, after in pairwise(seen):
        moved = (before.dtstart, before.dtend) != (after.dtstart, after.dtend)
        assert moved == (after.sequence == (before.sequence or 0) + 1)
        assert moved == (after.dtstamp > before.dtstamp)
    assert 0 < (seen[-1].sequence or 0) < 20


def test_a_delivery_takes_back_the_day_that_was_ahead(
    press: Callable[..., str],
    read: Callable[[str], dict[str, Event]],
    keep_up: Callable[..., None],
    store: Store,
    clock: FakeClock,
    mine: Subscription,
) -> None:
    address = press("calendar")
    clock.advance(days=1)
    with store.write() as connection:
        subscriptions.save_states(connection, {mine.id: (Milestone.DELIVERED, clock.now(), None)})
    keep_up()

    assert {"Dernier jour pour un litige": date(2026, 3, 18)} == {
        title: event.dtstart for title, event in read(address).items()
    }


def test_a_last_day_that_has_passed_can_be_looked_up_for_a_month(
    press: Callable[..., str],
    read: Callable[[str], dict[str, Event]],
    keep_up: Callable[..., None],
    store: Store,
    clock: FakeClock,
    mine: Subscription,
) -> None:
    waits = "Dernier jour de retrait"
    last_day = clock.now().date() + timedelta(days=5)
    with store.write() as connection:
        subscriptions.save_states(
            connection, {mine.id: (Milestone.PICKUP_AVAILABLE, clock.now(), None)}
        )
        connection.execute(
            t.parcel.update().values(pickup_name="Tabac des Lilas", pickup_last_day=last_day)
        )
    address = press("calendar")
    before = read(address)[waits]
    keep_up(days=6)
    assert before == read(address)[waits]
    keep_up(days=29)
    assert before == read(address)[waits]
    keep_up(days=1)
    assert waits not in read(address)


def test_what_somebody_stopped_is_gone_at_once_and_back_when_it_is_taken_up(
    press: Callable[..., str],
    read: Callable[[str], dict[str, Event]],
    keep_up: Callable[..., None],
    mine: Subscription,
) -> None:
    address = press("calendar")
    before = read(address)

    press("stop", subscription=mine.key)
    assert {} == read(address)
    keep_up(hours=2)
    press("resume", subscription=mine.key)
    keep_up(hours=2)
    assert before.keys() == read(address).keys()


def test_a_new_address_ends_the_one_before(
    ask: Ask, press: Callable[..., str], read: Callable[[str], dict[str, Event]]
) -> None:
    former = press("calendar")
    before = read(former)
    renewed = press("renew_calendar")

    assert former != renewed
    assert 410 == ask(former).status_code
    assert before == read(renewed)


def test_a_calendar_is_erased_at_a_click(ask: Ask, press: Callable[..., str], rows: Rows) -> None:
    address = press("calendar")

    assert "" == press("drop_calendar")
    assert 410 == ask(address).status_code
    assert [] == [*rows(t.calendar), *rows(t.calendar_event)]
    assert address != press("calendar")


def test_a_button_for_a_calendar_that_is_not_there_does_nothing(
    press: Callable[..., str], rows: Rows
) -> None:
    assert "" == press("renew_calendar")
    assert "" == press("drop_calendar")
    assert [] == rows(t.calendar)


def test_others_see_nothing_of_it(
    press: Callable[..., str],
    read: Callable[[str], dict[str, Event]],
    follow: Callable[..., Subscription],
    ask: Ask,
    link: Callable[..., str],
) -> None:
    address = press("calendar")
    before = read(address)
    bruno = follow("LP00123456789013", address="bruno@example.org")
    ask(link(Purpose.PREFERENCES, bruno.subscriber), "POST", data={"do": "drop_calendar"})

    assert before == read(address)


def test_an_export_tells_its_days_and_an_erasure_leaves_none(
    press: Callable[..., str],
    services: Services,
    store: Store,
    ask: Ask,
    mine: Subscription,
    rows: Rows,
) -> None:
    address = press("calendar")
    with store.write() as connection:
        told = personal_data.everything_about_subscriber(connection, mine.subscriber, str)
        personal_data.erase_at_their_word(
            connection, mine.subscriber, services.suppression, datetime.now(UTC)
        )

    assert {"delivery", "protection", "dispute"} == {event["kind"] for event in told["calendar"]}
    assert "2026-03-06" in {event["first_day"] for event in told["calendar"]}
    assert [] == [*rows(t.calendar), *rows(t.calendar_event)]
    assert 410 == ask(address).status_code


def test_a_clock_that_was_ahead_does_not_stop_a_calendar(
    press: Callable[..., str],
    read: Callable[[str], dict[str, Event]],
    keep_up: Callable[..., None],
    store: Store,
    clock: FakeClock,
    mine: Subscription,
) -> None:
    clock.advance(days=300)
    address = press("calendar")
    keep_up(days=-300)

    assert EXPECTED == read(address)["Livraison prévue"].dtstart


def test_a_round_with_nothing_to_do_reads_one_index(
    press: Callable[..., str],
    keep_up: Callable[..., None],
    services: Services,
    statements: Callable[[], list[str]],
) -> None:
    press("calendar")
    statements()
    keep_up(minutes=10)

    assert 1 == sum("FROM calendar" in asked for asked in statements())
