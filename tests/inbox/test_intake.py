"""From a stored mail to its outcome: who is subscribed, joined, answered, or refused."""

import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from itertools import count
from threading import Barrier
from typing import Any

import pytest

from mailtrack.admin.blocking import block, unblock
from mailtrack.admin.notices import one_notice
from mailtrack.clock import FakeClock
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import InboundId, PollResult, PollState, SubscriberId, TrackingEvent
from mailtrack.errors import TransientError
from mailtrack.inbox.handling import BLOCKED, MailHandler
from mailtrack.inbox.intake import Reader
from mailtrack.runtime.services import Services
from mailtrack.sandbox.mails import (
    AUTHSERV_ID,
    FORWARD_TO,
    DemoPerson,
    forwarded,
    gmail,
    not_a_shop_mail,
    order_shipped,
)
from mailtrack.store import inbound, parcels, people, personal_data
from mailtrack.store import schema as t
from mailtrack.store.engine import Store
from mailtrack.store.inbound import MailResult
from mailtrack.tracking import merging
from tests.inbox.conftest import sent_on

pytestmark = pytest.mark.usefixtures("counted")

Rows = Callable[..., list[Mapping[str, Any]]]
Mail = Callable[..., bytes]
Receive = Callable[..., Mapping[str, Any]]

ANA = DemoPerson("Ana", "ana@example.org")
BRUNO = DemoPerson("Bruno", "bruno@example.org")
ORDER = "3054169918880001"
NUMBER = "LP00123456789012"


@pytest.fixture
def order_mail(clock: FakeClock) -> Mail:
    serials = count(1)

    def make(order: str = ORDER, person: DemoPerson = ANA, item: str = "Lampe") -> bytes:
        shop_mail = order_shipped(order, item)
        return forwarded(gmail, shop_mail, person, clock.now(), "Voilà", next(serials))

    return make


@pytest.fixture
def take_in(store: Store, clock: FakeClock) -> Callable[..., None]:
    """Let a carrier tell something of a parcel, a moment ago by its own clock."""

    def make(milestone: Milestone, number: str = NUMBER) -> None:
        now = clock.now()
        event = TrackingEvent(now - timedelta(minutes=5), milestone, "cainiao", milestone)
        with store.write() as connection:
            parcel_id = parcels.find_parcel(connection, number)
            assert parcel_id is not None
            parcels.lock(connection, parcel_id)
            result = PollResult(number, PollState.FOUND, (event,))
            parcels.save_results(connection, {parcel_id: result}, now)
            merging.take_in(connection, {parcel_id: [event]}, now)

    return make


def _owed(rows: Rows) -> list[str]:
    return [row["kind"] for row in rows(t.notice, state="due")]


