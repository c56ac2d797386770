"""What `/readyz` says of parts that are killed, and of parts that only stand by."""

from dataclasses import replace

import pytest
import redis

from mailtrack.bootstrap import Services
from mailtrack.clock import FakeClock
from mailtrack.inbox.ledger import WatcherState
from mailtrack.store import inbound, relays
from mailtrack.store.engine import Store
from mailtrack.store.leases import DISPATCH, watch_name
from mailtrack.web.health import what_is_wrong

ACCOUNT = "colis@host"
NOBODY_WATCHES = "Nobody watches the mailbox: is the watcher running?"
NOBODY_DISPATCHES = "Nobody hands out work: is the dispatcher running?"


class _Broker:
    """Redis, as far as anybody asks."""

    def __init__(self, *, away: bool = False) -> None:
        self.client = self
        self._away = away

    def ping(self) -> None:
        if self._away:
            raise redis.ConnectionError("refused")


@pytest.fixture
def services(services: Services) -> Services:
    vars(services)["broker"] = _Broker()
    return services


@pytest.fixture
def at_work(services: Services) -> Services:
    for name in (DISPATCH, watch_name(ACCOUNT, "INBOX")):
        assert replace(services.lease(name), seconds=3600.0).take()
    return services


def test_a_service_in_which_nobody_watches_or_hands_out_is_not_ready(services: Services) -> None:
    assert [NOBODY_WATCHES, NOBODY_DISPATCHES] == what_is_wrong(services)


def test_a_service_at_work_is_ready(at_work: Services) -> None:
    assert [] == what_is_wrong(at_work)


def test_parts_that_stand_by_are_nothing_wrong(at_work: Services) -> None:
    for name in (DISPATCH, watch_name(ACCOUNT, "INBOX")):
        assert not replace(at_work.lease(name), holder="another").take()

    assert [] == what_is_wrong(at_work)


def test_a_part_that_was_killed_is_missed_once_its_lease_has_lapsed(at_work: Services) -> None:
    assert replace(at_work.lease(DISPATCH), seconds=0.0).take()

    assert [NOBODY_DISPATCHES] == what_is_wrong(at_work)


def test_a_mailbox_that_is_left_alone_is_no_trouble_while_another_is_watched(
    at_work: Services, store: Store
) -> None:
    """Another account, another folder: the old one's last word stays in the store."""
    with store.write() as connection:
        inbound.note_state(
            connection, ACCOUNT, "Old", WatcherState.STOPPED, "", at_work.clock.now()
        )

    assert [] == what_is_wrong(at_work)


def test_a_broker_that_is_away_is_said_beside_the_rest(services: Services) -> None:
    vars(services)["broker"] = _Broker(away=True)

    assert "Redis does not answer: refused" == what_is_wrong(services)[-1]


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
