"""Whom a mail speaks for: what a click proves, what it does not, and how often we ask."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mailtrack.clock import FakeClock
from mailtrack.domain.model import HeldMail, SubscriberId
from mailtrack.inbox.intake import Reader
from mailtrack.inbox.questions import (
    AT_ONCE,
    AT_ONCE_OF_A_SOURCE,
    QUESTIONS_PER_HOUR,
    QUESTIONS_PER_MONTH,
    ask_waiting,
)
from mailtrack.notify.links import Purpose
from mailtrack.runtime.services import Services
from mailtrack.sandbox.mails import AUTHSERV_ID, SHOP
from mailtrack.store import erasure, notices, people
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.held_mails import MOST_LISTED
from mailtrack.web.own_data import NOT_THEIRS, OwnData
from mailtrack.web.pages.questions import ConfirmState
from tests.inbox.conftest import SIGNED, sent_on
from tests.inbox.servers import SERVERS

Rows = Callable[..., list[Mapping[str, Any]]]
Mail = Callable[..., bytes]
Receive = Callable[..., Mapping[str, Any]]
Click = Callable[[], ConfirmState]

STOP = b"From: Ana <ana@example.org>\r\nSubject: STOP\r\n\r\nSTOP\r\n"
NUMBER = "LP00123456789012"
OTHER = "LP00123456789013"
THIRD = "LP00123456789014"
#: SPF is the forwarder's: it says nothing of who wrote a mail.
UNSIGNED = "dkim=none; spf=pass smtp.mailfrom=ana@example.org"


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
        link = services.links.link(Purpose.CONFIRM, rows(t.subscriber)[0]["key"])
        return OwnData(services), link.rpartition("/")[2]

    return make


@pytest.fixture
def click(page: Callable[[], tuple[OwnData, str]]) -> Click:
    """Open the page and press its first button, with the boxes as they are."""

    def make() -> ConfirmState:
        data, token = page()
        mails = data.ask_to_confirm(token).mails
        return data.confirm(token, form(mails)).state

    return make


def form(mails: Sequence[HeldMail], ticked: Collection[int] | None = None) -> dict[str, str]:
    """Return what a browser sends; by default the boxes are as the page shows them."""
    theirs = {m.id for m in mails if not m.stops} if ticked is None else ticked
    listed = ",".join(str(mail.id) for mail in mails)
    return {"do": "confirm", "listed": listed, **{f"mail-{mail}": "on" for mail in theirs}}


@pytest.fixture
def result(page: Callable[[], tuple[OwnData, str]]) -> Click:
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


def test_each_mail_can_be_refused_and_what_came_after_the_page_waits_on(
    receive: Receive,
    read_all: Callable[[], None],
    unproven: Mail,
    page: Callable[[], tuple[OwnData, str]],
    rows: Rows,
) -> None:
    receive(unproven(NUMBER))
    receive(unproven(OTHER))
    data, token = page()
    shown = data.ask_to_confirm(token).mails
    receive(unproven("LP00123456789014"))
    data.confirm(token, form(shown, ticked=[1]))
    read_all()

    assert ["tracked", "refused", "refused"] == outcomes(rows)
    assert [NUMBER] == [row["number"] for row in rows(t.parcel)]
    assert ["LP00123456789014"] == [
        number for mail in data.ask_to_confirm(token).mails for number in mail.numbers
    ]


def test_a_page_shows_what_waits_when_it_came_and_what_it_asks_for(
    receive: Receive,
    unproven: Mail,
    page: Callable[[], tuple[OwnData, str]],
    clock: FakeClock,
) -> None:
    receive(unproven(NUMBER))
    came_at = clock.now()
    clock.advance(hours=1)
    receive(STOP)
    data, token = page()

    stop, shipped = data.ask_to_confirm(token).mails
    assert ("stop", ()) == (stop.kind, stop.numbers)
    assert ("parcel_update", (NUMBER,), came_at) == (
        shipped.kind,
        shipped.numbers,
        shipped.received_at,
    )


def test_a_stranger_s_stop_is_not_released_with_the_rest(
    receive: Receive, read_all: Callable[[], None], unproven: Mail, click: Click, rows: Rows
) -> None:
    receive(unproven(NUMBER))
    receive(STOP)
    click()
    read_all()

    assert ["tracked", "refused"] == outcomes(rows)
    assert [None] == [row["unsubscribed_at"] for row in rows(t.subscriber)]


def test_a_stop_of_one_s_own_works_once_it_is_ticked(
    receive: Receive,
    read_all: Callable[[], None],
    page: Callable[[], tuple[OwnData, str]],
    rows: Rows,
) -> None:
    receive(STOP)
    data, token = page()
    data.confirm(token, form(data.ask_to_confirm(token).mails, ticked=[1]))
    read_all()

    assert ["command"] == outcomes(rows)
    assert [True] == [bool(row["unsubscribed_at"]) for row in rows(t.subscriber)]


def test_who_says_that_none_is_theirs_confirms_nothing(
    receive: Receive,
    unproven: Mail,
    page: Callable[[], tuple[OwnData, str]],
    rows: Rows,
) -> None:
    receive(unproven(NUMBER))
    data, token = page()
    shown = data.ask_to_confirm(token).mails
    answer = data.confirm(token, form(shown) | {"do": "disown"})

    assert ConfirmState.DISOWNED is answer.state
    assert [("refused", NOT_THEIRS, None)] == [
        (row["outcome"], row["reason"], row["held_at"]) for row in rows(t.inbound)
    ]
    assert [None] == [row["confirmed_at"] for row in rows(t.subscriber)]
    assert () == data.ask_to_confirm(token).mails


def test_nobody_releases_or_refuses_mails_of_somebody_else(
    receive: Receive, unproven: Mail, services: Services, rows: Rows
) -> None:
    receive(unproven(NUMBER))
    receive(unproven(OTHER, "bruno@example.org"))
    data = OwnData(services)
    bruno = services.links.link(Purpose.CONFIRM, rows(t.subscriber)[1]["key"]).rpartition("/")[2]
    for what in ("confirm", "disown"):
        data.confirm(bruno, {"do": what, "listed": "1", "mail-1": "on"})

    assert [True, True] == [bool(row["held_at"]) for row in rows(t.inbound)]


def test_a_click_after_the_mail_was_forgotten_promises_no_reading(
    receive: Receive,
    unproven: Mail,
    page: Callable[[], tuple[OwnData, str]],
    store: Store,
    clock: FakeClock,
) -> None:
    receive(unproven())
    data, token = page()
    in_time = data.ask_to_confirm(token).mails
    clock.advance(days=31)
    with store.write() as connection:
        erasure.forget_raw(connection, clock.now() - timedelta(days=30))
    asked = data.ask_to_confirm(token)
    confirmed = data.confirm(token, form(in_time))

    assert 1 == len(in_time)
    assert (ConfirmState.CONFIRM, ()) == (asked.state, asked.mails)
    assert (ConfirmState.DONE, 0) == (confirmed.state, confirmed.read)


def test_after_a_click_another_s_mail_in_the_same_name_is_asked_about_again(
    receive: Receive,
    read_all: Callable[[], None],
    unproven: Mail,
    click: Click,
    result: Click,
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

    assert ConfirmState.CONFIRM is result()
    assert ConfirmState.DONE is click()
    read_all()
    assert ["tracked", "tracked"] == outcomes(rows)
    assert [ConfirmState.ALREADY, ConfirmState.ALREADY] == [result(), click()]


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
    receive(STOP)

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
    address = services.addresses.of(rows(t.subscriber)[0]["key"])

    raw = f"Delivered-To: {address}\r\n".encode() + unproven(OTHER)
    assert "tracked" == receive(raw)["outcome"]


def test_a_click_lets_the_rules_of_the_mailbox_through_where_the_shop_signed(
    receive: Receive, unproven: Mail, click: Click, rows: Rows, clock: FakeClock
) -> None:
    """What a rule sends on has the shop's signature, if any: it can never prove the mailbox."""
    receive(unproven(NUMBER))
    click()
    clock.advance(days=2)

    assert "tracked" == receive(sent_on(OTHER))["outcome"]
    assert 1 == questions(rows)
    assert "refused" == receive(sent_on(THIRD, found=UNSIGNED))["outcome"]
    assert 2 == questions(rows)


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
    trusting = replace(reader, analyzer=replace(services.analyzer, authserv_id=""))
    keep(unproven(NUMBER))
    read_with(trusting)
    click()
    clock.advance(days=2)
    keep(unproven(OTHER))
    read_with(trusting)

    assert ["tracked", "tracked"] == outcomes(rows)
    assert 1 == questions(rows)