def _mail(sender: str, subject: str, text: str, **headers: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, FORWARD_TO, subject
    message["Message-ID"] = f"<{abs(hash((sender, subject, text)))}@example.org>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def _by_hand(text: str) -> bytes:
    """Return what Ana has typed herself, and her provider has signed."""
    proof = f"Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d=example.org\r\n"
    return proof.encode() + _mail(str(ANA.address), "Mon colis", text)


def _unproven(raw: bytes) -> bytes:
    """Take away what the receiving server found out about the sender."""
    return raw.partition(b"\r\n")[2]


# --- outcomes -----------------------------------------------------------------------


def test_a_parcel_is_followed_asked_for_and_confirmed_after_its_first_answer(
    receive: Receive, mail: Mail, rows: Rows, clock: FakeClock
) -> None:
    row = receive(mail())

    assert ("tracked", "aliexpress") == (row["outcome"], row["shop"])
    assert [(1, 1)] == [(s["subscriber_id"], s["parcel_id"]) for s in rows(t.subscription)]
    assert [("cainiao", NUMBER, clock.now())] == [
        (leg["carrier"], leg["number"], leg["next_poll_at"]) for leg in rows(t.leg)
    ]
    assert [("registered", clock.later(120))] == [
        (notice["kind"], notice["next_attempt_at"]) for notice in rows(t.notice)
    ]
    assert [ORDER] == [order["number"] for order in rows(t.shop_order)]


def test_where_no_carrier_is_asked_nobody_waits_for_one(
    keep: Callable[[bytes], None],
    read_with: Callable[[Reader], None],
    reader: Reader,
    mail: Mail,
    rows: Rows,
    clock: FakeClock,
) -> None:
    """No answer will come that hastens "suivi enregistré"."""
    keep(mail())
    read_with(replace(reader, carriers=()))

    assert [] == rows(t.leg)
    assert [("registered", clock.now())] == [
        (notice["kind"], notice["next_attempt_at"]) for notice in rows(t.notice)
    ]


def test_who_follows_later_waits_for_the_carrier_that_is_asked_already(
    receive: Receive, mail: Mail, rows: Rows, clock: FakeClock
) -> None:
    receive(mail())
    clock.advance(seconds=10)
    receive(mail(address="bruno@example.org"))

    assert 1 == len(rows(t.leg))
    assert [clock.later(110), clock.later(120)] == [
        notice["next_attempt_at"] for notice in rows(t.notice)
    ]


def test_an_order_without_a_parcel_is_noted_and_answered_at_once(
    receive: Receive, order_mail: Mail, rows: Rows, clock: FakeClock
) -> None:
    assert "order_noted" == receive(order_mail())["outcome"]
    assert [("order_registered", clock.now())] == [
        (notice["kind"], notice["next_attempt_at"]) for notice in rows(t.notice)
    ]
    assert [] == rows(t.parcel)


def _ended(order: str, how: str, at: datetime) -> bytes:
    """Forward the shop's mail about an order without a parcel that came to its end."""
    shop_mail = replace(order_shipped(order, "Lampe"), subject=f"{_order_word(how)} {order}: {how}")
    return forwarded(gmail, replace(shop_mail, lines=(how,)), ANA, at, "Voilà", 77)


def _order_word(how: str) -> str:
    return "Commande" if re.search("ée|ffectué|exécut", how) else "Order"


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("annulée", "cancelled"),
        ("remboursée", "refunded"),
        ("ne peut pas être honorée", "order_unfulfillable"),
        ("inexécutable", "order_unfulfillable"),
        ("has been canceled", "cancelled"),
        ("refunded", "refunded"),
        ("cannot be fulfilled", "order_unfulfillable"),
    ],
)
def test_the_end_of_a_noted_order_is_told(
    receive: Receive, order_mail: Mail, rows: Rows, clock: FakeClock, how: str, kind: str
) -> None:
    receive(order_mail())
    receive(_ended(ORDER, how, clock.now()))

    assert ["order_registered", kind] == _owed(rows)


def test_of_an_order_that_ended_before_we_knew_it_nobody_is_told_to_wait_for_the_parcel(
    receive: Receive, rows: Rows, clock: FakeClock
) -> None:
    assert "order_noted" == receive(_ended(ORDER, "annulée", clock.now()))["outcome"]

    assert ["cancelled"] == _owed(rows)


def test_the_parcel_of_a_noted_order_takes_its_place(
    receive: Receive, order_mail: Mail, mail: Mail, rows: Rows
) -> None:
    receive(order_mail())
    assert "tracked" == receive(mail())["outcome"]

    assert [(1, 1)] == [(s["id"], s["parcel_id"]) for s in rows(t.subscription)]
    assert ["order_registered", "registered"] == _owed(rows)


def test_an_order_whose_parcel_is_known_is_an_update(
    receive: Receive, order_mail: Mail, mail: Mail, rows: Rows
) -> None:
    receive(mail())
    assert "updated" == receive(order_mail())["outcome"]

    assert [1] == [s["parcel_id"] for s in rows(t.subscription)]
    assert ["registered"] == _owed(rows)


def test_a_second_mail_about_the_same_parcel_is_an_update(
    receive: Receive, mail: Mail, rows: Rows
) -> None:
    receive(mail())
    assert "updated" == receive(mail(item="Ampoule"))["outcome"]

    assert ["Lampe de bureau\nAmpoule"] == [s["titles"] for s in rows(t.subscription)]
    assert ["registered"] == _owed(rows)


def test_a_bare_number_is_enough(receive: Receive, rows: Rows) -> None:
    assert "tracked" == receive(_by_hand(f"{NUMBER}\n"))["outcome"]


@pytest.mark.parametrize("number", ["ZXQW7788112233", "4PX3000123456789CN", "6A12345678901"])
def test_whatever_the_form_of_a_number_somebody_is_asked_about_it(
    receive: Receive, mail: Mail, rows: Rows, number: str
) -> None:
    """Also where its own carrier is off: silence for ever would be no answer."""
    assert "tracked" == receive(mail(parcel=number))["outcome"]

    assert [number] == [leg["number"] for leg in rows(t.leg)]


