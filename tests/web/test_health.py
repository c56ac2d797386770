"""What `/readyz` says of parts that are killed, hang or only stand by, and of former settings."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mailtrack.clock import FakeClock
from mailtrack.domain.model import InboundId, Outcome
from mailtrack.inbox.mail_store import FetchedMail, SqlMailStore, WatcherState
from mailtrack.runtime.services import Services
from mailtrack.settings import InboxSettings
from mailtrack.store import inbound, relays
from mailtrack.store.engine import Store
from mailtrack.store.inbound import MailResult
from mailtrack.store.leases import DISPATCH, watch_name
from mailtrack.web.health import what_is_wrong
from tests.web.conftest import ACCOUNT, FOLDER, FakeBroker

NOBODY_WATCHES = "Nobody watches the mailbox: is the watcher running?"
NOBODY_DISPATCHES = "Nobody hands out work: is the dispatcher running?"
NOBODY_WORKS = "Nobody reads, asks carriers or sends: is a worker running?"
#: An account or folder that the settings do not name (any more).
OTHERS = [("former@host", FOLDER), (ACCOUNT, "Former")]


@pytest.fixture
def services(services: Services) -> Services:
    vars(services)["broker"] = FakeBroker()
    return services


@pytest.fixture
def at_work(services: Services) -> Services:
    for name in (DISPATCH, watch_name(ACCOUNT, FOLDER)):
        assert replace(services.lease(name), seconds=3600.0).take()
    return services


@pytest.fixture
def say(store: Store, clock: FakeClock) -> Callable[..., None]:
    """Leave a watcher's word."""

    def make(state: WatcherState, account: str = ACCOUNT, folder: str = FOLDER) -> None:
        with store.write() as connection:
            inbound.note_state(connection, account, folder, state, "why", clock.now())

    return make


def test_a_service_in_which_nobody_watches_or_hands_out_is_not_ready(services: Services) -> None:
    assert [NOBODY_WATCHES, NOBODY_DISPATCHES] == what_is_wrong(services)


def test_a_service_at_work_is_ready(at_work: Services) -> None:
    assert [] == what_is_wrong(at_work)


def test_parts_that_stand_by_are_nothing_wrong(at_work: Services) -> None:
    for name in (DISPATCH, watch_name(ACCOUNT, FOLDER)):
        assert not replace(at_work.lease(name), holder="another").take()

    assert [] == what_is_wrong(at_work)


def test_a_part_that_was_killed_is_missed_once_its_lease_has_lapsed(at_work: Services) -> None:
    assert replace(at_work.lease(DISPATCH), seconds=0.0).take()

    assert [NOBODY_DISPATCHES] == what_is_wrong(at_work)


def test_a_broker_that_is_away_is_said_beside_the_rest(services: Services) -> None:
    vars(services)["broker"] = FakeBroker(error="refused")

    assert "Redis does not answer: refused" == what_is_wrong(services)[-1]


# --- the mailbox of the settings, and others ------------------------------------------


@pytest.mark.parametrize("state", [WatcherState.WAITING, WatcherState.REFUSED])
def test_a_mailbox_out_of_reach_is_said_with_its_reason(
    at_work: Services, say: Callable[..., None], state: WatcherState
) -> None:
    say(state)

    assert [f"The mailbox is {state}: why"] == what_is_wrong(at_work)


@pytest.mark.parametrize("other", OTHERS)
def test_the_last_word_about_a_former_mailbox_is_no_trouble_of_today(
    at_work: Services, say: Callable[..., None], other: tuple[str, str]
) -> None:
    for state in WatcherState:
        say(state, *other)
        assert [] == what_is_wrong(at_work)


@pytest.mark.parametrize("other", OTHERS)
def test_who_watches_another_mailbox_is_no_watcher_of_ours(
    services: Services, other: tuple[str, str]
) -> None:
    for name in (DISPATCH, watch_name(*other)):
        assert replace(services.lease(name), seconds=3600.0).take()

    assert [NOBODY_WATCHES] == what_is_wrong(services)


def test_a_watcher_that_was_killed_is_missed_and_its_last_state_is_not_repeated(
    at_work: Services, say: Callable[..., None]
) -> None:
    say(WatcherState.REFUSED)
    assert replace(at_work.lease(watch_name(ACCOUNT, FOLDER)), seconds=0.0).take()

    assert [NOBODY_WATCHES] == what_is_wrong(at_work)


def test_pages_that_know_of_no_mailbox_go_by_whoever_is_at_work(
    at_work: Services, say: Callable[..., None]
) -> None:
    settings = at_work.settings.model_copy(update={"inbox": InboxSettings()})
    blind = replace(at_work, settings=settings)
    vars(blind).update(vars(at_work), settings=settings)

    assert [] == what_is_wrong(blind)
    say(WatcherState.REFUSED, "former@host")
    assert [] == what_is_wrong(blind)
    say(WatcherState.REFUSED)
    assert ["The mailbox is refused: why"] == what_is_wrong(blind)


# --- readers and queues ---------------------------------------------------------------


@pytest.fixture
def begin(store: Store, clock: FakeClock, at_work: Services) -> Callable[[], None]:
    """Let a worker begin what is due, and not be heard of for a lease."""

    def make() -> None:
        lease_s = at_work.settings.jobs.lease_s
        with store.write() as connection:
            inbound.claim_unread(
                connection, token="t", now=clock.now(), until=clock.later(lease_s), limit=10
            )
        clock.advance(seconds=lease_s)

    return make


@pytest.fixture
def read(store: Store, clock: FakeClock) -> Callable[[int], None]:
    """Let a worker read a mail to its end."""

    def make(mail: int) -> None:
        with store.write() as connection:
            done = MailResult(Outcome.NOTHING_FOUND, "")
            inbound.finish(connection, InboundId(mail), done, clock.now())

    return make


