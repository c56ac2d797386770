"""Whom a mail speaks for: what a click proves, what it does not, and how often we ask."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mailtrack.bootstrap import Services
from mailtrack.clock import FakeClock
from mailtrack.domain.model import SubscriberId
from mailtrack.inbox.intake import Reader
from mailtrack.inbox.trust import QUESTIONS_PER_HOUR, QUESTIONS_PER_MONTH
from mailtrack.notify.links import Purpose
from mailtrack.sandbox.mails import AUTHSERV_ID
from mailtrack.store import inbound, notices, people
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.web.own_data import OwnData
from mailtrack.web.views import ConfirmState

Rows = Callable[..., list[Mapping[str, Any]]]
Mail = Callable[..., bytes]
Receive = Callable[..., Mapping[str, Any]]
Click = Callable[[], ConfirmState]

NUMBER = "LP00123456789012"
OTHER = "LP00123456789013"


@pytest.fixture
def unproven(mail: Mail) -> Mail:
    """Make a forward in Ana's name that failed every check of our server."""

    def make(parcel: str = NUMBER, address: str = "ana@example.org") -> bytes:
        failed = f"Authentication-Results: {AUTHSERV_ID}; dkim=none; spf=fail\r\n".encode()
        return failed + mail(parcel, address=address).partition(b"\r\n")[2]

    return make


@pytest.fixture
def page(services: Services, rows: Rows) -> Callable[[], tuple[OwnData, str]]:
    """The page of confirmation, and Ana's token for it."""

    def make() -> tuple[OwnData, str]:
        link = services.links.link(Purpose.CONFIRM, rows(t.subscriber)[0]["id"])
        return OwnData(services), link.rpartition("/")[2]

    return make


@pytest.fixture
def click(page: Callable[[], tuple[OwnData, str]]) -> Click:
    def make() -> ConfirmState:
        data, token = page()
        return data.confirm(token).state

    return make


@pytest.fixture
def look(page: Callable[[], tuple[OwnData, str]]) -> Click:
    def make() -> ConfirmState:
        data, token = page()
        return data.ask_to_confirm(token).state

    return make


def outcomes(rows: Rows) -> list[str]:
    return [row["outcome"] for row in rows(t.inbound)]


def questions(rows: Rows) -> int:
    return len(rows(t.notice, kind="confirm_address"))


# --- what a click proves --------------------------------------------------------------


def test_a_click_releases_every_mail_that_waited_for_it(
    receive: Receive, read_all: Callable[[], None], unproven: Mail, click: Click, rows: Rows
) -> None:
    receive(unproven(NUMBER))
    receive(unproven(OTHER))
    assert ["refused", "refused"] == outcomes(rows)

    assert ConfirmState.DONE is click()
    read_all()

    assert ["tracked", "tracked"] == outcomes(rows)


def test_a_click_after_the_mail_was_forgotten_promises_no_reading(
    receive: Receive,
    unproven: Mail,
    page: Callable[[], tuple[OwnData, str]],
    store: Store,
    clock: FakeClock,
) -> None:
    receive(unproven())
    data, token = page()
    in_time = data.ask_to_confirm(token).waits
    clock.advance(days=31)
    with store.write() as connection:
        inbound.forget_raw(connection, clock.now() - timedelta(days=30))
    asked = data.ask_to_confirm(token)
    confirmed = data.confirm(token)

    assert in_time
    assert (ConfirmState.CONFIRM, False) == (asked.state, asked.waits)
    assert (ConfirmState.DONE, False) == (confirmed.state, confirmed.waits)


def test_after_a_click_another_s_mail_in_the_same_name_is_asked_about_again(
    receive: Receive,
    read_all: Callable[[], None],
    unproven: Mail,
    click: Click,
    look: Click,
    rows: Rows,
    clock: FakeClock,
) -> None:
    receive(unproven(NUMBER))
    click()
    read_all()
    clock.advance(days=2)

    assert "refused" == receive(unproven(OTHER))["outcome"]
    assert 2 == questions(rows)
    assert 1 == len(rows(t.subscription))

    assert ConfirmState.CONFIRM is look()
    assert ConfirmState.DONE is click()
    read_all()
    assert ["tracked", "tracked"] == outcomes(rows)
    assert [ConfirmState.ALREADY, ConfirmState.ALREADY] == [look(), click()]


def test_a_stop_in_the_name_of_who_clicked_once_stops_nothing(
    receive: Receive,
    read_all: Callable[[], None],
    unproven: Mail,
    click: Click,
    rows: Rows,
    clock: FakeClock,
) -> None:
    receive(unproven())
    click()
    read_all()
    clock.advance(days=2)
    receive(b"From: Ana <ana@example.org>\r\nSubject: STOP\r\n\r\nSTOP\r\n")

    assert [None] == [row["muted_at"] for row in rows(t.subscription)]
    assert [None] == [row["unsubscribed_at"] for row in rows(t.subscriber)]