# --- what a rule sends on to a personal address -------------------------------------------


@pytest.fixture
def personal(receive: Receive, mail: Mail, services: Services, rows: Rows) -> str:
    """Ana follows a parcel, and knows her personal address."""
    receive(mail(NUMBER))
    return services.addresses.of(rows(t.subscriber)[0]["key"])


RELAYED = "transaction_at_notice_aliexpress_com_k3x9_a1b2c3@privaterelay.appleid.com"


@pytest.mark.parametrize(
    ("found", "sender"),
    [
        (SIGNED, SHOP),
        ("dkim=pass header.i=@notice.aliexpress.com header.s=s1", SHOP),
        ("dkim=fail header.d=x.example; dmarc=pass header.from=notice.aliexpress.com", SHOP),
        ("dkim=pass header.d=privaterelay.appleid.com", f"AliExpress <{RELAYED}>"),
        ("dmarc=pass header.from=privaterelay.appleid.com", f"AliExpress <{RELAYED}>"),
    ],
)
def test_what_the_shop_or_its_relay_signed_speaks_for_whose_rule_it_is(
    personal: str, receive: Receive, rows: Rows, found: str, sender: str
) -> None:
    assert "tracked" == receive(sent_on(OTHER, found, personal, sender))["outcome"]
    assert [1, 1] == [row["subscriber_id"] for row in rows(t.subscription)]
    assert 0 == questions(rows)