def _keep(services: Services, uid: int = 1) -> None:
    mail = FetchedMail(uid, bytes([uid]), services.clock.now())
    SqlMailStore(services.store, services.clock).keep(ACCOUNT, FOLDER, 1, mail)


def test_a_mail_that_later_ones_overtake_points_to_a_reader_that_hangs(
    at_work: Services, begin: Callable[[], None], read: Callable[[int], None]
) -> None:
    _keep(at_work)
    begin()
    begin()
    _keep(at_work, 2)
    begin()
    assert [] == what_is_wrong(at_work)

    read(2)
    (line,) = what_is_wrong(at_work)
    assert "Reading does not come to an end for 1 mail(s)" in line


def test_a_mail_whose_reading_fails_is_none_that_hangs(
    at_work: Services,
    store: Store,
    clock: FakeClock,
    begin: Callable[[], None],
    read: Callable[[int], None],
) -> None:
    """It is given back each time, and quarantined in the end."""
    _keep(at_work)
    begin()
    begin()
    _keep(at_work, 2)
    read(2)
    begin()
    with store.write() as connection:
        inbound.note_failure(connection, InboundId(1), clock.now())

    assert [] == what_is_wrong(at_work)


def test_an_old_mail_that_its_sender_lets_us_read_does_not_wait_since_it_came(
    at_work: Services, store: Store, clock: FakeClock, read: Callable[[int], None]
) -> None:
    _keep(at_work)
    read(1)
    clock.advance(days=1)
    assert replace(at_work.lease(DISPATCH), seconds=3600.0).take()
    with store.write() as connection:
        assert 1 == inbound.reread(connection, clock.now())

    assert not [line for line in what_is_wrong(at_work) if "waits to be read" in line]


def test_a_mail_that_waits_for_long_is_said_whatever_holds_it_up(
    at_work: Services, clock: FakeClock
) -> None:
    _keep(at_work)
    clock.advance(minutes=16)

    (line,) = what_is_wrong(at_work)
    assert line.startswith("A mail waits to be read since ")


def test_a_service_without_a_worker_is_not_ready(at_work: Services) -> None:
    vars(at_work)["broker"] = FakeBroker(workers=0)

    assert [NOBODY_WORKS] == what_is_wrong(at_work)


def test_a_queue_that_stands_still_is_said_though_a_worker_is_there(at_work: Services) -> None:
    vars(at_work)["broker"] = FakeBroker({"ingest": 1}, still_s=301)
    (line,) = what_is_wrong(at_work)
    assert line.startswith("The queue ingest stands still for 5 minutes")

    vars(at_work)["broker"] = FakeBroker({"ingest": 1}, still_s=299)
    assert [] == what_is_wrong(at_work)


def test_looks_that_wait_for_mails_are_late_and_not_stuck(at_work: Services) -> None:
    waiting = {"ingest": 2_000, "poll": 1}
    vars(at_work)["broker"] = FakeBroker(waiting, still_s={"ingest": 1, "poll": 3_600})
    assert [] == what_is_wrong(at_work)

    vars(at_work)["broker"] = FakeBroker(waiting, still_s={"ingest": 3_600, "poll": 3_600})
    assert ["ingest", "poll"] == [line.split()[2] for line in what_is_wrong(at_work)]

    vars(at_work)["broker"] = FakeBroker({"poll": 1}, still_s={"poll": 3_600})
    assert ["poll"] == [line.split()[2] for line in what_is_wrong(at_work)]


# --- a store that is gone -------------------------------------------------------------


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_database_that_was_deleted_is_all_that_is_said(at_work: Services, tmp_path: Path) -> None:
    assert [] == what_is_wrong(at_work)
    (tmp_path / "mailtrack.db").unlink()

    (line,) = what_is_wrong(at_work)
    assert "was deleted or replaced while it was open" in line


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_database_that_was_made_anew_and_is_empty_is_all_that_is_said(
    at_work: Services, store: Store
) -> None:
    with store.write() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")

    (line,) = what_is_wrong(at_work)
    assert line.startswith("The database is at revision none")


# --- the relay --------------------------------------------------------------------------


def test_a_relay_that_refuses_us_is_told_in_its_own_words_until_it_takes_mails(
    at_work: Services,
) -> None:
    name, now = at_work.settings.smtp.place, at_work.clock.now()
    with at_work.store.write() as connection:
        said = "550 5.4.5 Daily user sending limit exceeded"
        refused = relays.refused(connection, name, "limit", said, now, lasting=True)
    (line,) = what_is_wrong(at_work)
    assert line.startswith("No mail is sent since 2026-03-02T08:00+00:00 (limit): 550 5.4.5 Daily")
    assert "tried again at 2026-03-02T08:15+00:00, nothing is lost." in line

    with at_work.store.write() as connection:
        relays.took(connection, name, refused)
    assert [] == what_is_wrong(at_work)


def test_a_relay_that_refused_the_last_mail_that_waited_is_no_trouble_for_ever(
    at_work: Services, clock: FakeClock
) -> None:
    name = at_work.settings.smtp.place
    with at_work.store.write() as connection:
        relays.refused(connection, name, "system", "421 closing", clock.now(), lasting=False)
    assert 1 == len(what_is_wrong(at_work))

    clock.advance(minutes=1)
    assert [] == what_is_wrong(at_work)


def test_what_a_former_relay_said_is_not_told(at_work: Services) -> None:
    with at_work.store.write() as connection:
        now = at_work.clock.now()
        relays.refused(connection, "old@relay.example:587", "limit", "no", now, lasting=True)

    assert [] == what_is_wrong(at_work)