def test_a_number_that_was_given_up_is_asked_about_once_its_carrier_is_on(
    receive: Receive,
    reader: Reader,
    read_with: Callable[[Reader], None],
    keep: Callable[[bytes], None],
    store: Store,
    rows: Rows,
    clock: FakeClock,
) -> None:
    receive(_by_hand("1Z999AA10123456784\n"))
    (known,) = rows(t.parcel)
    with store.write() as connection:
        parcels.end(connection, known["id"], "never_known", clock.now())
    assert [] == rows(t.leg)

    keep(_by_hand("Toujours rien ?\n1Z999AA10123456784\n"))
    read_with(replace(reader, carriers=("cainiao", "ups")))

    assert ["ups"] == [leg["carrier"] for leg in rows(t.leg)]
    assert [None] == [row["ended_at"] for row in rows(t.parcel)]


@pytest.mark.parametrize(
    ("raw", "outcome"),
    [
        (
            _mail("ana@example.org", "Absence", "En congé.", Auto_Submitted="auto-replied"),
            "automatic_reply",
        ),
        (b"", "refused"),
        (b"From: nobody\r\n\r\n", "refused"),
    ],
)
def test_what_no_person_sent_is_answered_by_nobody(
    receive: Receive, rows: Rows, raw: bytes, outcome: str
) -> None:
    row = receive(raw)

    assert outcome == row["outcome"]
    assert row["reason"]
    assert [] == rows(t.notice)
    assert [] == rows(t.subscription)


def test_nothing_found_is_answered_three_times_a_day_at_most(
    receive: Receive, rows: Rows, clock: FakeClock
) -> None:
    for serial in range(5):
        raw = forwarded(gmail, not_a_shop_mail(), ANA, clock.now(), "Et ça ?", serial)
        assert "not_a_shop_mail" == receive(raw)["outcome"]
        clock.advance(minutes=1)
    assert ["nothing_found"] * 3 == _owed(rows)

    clock.advance(days=1)
    receive(forwarded(gmail, not_a_shop_mail(), ANA, clock.now(), "Et ça ?", 9))
    assert ["nothing_found"] * 4 == _owed(rows)


@pytest.mark.parametrize("folded", [b"Sub\0ject", b"=?utf-8?b?AAAA?=", b"caf\xe9 \xed\xa0\xbd"])
def test_a_subject_that_no_database_takes_does_not_cost_the_parcel(
    receive: Receive, mail: Mail, folded: bytes
) -> None:
    head, _, rest = mail().partition(b"Subject: ")
    row = receive(head + b"Subject: " + folded + b" " + rest)

    assert "tracked" == row["outcome"]


# --- who may ------------------------------------------------------------------------


def test_a_sender_whom_nothing_proves_follows_nothing(
    receive: Receive, mail: Mail, rows: Rows
) -> None:
    row = receive(_unproven(mail()))

    assert "refused" == row["outcome"]
    assert "proven" in row["reason"]
    assert [[], [], []] == [rows(table) for table in (t.subscription, t.parcel, t.leg)]
    assert "registered" not in _owed(rows)


def test_a_proof_in_another_s_name_proves_nothing(receive: Receive, mail: Mail, rows: Rows) -> None:
    forged = (
        mail()
        .replace(b"header.d=example.org", b"header.d=evil.example")
        .replace(b"smtp.mailfrom=ana@example.org", b"smtp.mailfrom=eve@evil.example")
    )

    assert "refused" == receive(forged)["outcome"]
    assert [] == rows(t.subscription)


def test_a_look_alike_of_the_shop_subscribes_nobody(
    receive: Receive, mail: Mail, rows: Rows
) -> None:
    fake = mail().replace(b"transaction@notice.aliexpress.com", b"transaction@aliexpress.example")

    assert receive(fake)["outcome"] in ("refused", "not_a_shop_mail")
    assert [] == rows(t.subscription)


def test_whoever_works_at_a_carrier_is_answered_like_anybody(
    receive: Receive, mail: Mail, rows: Rows
) -> None:
    receive(mail(address="jo@dhl.com"))

    assert ["jo@dhl.com"] == [person["address"] for person in rows(t.subscriber)]
    assert [("registered", True)] == [(n["kind"], n["prompt"]) for n in rows(t.notice)]