@pytest.mark.parametrize(
    ("found", "sender"),
    [
        (UNSIGNED, SHOP),
        ("dkim=pass header.d=evil.example; dmarc=none", SHOP),
        ("dkim=fail header.d=notice.aliexpress.com", SHOP),
        ("dkim=pass header.d=aliexpress.com.evil.example", SHOP),
        ("spf=pass smtp.mailfrom=notice.aliexpress.com", SHOP),
        ("dkim=pass (header.d=notice.aliexpress.com) header.d=evil.example", SHOP),
        ("dkim=pass header.d=aliexpress-media.com", SHOP),
        ("dkim=pass header.d=notice.aliexpress.com", f"AliExpress <{RELAYED}>"),
        ("dkim=pass header.d=simplelogin.co", f"AliExpress <{RELAYED}>"),
        (
            "dkim=pass header.d=notice.aliexpress.com",
            f"{SHOP}\r\nFrom: AliExpress <x@aliexpress.com>",
        ),
    ],
)
def test_a_forgery_that_a_rule_sends_on_is_asked_about(
    personal: str, receive: Receive, rows: Rows, found: str, sender: str
) -> None:
    """Anybody can send one to a mailbox with a rule, which passes it on like the others."""
    row = receive(sent_on(OTHER, found, personal, sender))

    assert ("refused", 1) == (row["outcome"], row["subscriber_id"])
    assert 1 == len(rows(t.subscription))
    assert 1 == questions(rows)


def test_whose_rule_it_is_can_let_through_what_nobody_signed(
    personal: str,
    receive: Receive,
    read_all: Callable[[], None],
    click: Click,
    rows: Rows,
    clock: FakeClock,
) -> None:
    receive(sent_on(OTHER, UNSIGNED, personal).replace(b"ana@", b"ana.other@"))
    click()
    read_all()

    assert ["ana@example.org"] == [person["address"] for person in rows(t.subscriber)]
    assert "tracked" == outcomes(rows)[-1]
    clock.advance(days=2)
    assert "refused" == receive(sent_on(THIRD, UNSIGNED, personal))["outcome"]
    assert 2 == questions(rows)


def test_a_forward_within_a_mail_that_a_rule_sends_on_is_no_hand_s(
    personal: str, receive: Receive, mail: Mail, rows: Rows
) -> None:
    """A stranger's mail that quotes the shop's, in a mailbox whose rule sends on everything."""
    quoted = mail(OTHER, address="eve@evil.example").replace(b"=pass", b"=fail")
    marks = f"X-Forwarded-For: ana@example.org {personal}\r\nX-Forwarded-To: {personal}\r\n"
    first, rest = quoted.split(b"\r\n", 1)
    row = receive(first + b"\r\n" + marks.encode() + rest)

    assert ("refused", 1) == (row["outcome"], row["subscriber_id"])
    assert 1 == len(rows(t.subscription))


