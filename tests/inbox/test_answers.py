"""Always an answer: a person who writes to us hears what became of it, a machine does not."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mailtrack.clock import FakeClock
from mailtrack.domain.model import NoticeId
from mailtrack.notify.render import Renderer, templates_dir
from mailtrack.notify.samples import sample
from mailtrack.notify.view import NoticeKind
from mailtrack.runtime.services import Services
from mailtrack.sandbox.mails import AUTHSERV_ID, FORWARD_TO
from mailtrack.store import inbound, notices, subscription_details
from mailtrack.store import schema as t
from mailtrack.store.engine import Store

Rows = Callable[..., list[Mapping[str, Any]]]
Mail = Callable[..., bytes]
Receive = Callable[..., Mapping[str, Any]]

NUMBER = "LP00123456789012"
OTHER = "LP00123456789013"

#: A body that no parser of the standard library gets through.
POISON = b"".join(
    b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(1_500)
)


def signed(subject: str, *headers: str, domain: str = "example.org") -> bytes:
    lines = [
        f"Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d={domain}",
        "From: Ana <ana@example.org>",
        f"To: {FORWARD_TO}",
        f"Subject: {subject}",
        *headers,
    ]
    return "\r\n".join([*lines, ""]).encode()


@pytest.fixture
def give_up(
    keep: Callable[[bytes], None], read_all: Callable[[], None], clock: FakeClock, rows: Rows
) -> Receive:
    """Read a mail as often as a mail is read that cannot be read; return its row."""

    def make(raw: bytes) -> Mapping[str, Any]:
        keep(raw)
        for _ in range(inbound.MOST_ATTEMPTS):
            read_all()
            clock.advance(seconds=61)
        return rows(t.inbound)[-1]

    return make


def owed(rows: Rows) -> list[str]:
    return [row["kind"] for row in rows(t.notice, state="due")]


# --- mails that cannot be read --------------------------------------------------------


def test_who_sent_what_we_cannot_read_is_told_so_once(
    give_up: Receive, read_all: Callable[[], None], store: Store, clock: FakeClock, rows: Rows
) -> None:
    row = give_up(signed("Mon colis") + POISON)

    assert ("quarantined", "Mon colis") == (row["outcome"], row["subject"])
    assert "cannot be read" in row["reason"]
    assert ["nothing_found"] == owed(rows)

    with store.write() as connection:
        inbound.reread(connection, clock.now())
    for _ in range(inbound.MOST_ATTEMPTS):
        read_all()
        clock.advance(seconds=61)
    assert ["quarantined"] == [row["outcome"] for row in rows(t.inbound)]
    assert ["nothing_found"] == owed(rows)


def test_a_mistake_of_ours_is_told_to_the_sender_as_well(
    give_up: Receive, mail: Mail, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError

    monkeypatch.setattr("mailtrack.store.orders.order_of", broken)

    assert "quarantined" == give_up(mail())["outcome"]
    assert ["nothing_found"] == owed(rows)


@pytest.mark.parametrize(
    "head",
    [
        signed("Mon colis", domain="evil.example"),
        signed("Mon colis", "List-Id: <quartier.example.org>"),
        signed("Absence", "Auto-Submitted: auto-replied"),
        signed("Mon colis").replace(b"ana@", b"noreply@"),
        signed("Mon colis", "X-A: " + "a" * 400_000),
        b"",
    ],
    ids=["unproven", "list", "automatic", "noreply", "endless header", "nobody"],
)
def test_what_cannot_be_read_and_comes_from_no_proven_person_is_not_answered(
    give_up: Receive, rows: Rows, head: bytes
) -> None:
    assert "quarantined" == give_up(head + POISON)["outcome"]
    assert [] == rows(t.notice)
    assert [] == rows(t.subscriber)


# --- imitations and rules -------------------------------------------------------------


def test_who_forwards_an_imitation_is_warned(receive: Receive, mail: Mail, rows: Rows) -> None:
    fake = mail().replace(b"transaction@notice.aliexpress.com", b"transaction@aliexpress-fr.shop")

    assert "refused" == receive(fake)["outcome"]
    assert ["nothing_found"] == owed(rows)


def test_an_imitation_from_who_knows_whom_is_not_answered(
    receive: Receive, mail: Mail, rows: Rows
) -> None:
    fake = mail().replace(b"transaction@notice.aliexpress.com", b"transaction@aliexpress-fr.shop")

    assert "refused" == receive(fake.partition(b"\r\n")[2])["outcome"]
    assert [] == rows(t.notice)


def test_a_rule_hears_nothing_of_what_its_mails_lack(
    receive: Receive, mail: Mail, services: Services, rows: Rows
) -> None:
    """It forwards every mail of the shop, surveys and all; nobody waits for an answer."""
    receive(mail())
    (ana,) = rows(t.subscriber)
    to = f"X-Forwarded-To: {services.addresses.of(ana['key'])}"
    raw = signed("Donnez votre avis", to, domain="aliexpress.com")
    shop = b"From: AliExpress <transaction@notice.aliexpress.com>"
    receive(raw.replace(b"From: Ana <ana@example.org>", shop) + b"\r\nVotre avis compte.\r\n")

    assert "nothing_found" == rows(t.inbound)[-1]["outcome"]
    assert ["registered"] == owed(rows)


# --- STOP, and again ------------------------------------------------------------------


def test_stop_for_one_parcel_is_answered_for_that_parcel(
    receive: Receive, mail: Mail, rows: Rows
) -> None:
    receive(mail(NUMBER))
    receive(mail(OTHER))
    receive(signed(f"STOP {OTHER}") + b"\r\n")

    (goodbye,) = rows(t.notice, kind="goodbye")
    assert rows(t.subscription)[1]["id"] == goodbye["subscription_id"]


def test_stop_for_a_parcel_that_is_not_followed_is_answered_with_help(
    receive: Receive, mail: Mail, rows: Rows
) -> None:
    receive(mail(NUMBER))
    receive(signed(f"STOP {OTHER}") + b"\r\n")

    assert ["registered", "help"] == owed(rows)


def test_who_forwards_a_stopped_parcel_again_follows_it_again_and_is_told(
    receive: Receive, mail: Mail, rows: Rows, clock: FakeClock
) -> None:
    receive(mail())
    receive(signed(f"STOP {NUMBER}") + b"\r\n")
    clock.advance(days=1)

    assert "tracked" == receive(mail())["outcome"]
    assert [None] == [row["muted_at"] for row in rows(t.subscription)]
    assert ["registered", "goodbye", "registered"] == owed(rows)


def test_reading_old_mails_again_takes_no_stop_back(
    receive: Receive,
    read_all: Callable[[], None],
    mail: Mail,
    store: Store,
    rows: Rows,
    clock: FakeClock,
) -> None:
    receive(mail(NUMBER))
    receive(mail(OTHER))
    clock.advance(hours=1)
    receive(signed(f"STOP {NUMBER}") + b"\r\n")
    clock.advance(hours=1)
    receive(signed("STOP") + b"\r\n")
    with store.write() as connection:
        inbound.reread(connection, clock.now())
    read_all()

    assert all(row["muted_at"] for row in rows(t.subscription))
    assert all(row["unsubscribed_at"] for row in rows(t.subscriber))


# --- what the answers say -------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "subject", "sentence"),
    [
        ("refused", "Attention, ce mail imite AliExpress", "N’ouvrez pas ses liens"),
        ("quarantined", "Nous n’avons pas pu lire votre mail", "pas réussi à le lire"),
        ("not_a_shop_mail", "Rien à suivre dans", "ni numéro de commande"),
    ],
)
def test_the_answer_says_why_nothing_is_followed(outcome: str, subject: str, sentence: str) -> None:
    view = replace(sample(NoticeKind.NOTHING_FOUND), outcome=outcome)
    rendered = Renderer(templates_dir()).render(view)

    assert rendered.subject.startswith(subject)
    assert sentence in rendered.text
    assert sentence in rendered.html


def test_the_answer_to_a_stopped_parcel_names_it_and_offers_it_again(
    receive: Receive, mail: Mail, services: Services, store: Store, clock: FakeClock, rows: Rows
) -> None:
    receive(mail())
    receive(signed(f"STOP {NUMBER}") + b"\r\n")
    with store.write() as connection:
        later = clock.now() + timedelta(hours=1)
        notices.claim_notices(connection, token="t", now=later, until=later, limit=9)
        number = NoticeId(rows(t.notice, kind="goodbye")[0]["id"])
        ((owed_now, reader),) = notices.claimed(connection, [number], "t")
        assert owed_now.subscription is not None
        details = subscription_details.read(connection, [owed_now.subscription])[
            owed_now.subscription
        ]
        view = services.views.notice(connection, owed_now, details, reader.address, clock.now())
    rendered = Renderer(templates_dir()).render(view)

    assert rendered.subject.startswith("Suivi arrêté")
    assert NUMBER in rendered.text
    assert "Reprendre ce suivi" in rendered.html
    assert view.action in rendered.text
    assert "dernier mail" not in rendered.text