def test_a_rule_in_a_mailbox_speaks_through_its_personal_address(
    receive: Receive, mail: Mail, services: Services, rows: Rows
) -> None:
    receive(mail())
    (ana,) = rows(t.subscriber)
    address = services.addresses.of(ana["key"])

    assert "tracked" == receive(sent_on("LP00123456789099", to=address))["outcome"]
    assert [ana["id"]] * 2 == [s["subscriber_id"] for s in rows(t.subscription)]
    by_hand, by_rule = rows(t.notice, kind="registered")
    assert (True, False) == (by_hand["prompt"], by_rule["prompt"])  # a rule's owner may sleep


def test_a_rule_goes_unheard_once_its_owner_has_left(
    receive: Receive, mail: Mail, services: Services, store: Store, rows: Rows, clock: FakeClock
) -> None:
    receive(mail())
    (ana,) = rows(t.subscriber)
    with store.write() as connection:
        people.unsubscribe(connection, ana["id"], clock.now())
    row = receive(sent_on("LP00123456789099", to=services.addresses.of(ana["key"])))

    assert ("refused", "unsubscribed") == (row["outcome"], row["reason"])
    assert 1 == len(rows(t.subscription))


def test_a_forward_by_hand_brings_somebody_back_without_their_old_parcels(
    receive: Receive, mail: Mail, store: Store, rows: Rows, clock: FakeClock
) -> None:
    receive(mail())
    (ana,) = rows(t.subscriber)
    with store.write() as connection:
        people.unsubscribe(connection, ana["id"], clock.now())
    clock.advance(days=1)
    assert "tracked" == receive(mail(parcel="LP00123456789013"))["outcome"]

    assert [None] == [person["unsubscribed_at"] for person in rows(t.subscriber)]
    assert [False, True] == [s["muted_at"] is None for s in rows(t.subscription)]


# --- what newcomers are told --------------------------------------------------------


@pytest.fixture
def erased(
    receive: Receive, mail: Mail, services: Services, store: Store, rows: Rows, clock: FakeClock
) -> str:
    """Ana had everything erased a day ago; this was her personal address."""
    receive(mail())
    (ana,) = rows(t.subscriber)
    with store.write() as connection:
        personal_data.erase_at_their_word(connection, ana["id"], services.suppression, clock.now())
    clock.advance(days=1)
    return services.addresses.of(ana["key"])


def _google_asks(address: str) -> bytes:
    """Ask in Google's proven name whether a mailbox may forward to us."""
    proof = f"Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d=google.com\r\n"
    link = "https://mail-settings.google.com/mail/vf-%5BANGjdJ8x%5D-Ab_c"
    subject = f"(#871234567) Confirmation du transfert - Réception du message de {address}"
    question = _mail("Gmail <forwarding-noreply@google.com>", subject, f"Pour accepter :\n{link}\n")
    return proof.encode() + question


@pytest.mark.parametrize("through", ["the mailbox", "their old personal address"])
def test_a_rule_that_outlives_its_owner_s_data_brings_nobody_back(
    erased: str, receive: Receive, mail: Mail, rows: Rows, through: str
) -> None:
    to = FORWARD_TO if through == "the mailbox" else erased
    row = receive(sent_on("LP00123456789099", to=to))

    assert ("refused", "suppressed", None) == (row["outcome"], row["reason"], row["subscriber_id"])
    assert [[], [], []] == [rows(table) for table in (t.subscriber, t.notice, t.parcel)]


def test_nobody_is_asked_whether_a_mail_is_theirs_once_they_were_erased(
    erased: str, receive: Receive, mail: Mail, rows: Rows
) -> None:
    row = receive(_unproven(mail()))

    assert ("refused", "suppressed") == (row["outcome"], row["reason"])
    assert [[], []] == [rows(table) for table in (t.subscriber, t.notice)]


def test_google_s_question_is_not_passed_on_to_who_was_erased(
    erased: str, receive: Receive, rows: Rows
) -> None:
    row = receive(_google_asks("ana@example.org"))

    assert ("refused", "suppressed") == (row["outcome"], row["reason"])
    assert [[], []] == [rows(table) for table in (t.subscriber, t.notice)]


@pytest.mark.parametrize("words", ["AIDE", NUMBER])
def test_who_writes_by_hand_after_an_erasure_is_welcome_again(
    erased: str, receive: Receive, rows: Rows, words: str
) -> None:
    assert "refused" != receive(_says(words))["outcome"]

    assert ["ana@example.org"] == [person["address"] for person in rows(t.subscriber)]
    assert 1 == len(rows(t.notice))
    assert [] == rows(t.suppressed)