def test_what_somebody_sends_to_their_personal_address_by_hand_needs_no_proof(
    personal: str, receive: Receive, unproven: Mail, rows: Rows
) -> None:
    to = f"Delivered-To: {personal}\r\n".encode()
    forwarded = receive(to + unproven(OTHER, "ana@second.example"))
    typed = receive(to + b"From: ana@second.example\r\nSubject: Colis\r\n\r\n" + THIRD.encode())

    assert ["tracked", "tracked"] == [forwarded["outcome"], typed["outcome"]]
    assert {1} == {row["subscriber_id"] for row in rows(t.subscription)}
    assert 0 == questions(rows)


def test_where_no_server_vouches_the_owner_of_a_rule_is_asked_once(
    personal: str,
    keep: Callable[[bytes], None],
    reader: Reader,
    services: Services,
    click: Click,
    rows: Rows,
    clock: FakeClock,
    read_with: Callable[[Reader], None],
) -> None:
    trusting = replace(reader, analyzer=replace(services.analyzer, authserv_id=""))
    keep(sent_on(OTHER, to=personal))
    read_with(trusting)
    assert "refused" == outcomes(rows)[-1]
    click()
    read_with(trusting)
    clock.advance(days=2)
    keep(sent_on(THIRD, to=personal))
    read_with(trusting)

    assert ["tracked"] * 3 == outcomes(rows)
    assert 1 == questions(rows)


# --- Gmail's question ---------------------------------------------------------------------


GMAIL = SERVERS["Gmail"]
QUESTION = """\
From: =?utf-8?q?L=27=C3=A9quipe_Gmail?= <forwarding-noreply@google.com>
To: colis@gmail.example
Subject: (#871234567) Confirmation du transfert - ana@example.org

Pour accepter :
https://mail-settings.google.com/mail/vf-%5BANGjdJ8x%5D-Ab_c
"""


@pytest.mark.parametrize(
    ("above", "outcome"),
    [
        (GMAIL.writes.replace("example.org", "google.com"), "forwarding_confirmation"),
        (GMAIL.writes.replace("example.org", "docs.google.com"), "refused"),
        (GMAIL.writes.replace("example.org", "google.com").replace("=pass", "=fail"), "refused"),
        (
            GMAIL.writes.replace("example.org", "google.com") + "From: Eve <eve@evil.example>\n",
            "refused",
        ),
        (
            GMAIL.writes + "Authentication-Results: mx.google.com; dkim=pass header.d=google.com\n",
            "refused",
        ),
    ],
    ids=["Google's", "another's at Google", "failed", "two authors", "forged"],
)
def test_gmail_s_question_is_passed_on_where_gmail_is_our_own_mailbox(
    keep: Callable[[bytes], None],
    reader: Reader,
    services: Services,
    read_with: Callable[[Reader], None],
    rows: Rows,
    above: str,
    outcome: str,
) -> None:
    """Gmail names whom it found by `header.i` alone, and below its own `Received` line."""
    at_gmail = replace(services.analyzer, authserv_id=GMAIL.authserv_id)
    keep((above + QUESTION).encode())
    read_with(replace(reader, analyzer=at_gmail))

    asked = [row["kind"] for row in rows(t.notice)]
    assert [outcome] == outcomes(rows)
    assert (["forwarding_request"] if outcome != "refused" else []) == asked


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


def test_a_stop_is_asked_about_also_where_no_server_vouches_for_anybody(
    keep: Callable[[bytes], None],
    reader: Reader,
    services: Services,
    unproven: Mail,
    click: Click,
    rows: Rows,
    read_with: Callable[[Reader], None],
) -> None:
    """A click makes such mails believed; nobody is silenced by one."""
    trusting = replace(reader, analyzer=replace(services.analyzer, authserv_id=""))
    keep(unproven(NUMBER))
    read_with(trusting)
    click()
    keep(STOP)
    read_with(trusting)
    read_with(trusting)

    assert ["tracked", "refused"] == outcomes(rows)
    assert [None] == [row["unsubscribed_at"] for row in rows(t.subscriber)]