def test_a_proven_mail_needs_no_click_before_or_after_one(
    receive: Receive, mail: Mail, unproven: Mail, click: Click, rows: Rows, clock: FakeClock
) -> None:
    receive(unproven(NUMBER))
    click()
    clock.advance(days=2)

    assert "tracked" == receive(mail(OTHER))["outcome"]
    assert 1 == questions(rows)


def test_the_personal_address_needs_no_click(
    receive: Receive, unproven: Mail, services: Services, rows: Rows
) -> None:
    receive(unproven(NUMBER))
    address = services.addresses.of(SubscriberId(rows(t.subscriber)[0]["id"]))

    raw = f"Delivered-To: {address}\r\n".encode() + unproven(OTHER)
    assert "tracked" == receive(raw)["outcome"]


def test_a_click_lets_the_rules_of_the_mailbox_through(
    receive: Receive, unproven: Mail, click: Click, rows: Rows, clock: FakeClock
) -> None:
    """What a rule sends on has the shop's signature, if any: it can never prove the mailbox."""
    receive(unproven(NUMBER))
    click()
    clock.advance(days=2)
    shop = (
        "X-Forwarded-For: ana@example.org colis@colis.example\r\n"
        "X-Forwarded-To: colis@colis.example\r\n"
        "From: AliExpress <transaction@notice.aliexpress.com>\r\n"
        f"Subject: Package {OTHER} has an update\r\n\r\n"
        f"Your package {OTHER} has an update.\r\n"
        f"https://www.aliexpress.com/p/tracking/index.html?trackingNumber={OTHER}\r\n"
    )

    assert "tracked" == receive(shop.encode())["outcome"]
    assert 1 == questions(rows)


def test_where_no_server_vouches_for_anybody_one_click_is_enough(
    keep: Callable[[bytes], None],
    reader: Reader,
    services: Services,
    unproven: Mail,
    click: Click,
    rows: Rows,
    clock: FakeClock,
    read_with: Callable[[Reader], None],
) -> None:
    """Else every single mail would need one; setting AUTHSERV_ID is better."""
    trusting = replace(reader, doorkeeper=replace(services.doorkeeper, authserv_id=""))
    keep(unproven(NUMBER))
    read_with(trusting)
    click()
    clock.advance(days=2)
    keep(unproven(OTHER))
    read_with(trusting)

    assert ["tracked", "tracked"] == outcomes(rows)
    assert 1 == questions(rows)


# --- how often we ask -----------------------------------------------------------------


def test_an_address_is_asked_once_a_day_and_not_for_ever(
    receive: Receive, unproven: Mail, rows: Rows, clock: FakeClock
) -> None:
    """Anybody can make us ask, by writing in somebody's name."""
    for day in range(QUESTIONS_PER_MONTH + 3):
        for hour in range(3):
            receive(unproven(f"LP001234567{day}{hour:04d}"))
            clock.advance(hours=1)
        assert min(day + 1, QUESTIONS_PER_MONTH) == questions(rows)
        clock.advance(days=1)


def test_a_click_begins_the_month_anew(
    receive: Receive, unproven: Mail, click: Click, rows: Rows, clock: FakeClock
) -> None:
    for day in range(QUESTIONS_PER_MONTH + 2):
        receive(unproven(f"LP0012345678900{day}"))
        click()
        clock.advance(days=2)

    assert QUESTIONS_PER_MONTH + 2 == questions(rows)


@pytest.mark.parametrize("how", ["unsubscribed", "bounced"])
def test_who_never_wrote_and_wants_no_mail_or_gets_none_is_not_asked_again(
    receive: Receive, unproven: Mail, store: Store, rows: Rows, clock: FakeClock, how: str
) -> None:
    receive(unproven(NUMBER))
    with store.write() as connection:
        owner = SubscriberId(rows(t.subscriber)[0]["id"])
        if how == "bounced":
            people.bounced(connection, owner, clock.now())
        else:
            people.unsubscribe(connection, owner, clock.now())
    clock.advance(days=2)
    receive(unproven(OTHER))

    assert ["refused", "refused"] == outcomes(rows)
    assert 1 == questions(rows)


def test_a_flood_in_a_thousand_names_is_not_a_thousand_questions(
    receive: Receive, unproven: Mail, store: Store, rows: Rows, clock: FakeClock
) -> None:
    with store.write() as connection:
        for number in range(QUESTIONS_PER_HOUR - 1):
            owner = people.subscriber_of(connection, f"nom{number}@example.org", clock.now())
            notices.owe(
                connection,
                owner,
                "confirm_address",
                at=clock.now(),
                now=clock.now(),
            )
    receive(unproven(NUMBER, "bruno@example.org"))
    receive(unproven(NUMBER, "carla@example.org"))
    assert QUESTIONS_PER_HOUR == questions(rows)

    clock.advance(hours=2)
    receive(unproven(OTHER, "carla@example.org"))
    assert QUESTIONS_PER_HOUR + 1 == questions(rows)