@pytest.mark.parametrize("through", ["the mailbox", "their personal address"])
def test_nothing_follows_from_the_mails_of_who_is_blocked(
    receive: Receive,
    mail: Mail,
    services: Services,
    store: Store,
    rows: Rows,
    clock: FakeClock,
    through: str,
) -> None:
    receive(mail())
    (ana,) = rows(t.subscriber)
    with store.write() as connection:
        block(connection, "Ana@example.org ", services.suppression, clock.now())
    clock.advance(days=1)
    owed = len(rows(t.notice))
    to = FORWARD_TO if through == "the mailbox" else services.addresses.of(ana["key"])

    for raw in (sent_on("LP00123456789099", to=to), _says("AIDE"), mail("LP00123456789098")):
        row = receive(raw)
        assert ("refused", BLOCKED) == (row["outcome"], row["reason"])
    assert (1, owed) == (len(rows(t.parcel)), len(rows(t.notice)))


def test_an_erasure_lifts_no_block_and_the_operator_does(
    receive: Receive, mail: Mail, services: Services, store: Store, rows: Rows, clock: FakeClock
) -> None:
    receive(mail())
    with store.write() as connection:
        block(connection, "ana@example.org", services.suppression, clock.now())
        personal_data.erase_at_their_word(
            connection, SubscriberId(1), services.suppression, clock.now()
        )
    clock.advance(days=1)
    assert "refused" == receive(_says("AIDE"))["outcome"]

    with store.write() as connection:
        unblock(connection, "ana@example.org", services.suppression)
    assert "tracked" == receive(_says(NUMBER))["outcome"]


def test_a_mail_from_before_the_erasure_that_is_read_late_brings_nobody_back(
    receive: Receive,
    keep: Callable[[bytes], None],
    read_all: Callable[[], None],
    mail: Mail,
    services: Services,
    store: Store,
    rows: Rows,
    clock: FakeClock,
) -> None:
    receive(mail())
    keep(mail(parcel="LP00123456789013"))
    clock.advance(minutes=1)
    with store.write() as connection:
        personal_data.erase_at_their_word(
            connection, SubscriberId(1), services.suppression, clock.now()
        )
    read_all()

    assert "suppressed" == rows(t.inbound)[-1]["reason"]
    assert [] == rows(t.subscriber)


def test_who_was_erased_does_not_stop_another_s_personal_address(
    erased: str, receive: Receive, mail: Mail, services: Services, rows: Rows
) -> None:
    receive(mail(address="bruno@example.org"))
    (bruno,) = rows(t.subscriber)
    address = services.addresses.of(bruno["key"])
    raw = mail(parcel="LP00123456789013").replace(FORWARD_TO.encode(), address.encode())

    assert "tracked" == receive(raw)["outcome"]
    assert [bruno["id"]] * 2 == [s["subscriber_id"] for s in rows(t.subscription)]


def test_who_joins_a_known_parcel_is_told_its_present_state_and_nothing_of_its_past(
    receive: Receive,
    mail: Mail,
    take_in: Callable[..., None],
    send_all: Callable[[], list[str]],
    rows: Rows,
    clock: FakeClock,
) -> None:
    receive(mail())
    assert ["registered"] == send_all()
    take_in(Milestone.ARRIVED_IN_COUNTRY)
    clock.advance(days=1)
    take_in(Milestone.CUSTOMS_CLEARED)
    assert ["arrived_in_country", "customs_cleared"] == send_all()

    clock.advance(days=1)
    receive(mail(address=BRUNO.address))
    assert [("registered", clock.now())] == [
        (notice["kind"], notice["next_attempt_at"]) for notice in rows(t.notice, state="due")
    ]
    send_all()
    clock.advance(days=1)
    take_in(Milestone.OUT_FOR_DELIVERY)
    assert ["out_for_delivery"] * 2 == send_all()


def test_news_that_comes_before_the_newcomer_s_first_mail_is_told_in_it(
    receive: Receive,
    mail: Mail,
    take_in: Callable[..., None],
    send_all: Callable[[], list[str]],
    clock: FakeClock,
) -> None:
    receive(mail())
    take_in(Milestone.ARRIVED_IN_COUNTRY)
    assert ["registered"] == send_all()

    receive(mail(address=BRUNO.address))
    take_in(Milestone.CUSTOMS_CLEARED)
    assert ["customs_cleared", "registered"] == sorted(send_all())