# --- who waits for a question -----------------------------------------------------------


def _from(network: str, raw: bytes) -> bytes:
    """Let a mail come from some network, as our own server writes it down."""
    return (
        f"Received: from x.example (x.example [{network}]) by mx.colis.example\r\n".encode() + raw
    )


@pytest.fixture
def forge(receive: Receive, unproven: Mail) -> Callable[[int], None]:
    """Let one source write in as many names."""

    def make(names: int) -> None:
        for number in range(names):
            mail = unproven(f"LP001234567{number:05}", f"nom{number}@example.org")
            receive(_from("93.184.216.7", mail))

    return make


def test_a_flood_in_a_hundred_names_is_a_handful_of_questions_and_who_is_real_is_asked_at_once(
    receive: Receive, unproven: Mail, forge: Callable[[int], None], rows: Rows
) -> None:
    forge(AT_ONCE)
    assert AT_ONCE_OF_A_SOURCE == questions(rows)

    receive(_from("62.23.18.4", unproven(NUMBER, "bruno@example.org")))
    assert AT_ONCE_OF_A_SOURCE + 1 == questions(rows)


def test_when_an_hour_is_used_up_those_who_wait_are_asked_by_turns_of_their_sources(
    receive: Receive,
    unproven: Mail,
    forge: Callable[[int], None],
    rows: Rows,
    store: Store,
    clock: FakeClock,
) -> None:
    """The forger waits, too, but takes one turn where each of the others takes one."""
    forge(AT_ONCE_OF_A_SOURCE + 30)
    with store.write() as connection:
        for number in range(QUESTIONS_PER_HOUR - AT_ONCE_OF_A_SOURCE - 2):
            owner = people.subscriber_of(connection, f"autre{number}@example.org", clock.now())
            notices.owe(connection, owner, "confirm_address", at=clock.now(), now=clock.now())
    for number, name in enumerate(("bruno", "carla", "dora")):
        mail = unproven(NUMBER, f"{name}@example.org")
        receive(_from(f"62.23.{number}.4", mail))
    assert QUESTIONS_PER_HOUR - 2 == questions(rows)

    clock.advance(minutes=5)
    with store.write() as connection:
        assert 2 == ask_waiting(connection, clock.now())
    clock.advance(hours=1)
    with store.write() as connection:
        asked_later = ask_waiting(connection, clock.now())

    names = {row["id"]: row["address"].partition("@")[0] for row in rows(t.subscriber)}
    later = rows(t.notice, kind="confirm_address")[QUESTIONS_PER_HOUR - 2 :]
    assert ["nom10", "bruno", "nom11", "carla", "dora", "nom12"] == [
        names[row["subscriber_id"]] for row in later[:6]
    ]
    assert 31 == asked_later


def test_forgeries_by_the_dozen_do_not_hide_a_mail_of_one_s_own(
    receive: Receive, unproven: Mail, page: Callable[[], tuple[OwnData, str]]
) -> None:
    receive(_from("62.23.18.4", unproven(NUMBER)))
    for number in range(MOST_LISTED):
        receive(_from("93.184.216.7", unproven(f"LP001234567{number:05}")))
    data, token = page()
    listed = data.ask_to_confirm(token).mails

    assert MOST_LISTED == len(listed)
    assert (NUMBER,) == listed[-1].numbers


def test_addresses_that_nobody_confirmed_are_forgotten_after_a_month(
    receive: Receive,
    unproven: Mail,
    mail: Mail,
    store: Store,
    clock: FakeClock,
    rows: Rows,
    services: Services,
) -> None:
    receive(mail(NUMBER))
    receive(unproven(OTHER, "bruno@example.org"))
    receive(unproven(OTHER, "carla@example.org"))
    with store.write() as connection:
        people.unsubscribe(connection, SubscriberId(3), clock.now())
    clock.advance(days=31)
    services.housekeeping().run()

    assert ["ana@example.org"] == [row["address"] for row in rows(t.subscriber)]
    assert ["unsubscribed"] == [row["why"] for row in rows(t.suppressed)]
    assert [None, None, None] == [row["raw"] for row in rows(t.inbound)]
