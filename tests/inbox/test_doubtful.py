"""A number that nothing proves is asked about, and followed at its reader's word alone."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from mailtrack.clock import FakeClock
from mailtrack.domain.model import RowKey
from mailtrack.inbox import doubtful
from mailtrack.inbox.quotas import ParcelQuotas
from mailtrack.runtime.services import Services
from mailtrack.sandbox.mails import AUTHSERV_ID, FORWARD_TO
from mailtrack.store import doubtful_numbers, erasure, inbound, people, personal_data
from mailtrack.store import schema as t
from mailtrack.store.engine import Store

Rows = Callable[..., list[Mapping[str, Any]]]
Receive = Callable[..., Mapping[str, Any]]

WRONG, RIGHT = "6A15602676301", "6A15602676300"
ROOMY = ParcelQuotas(per_address=30, per_domain=300, in_all=20_000)


def typed(*lines: str, subject: str = "colis", domain: str = "example.org") -> bytes:
    """Return a mail that Ana wrote herself, as our server got it."""
    return "\r\n".join(
        [
            f"Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d={domain}",
            f"Received: from mail.example.org (mail.example.org [192.0.2.1]) by {AUTHSERV_ID}; x",
            "From: Ana <ana@example.org>",
            f"To: {FORWARD_TO}",
            f"Subject: {subject}",
            "Content-Type: text/plain; charset=utf-8",
            "",
            *lines,
        ]
    ).encode()


def owed(rows: Rows) -> list[str]:
    return [row["kind"] for row in rows(t.notice, state="due")]


@pytest.fixture
def agree(store: Store, clock: FakeClock) -> Callable[..., str]:
    """Say of the number that was asked about last that it is one's own."""

    def make(quotas: ParcelQuotas = ROOMY) -> str:
        with store.write() as connection:
            owner = people.find_subscriber(connection, "ana@example.org")
            assert owner is not None
            asked = doubtful_numbers.of_subscriber(connection, owner)[-1]
            return doubtful.follow(connection, asked, ["cainiao", "laposte"], quotas, clock)

    return make


# --- asked about, and not followed ----------------------------------------------------


def test_a_miscopied_number_is_asked_about_and_not_followed(receive: Receive, rows: Rows) -> None:
    assert "nothing_found" == receive(typed(WRONG))["outcome"]

    assert [] == rows(t.parcel)
    assert ["read_summary"] == owed(rows)
    (asked,) = rows(t.doubtful_number)
    assert (WRONG, "laposte", "check_digit", None) == (
        asked["number"],
        asked["carriers"],
        asked["why"],
        asked["answered_at"],
    )


def test_beside_it_a_right_number_is_followed_as_always(receive: Receive, rows: Rows) -> None:
    assert "tracked" == receive(typed(RIGHT, WRONG))["outcome"]

    assert [RIGHT] == [row["number"] for row in rows(t.parcel)]
    assert ["read_summary", "registered"] == sorted(owed(rows))


def test_the_same_number_again_is_one_question_with_one_link(receive: Receive, rows: Rows) -> None:
    receive(typed(WRONG))
    receive(typed("Bonjour", WRONG))

    assert 1 == len(rows(t.doubtful_number))


def test_who_is_not_proven_is_asked_who_they_are_first(
    receive: Receive, read_all: Callable[[], None], store: Store, clock: FakeClock, rows: Rows
) -> None:
    row = receive(typed(WRONG, domain="evil.example"))

    assert ("refused", WRONG) == (row["outcome"], row["names"])
    assert ["confirm_address"] == owed(rows)
    assert [] == rows(t.doubtful_number)

    with store.write() as connection:
        again = {"outcome": None, "due_at": clock.now(), "vouched_at": clock.now()}
        connection.execute(t.inbound.update().values(**again))
    read_all()

    assert ["confirm_address", "read_summary"] == owed(rows)
    assert [WRONG] == [asked["number"] for asked in rows(t.doubtful_number)]


def test_a_robot_is_not_asked(receive: Receive, rows: Rows) -> None:
    receive(typed(WRONG).replace(b"Subject:", b"List-Id: <quartier.example.org>\r\nSubject:"))

    assert [] == owed(rows)
    assert [] == rows(t.doubtful_number)


def test_a_person_is_asked_three_times_a_day_at_most(receive: Receive, rows: Rows) -> None:
    for n in range(1, 6):
        receive(typed(f"6A1560267630{n}"))

    assert ["read_summary"] * 3 == owed(rows)
    assert 3 == len(rows(t.doubtful_number))