# --- bounces ------------------------------------------------------------------------


def _bounce(message_id: str, status: str = "5.1.1") -> bytes:
    return (
        "From: MAILER-DAEMON@mx.example.org\r\n"
        "To: suivi@colis.example\r\n"
        "Subject: Undelivered Mail Returned to Sender\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n'
        "\r\n"
        "--b\r\nContent-Type: text/plain\r\n\r\nI'm sorry.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example.org\r\n\r\n"
        f"Final-Recipient: rfc822; ana@example.org\r\nAction: failed\r\nStatus: {status}\r\n\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\n"
        f"From: suivi@colis.example\r\nMessage-ID: {message_id}\r\nSubject: Colis\r\n\r\nx\r\n"
        "--b--\r\n"
    ).encode()


def test_a_mail_of_ours_that_came_back_silences_its_reader_until_they_write_again(
    receive: Receive, mail: Mail, send_all: Callable[[], list[str]], rows: Rows, clock: FakeClock
) -> None:
    receive(mail())
    send_all()
    (notice,) = rows(t.notice)
    assert "bounce" == receive(_bounce(notice["message_id"]))["outcome"]
    assert [clock.now()] == [person["bounced_at"] for person in rows(t.subscriber)]

    receive(mail(parcel="LP00123456789013"))
    assert [None] == [person["bounced_at"] for person in rows(t.subscriber)]


def test_a_forged_report_silences_nobody(
    receive: Receive, mail: Mail, send_all: Callable[[], list[str]], rows: Rows
) -> None:
    receive(mail())
    send_all()

    assert "bounce" == receive(_bounce("<forged@colis.example>"))["outcome"]
    assert [None] == [person["bounced_at"] for person in rows(t.subscriber)]


def test_a_mail_that_is_only_late_silences_nobody(
    receive: Receive, mail: Mail, send_all: Callable[[], list[str]], rows: Rows
) -> None:
    receive(mail())
    send_all()
    receive(_bounce(rows(t.notice)[0]["message_id"], "4.2.2"))

    assert [None] == [person["bounced_at"] for person in rows(t.subscriber)]


# --- mails that break -----------------------------------------------------------------


def test_a_mail_that_breaks_the_reader_is_quarantined_and_the_others_go_on(
    keep: Callable[[bytes], None],
    read_all: Callable[[], None],
    mail: Mail,
    rows: Rows,
    clock: FakeClock,
    logged: list[Mapping[str, Any]],
) -> None:
    deep = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (i, i)
        for i in range(1_500)
    )
    keep(deep)
    keep(mail())
    for _ in range(3):
        read_all()
        clock.advance(seconds=61)
    read_all()

    assert [("quarantined", 3), ("tracked", 0)] == [
        (row["outcome"], row["attempts"]) for row in rows(t.inbound)
    ]
    assert "cannot be read" in rows(t.inbound)[0]["reason"]
    assert [1, 2, 3] == [entry["attempt"] for entry in logged if "attempt" in entry]


def test_a_mail_that_breaks_what_follows_from_it_is_quarantined_whole(
    keep: Callable[[bytes], None],
    read_all: Callable[[], None],
    mail: Mail,
    rows: Rows,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("ana@example.org")

    keep(mail())
    monkeypatch.setattr("mailtrack.store.notices.owe", broken)
    for _ in range(4):
        read_all()
        clock.advance(seconds=61)

    (row,) = rows(t.inbound)
    assert ("quarantined", 3) == (row["outcome"], row["attempts"])
    assert "ValueError" in row["reason"]
    assert "ana@example.org" not in row["reason"]
    assert [[], [], []] == [rows(table) for table in (t.subscriber, t.parcel, t.subscription)]


def test_an_outage_of_the_store_or_a_kill_now_and_then_quarantines_no_mail(
    keep: Callable[[bytes], None],
    read_all: Callable[[], None],
    mail: Mail,
    rows: Rows,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(*_: object, **__: object) -> None:
        raise TransientError("The database does not answer.")

    keep(mail())
    with monkeypatch.context() as broken:
        broken.setattr("mailtrack.inbox.handling.MailHandler.act", away)
        for _ in range(12):
            with pytest.raises(TransientError):
                read_all()
            clock.advance(seconds=120)
    read_all()

    assert ["tracked"] == [row["outcome"] for row in rows(t.inbound)]


def test_a_mail_is_read_by_the_holder_of_its_claim_only(
    keep: Callable[[bytes], None], reader: Reader, mail: Mail, rows: Rows
) -> None:
    keep(mail())
    reader.read([InboundId(1)], "somebody else's token")

    assert [(None, 0)] == [(row["outcome"], row["attempts"]) for row in rows(t.inbound)]


# --- again, and at once ---------------------------------------------------------------


def test_reading_everything_again_changes_nothing(
    receive: Receive,
    read_all: Callable[[], None],
    order_mail: Mail,
    mail: Mail,
    send_all: Callable[[], list[str]],
    store: Store,
    rows: Rows,
    clock: FakeClock,
) -> None:
    receive(order_mail())
    receive(mail())
    receive(mail(address=BRUNO.address))
    receive(forwarded(gmail, not_a_shop_mail(), ANA, clock.now(), "Et ça ?", 1))
    send_all()
    what = (t.subscriber, t.subscription, t.parcel, t.notice, t.tracking_event)
    before = [rows(table) for table in what]
    with store.write() as connection:
        assert 4 == inbound.reread(connection, clock.now())
    read_all()

    assert before == [rows(table) for table in what]
    assert None not in [row["outcome"] for row in rows(t.inbound)]


def test_two_mails_of_one_person_that_are_read_at_once_subscribe_once(
    keep: Callable[[bytes], None],
    store: Store,
    reader: Reader,
    receive: Receive,
    order_mail: Mail,
    rows: Rows,
    clock: FakeClock,
) -> None:
    orders = [f"305416991888010{last}" for last in range(6)]
    receive(order_mail())  # the person is known already
    for order in orders:
        keep(order_mail(order))
        keep(order_mail(order))
    with store.write() as connection:
        due = inbound.claim_unread(
            connection, token="t", now=clock.now(), until=clock.later(120), limit=100
        )
    both = Barrier(2)

    def read(mails: list[InboundId]) -> None:
        for number in mails:
            both.wait(10)
            reader.read([number], "t")

    due.sort()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(read, (due[::2], due[1::2])))

    assert 1 + len(orders) == len(rows(t.subscription))
    assert ["order_registered"] * (1 + len(orders)) == _owed(rows)


def test_a_mail_that_breaks_what_follows_from_it_takes_no_other_of_its_batch_with_it(
    keep: Callable[[bytes], None],
    read_all: Callable[[], None],
    mail: Mail,
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    act = MailHandler.act

    def break_for_bruno(this: MailHandler) -> MailResult:
        result = act(this)
        if this.mail.sender.address == BRUNO.address:
            raise ZeroDivisionError
        return result

    monkeypatch.setattr(MailHandler, "act", break_for_bruno)
    for address in (ANA.address, BRUNO.address, "eve@example.org"):
        keep(mail(address=address))
    read_all()

    assert ["tracked", None, "tracked"] == [row["outcome"] for row in rows(t.inbound)]
    assert [0, 1, 0] == [row["attempts"] for row in rows(t.inbound)]
    assert 2 == len(rows(t.subscription))


@pytest.mark.parametrize(
    "header",
    [
        "List-Unsubscribe: <mailto:leave@example.org>",
        "List-Id: Le quartier <quartier.example.org>",
        "Precedence: list",
        "Feedback-ID: 1:news",
    ],
)
def test_a_newsletter_is_recorded_and_never_answered(
    receive: Receive, rows: Rows, header: str
) -> None:
    """It may be signed by its domain like any person's mail."""
    raw = _signed("nouvelles@example.org", header)

    assert "not_a_shop_mail" == receive(raw)["outcome"]
    assert [] == rows(t.notice)


@pytest.mark.parametrize(
    "local", ["noreply", "no-reply", "ne-pas-repondre", "news.no_reply", "bounce+1"]
)
def test_who_says_that_nobody_reads_their_mail_gets_none(
    receive: Receive, rows: Rows, local: str
) -> None:
    receive(_signed(f"{local}@example.org"))

    assert [] == rows(t.notice)


def test_a_person_whose_name_only_looks_like_a_robot_s_is_answered(
    receive: Receive, rows: Rows
) -> None:
    receive(_signed("noe.reply@example.org"))

    assert ["nothing_found"] == [row["kind"] for row in rows(t.notice)]


def _signed(sender: str, header: str = "X-Nothing: 1") -> bytes:
    lines = [
        f"Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d=example.org",
        f"From: Quelqu'un <{sender}>",
        f"To: {FORWARD_TO}",
        "Subject: Bonjour",
        header,
        "",
        "Bonjour, voici quelques nouvelles.",
    ]
    return "\r\n".join(lines).encode()


def _says(words: str) -> bytes:
    head = f"Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d=example.org"
    return f"{head}\r\nFrom: Ana <{ANA.address}>\r\nSubject: {words}\r\n\r\n{words}\r\n".encode()


def test_stop_ends_everything_and_is_answered_once(
    receive: Receive, mail: Mail, rows: Rows
) -> None:
    receive(mail(NUMBER))

    assert "command" == receive(_says("STOP"))["outcome"]
    assert all(row["muted_at"] for row in rows(t.subscription))
    assert all(row["unsubscribed_at"] for row in rows(t.subscriber))
    assert ["goodbye"] == [row["kind"] for row in rows(t.notice) if row["kind"] == "goodbye"]


def test_stop_with_a_number_ends_that_parcel_alone(
    receive: Receive, mail: Mail, rows: Rows
) -> None:
    receive(mail(NUMBER))
    receive(mail("LP00123456789013"))

    assert "command" == receive(_says(f"STOP {NUMBER}"))["outcome"]
    assert [True, False] == [row["muted_at"] is not None for row in rows(t.subscription)]
    assert not any(row["unsubscribed_at"] for row in rows(t.subscriber))


def test_help_is_answered(receive: Receive, rows: Rows) -> None:
    receive(_says("AIDE"))

    assert ["help"] == [row["kind"] for row in rows(t.notice)]


# --- one sender among many ------------------------------------------------------------


def test_an_address_adds_so_many_new_parcels_a_day_and_is_told_once_of_the_rest(
    receive: Receive, mail: Mail, rows: Rows, clock: FakeClock
) -> None:
    numbers = [f"LP0012345678{n:04}" for n in range(33)]
    outcomes = [
        receive(mail(number, order=f"30541699188{i:05}"))["outcome"]
        for i, number in enumerate(numbers)
    ]
    clock.advance(hours=25)
    tomorrow = receive(mail(numbers[-1], order="3054169918880099", item="Tapis"))

    assert ["tracked"] * 30 + ["refused"] * 3 == outcomes
    assert 1 == len(rows(t.notice, kind="too_many"))
    assert "tracked" == tomorrow["outcome"]


def test_a_mail_over_the_share_leaves_nothing_behind_and_nobody_else_pays_for_it(
    receive: Receive, mail: Mail, reader: Reader, rows: Rows
) -> None:
    for number in range(31):
        receive(mail(f"LP0012345678{number:04}", order=f"30541699188{number:05}"))
    other = receive(mail(NUMBER, address="bruno@example.org"))

    assert 31 == len(rows(t.parcel)) == len(rows(t.leg)) == len(rows(t.subscription))
    assert "tracked" == other["outcome"]


def test_news_of_a_parcel_that_is_followed_is_taken_however_many_are_new_today(
    receive: Receive, mail: Mail
) -> None:
    for number in range(31):
        receive(mail(f"LP0012345678{number:04}", order=f"30541699188{number:05}"))

    known = receive(mail("LP00123456780000", order="3054169918800000", item="Tapis"))
    assert "updated" == known["outcome"]


def _trace(store: Store, number: int) -> object:
    """Return the id of the mail that a notice goes back to, as an operator is told it."""
    with store.read() as connection:
        (told,) = one_notice(connection, number)
    return told.as_dicts()[0]["trace"]


def test_one_id_leads_through_the_logs_from_a_mail_to_all_its_notices(
    receive: Receive,
    mail: Mail,
    send_all: Callable[[], list[str]],
    take_in: Callable[..., None],
    store: Store,
    rows: Rows,
    logged: list[Mapping[str, Any]],
) -> None:
    raw = mail()
    receive(raw)
    send_all()  # "suivi enregistré"
    take_in(Milestone.CUSTOMS_CLEARED)

    trace = inbound.trace_of(raw)
    assert [trace] == [entry["trace"] for entry in logged if entry["event"] == "mail read"]
    assert [trace, trace] == [_trace(store, row["id"]) for row in rows(t.notice)]


def test_an_answer_has_the_id_of_the_mail_that_it_answers(
    receive: Receive, mail: Mail, store: Store, rows: Rows
) -> None:
    receive(mail())
    question = _says("AIDE")
    receive(question)

    (answer,) = rows(t.notice, kind="help")
    assert inbound.trace_of(question) == _trace(store, answer["id"])