def test_reading_the_mail_again_asks_no_second_time(
    receive: Receive, read_all: Callable[[], None], store: Store, clock: FakeClock, rows: Rows
) -> None:
    receive(typed(WRONG))
    with store.write() as connection:
        inbound.reread(connection, clock.now())
    read_all()

    assert ["read_summary"] == owed(rows)
    assert WRONG in repr(rows(t.inbound)[-1]["mails_read"])


# --- at their word --------------------------------------------------------------------


def test_at_its_reader_s_word_it_is_followed_as_if_their_mail_had_named_it(
    receive: Receive, agree: Callable[..., str], rows: Rows
) -> None:
    mail = receive(typed(WRONG))

    assert "" == agree()
    (parcel,), (mine,), (leg,) = rows(t.parcel), rows(t.subscription), rows(t.leg)
    assert (WRONG, "laposte", WRONG) == (parcel["number"], leg["carrier"], leg["number"])
    assert mail["content_key"].startswith(mine["trace"])
    assert ["read_summary", "registered"] == owed(rows)
    assert all(row["prompt"] for row in rows(t.notice))
    assert rows(t.doubtful_number)[0]["answered_at"] is not None


def test_a_second_word_changes_nothing(
    receive: Receive, agree: Callable[..., str], rows: Rows
) -> None:
    receive(typed(WRONG))
    agree()
    agree()

    assert 1 == len(rows(t.subscription))
    assert ["read_summary", "registered"] == owed(rows)


def test_a_day_s_share_holds_for_it_too(
    receive: Receive, agree: Callable[..., str], rows: Rows
) -> None:
    receive(typed(RIGHT, WRONG))
    full = ParcelQuotas(per_address=1, per_domain=300, in_all=20_000)

    assert "an address" in agree(full)
    assert [RIGHT] == [row["number"] for row in rows(t.parcel)]
    assert rows(t.doubtful_number)[0]["answered_at"] is None


def test_who_had_left_comes_back_for_this_parcel_alone(
    receive: Receive, agree: Callable[..., str], rows: Rows
) -> None:
    receive(typed(RIGHT))
    receive(typed(WRONG))
    receive(typed("", subject="STOP"))
    agree()

    assert [None] == [row["unsubscribed_at"] for row in rows(t.subscriber)]
    assert [True, False] == [row["muted_at"] is not None for row in rows(t.subscription)]


def test_a_parcel_that_was_stopped_is_taken_up_again_and_told(
    receive: Receive, agree: Callable[..., str], rows: Rows, clock: FakeClock
) -> None:
    receive(typed(WRONG))
    agree()
    receive(typed("", subject=f"STOP {WRONG}"))
    clock.advance(hours=1)
    agree()

    assert [None] == [row["muted_at"] for row in rows(t.subscription)]
    assert 2 == owed(rows).count("registered")


# --- what the answer tells ------------------------------------------------------------


def test_the_answer_holds_the_link_until_the_number_is_followed(
    receive: Receive, agree: Callable[..., str], services: Services, store: Store, rows: Rows
) -> None:
    mail = receive(typed(WRONG))

    def told() -> list[tuple[str, bool]]:
        with store.read() as connection:
            owner = rows(t.subscriber)[0]["id"]
            (summary,) = services.views._mails(connection, owner, mail["id"])
        return [(line.number, bool(line.action)) for line in summary.numbers]

    assert [(WRONG, True)] == told()
    agree()
    assert [(WRONG, False)] == told()


def test_a_forward_of_several_mails_is_told_of_mail_by_mail(receive: Receive, rows: Rows) -> None:
    blocks = [
        "---------- Forwarded message ---------",
        "De : Colissimo <noreply@notif-colissimo-laposte.info>",
        "Date: lun. 2 mars 2026 à 09:30",
        "Subject: Votre colis est en route !",
        "To: <ana@example.org>",
        "",
        f"N° du colis {RIGHT}",
        "",
        "---------- Forwarded message ---------",
        "De : Colissimo <noreply@notif-colissimo-laposte.info>",
        "Date: lun. 2 mars 2026 à 09:31",
        "Subject: Confirmation de la livraison de votre colis",
        "To: <ana@example.org>",
        "",
        "Votre colis n°6A12345678905 a été remis à son destinataire.",
    ]

    row = receive(typed(*blocks, subject="Fwd: colis"))

    assert "tracked" == row["outcome"]
    assert ["read_summary", "registered"] == sorted(owed(rows))
    assert [("Colissimo", [RIGHT], "parcel_update"), ("Colissimo", [], "sent_by_reader")] == [
        (mail["sender"], mail["numbers"], mail["kind"]) for mail in row["mails_read"]
    ]


def test_a_shop_that_nobody_declared_is_asked_about_beside_one_that_is_followed(
    receive: Receive, rows: Rows
) -> None:
    """Each mail of a forward counts by itself: what one makes certain, another does not."""
    row = receive(
        typed(
            "---------- Forwarded message ---------",
            "De : Colissimo <noreply@notif-colissimo-laposte.info>",
            "Date: lun. 2 mars 2026 à 09:30",
            "Subject: Votre colis est en route !",
            "To: <ana@example.org>",
            "",
            f"N° du colis {RIGHT}",
            "",
            "---------- Forwarded message ---------",
            "De : Boutique du coin <bonjour@boutique.example>",
            "Date: lun. 2 mars 2026 à 09:31",
            "Subject: Votre commande part",
            "To: <ana@example.org>",
            "",
            "N° de suivi : 31234567",
            subject="Fwd: colis",
        )
    )

    assert "tracked" == row["outcome"]
    assert [RIGHT] == [parcel["number"] for parcel in rows(t.parcel)]
    assert [("31234567", "uncertain")] == [
        (asked["number"], asked["why"]) for asked in rows(t.doubtful_number)
    ]
    assert [([RIGHT], []), ([], ["31234567"])] == [
        (mail["numbers"], mail["doubtful"]) for mail in row["mails_read"]
    ]


def test_one_mail_that_is_followed_is_answered_as_always(
    receive: Receive, mail: Callable[..., bytes], rows: Rows
) -> None:
    row = receive(mail())

    assert ["registered"] == owed(rows)
    assert row["mails_read"] is None


def test_what_asks_for_an_opinion_is_answered_as_such(receive: Receive, rows: Rows) -> None:
    row = receive(
        typed(
            "---------- Forwarded message ---------",
            "De : Colissimo <noreply@notif-colissimo-laposte.info>",
            "Date: lun. 2 mars 2026 à 09:31",
            "Subject: Confirmation de la livraison de votre colis",
            "To: <ana@example.org>",
            "",
            "Votre colis n°6A12345678905 a été remis à son destinataire.",
            subject="Fwd: colis",
        )
    )

    assert ("nothing_found", ["read_summary"]) == (row["outcome"], owed(rows))


def test_digits_alone_are_answered_with_what_to_write(receive: Receive, rows: Rows) -> None:
    assert "not_a_shop_mail" == receive(typed("37712345"))["outcome"]
    assert ["nothing_found"] == owed(rows)

    assert "tracked" == receive(typed("Mondial Relay 37712345"))["outcome"]
    assert ["37712345"] == [row["number"] for row in rows(t.parcel)]


# --- forgotten ------------------------------------------------------------------------


def test_a_question_is_forgotten_after_a_month(
    receive: Receive, services: Services, store: Store, clock: FakeClock, rows: Rows
) -> None:
    receive(typed(WRONG))
    (asked,) = rows(t.doubtful_number)

    def pass_days(days: int) -> None:
        for _ in range(days):  # a clock that jumps is not believed
            clock.advance(days=1)
            services.housekeeping().run()

    pass_days(30)
    assert [asked] == rows(t.doubtful_number)
    pass_days(1)
    assert [] == rows(t.doubtful_number)
    with store.read() as connection:
        assert doubtful_numbers.by_key(connection, RowKey(asked["key"])) is None


def test_what_was_read_is_erased_with_its_person(
    receive: Receive, services: Services, store: Store, clock: FakeClock, rows: Rows
) -> None:
    receive(typed(WRONG))
    owner = rows(t.subscriber)[0]["id"]
    with store.write() as connection:
        kept = personal_data.everything_about_subscriber(connection, owner, lambda key: key)
        erasure.erase(connection, owner)

    assert [WRONG] == [asked["number"] for asked in kept["numbers_asked_about"]]
    assert [[WRONG]] == [mail["doubtful"] for mail in kept["mails_received"][0]["mails_read"]]
    assert [] == rows(t.doubtful_number)
    assert [None] == [row["mails_read"] for row in rows(t.inbound)]


def test_what_was_read_is_forgotten_with_the_mail(
    receive: Receive, store: Store, clock: FakeClock, rows: Rows
) -> None:
    receive(typed(WRONG))
    with store.write() as connection:
        erasure.forget_raw(connection, clock.now() + timedelta(days=1))

    assert [None] == [row["mails_read"] for row in rows(t.inbound)]
