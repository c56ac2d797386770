"""What every mailbox promises: the same tests for the one in memory and for a real IMAP server."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest

from mailtrack.inbox.mailbox import Mailbox, MemoryMailbox, UnfetchableError, open_mailbox
from mailtrack.sandbox.imap import ImapServer

#: Latin-1 bytes, a line that starts with a dot, a NUL-free binary tail.
EIGHT_BIT = b"Subject: re\xe7u\r\n\r\n.D\xe9douan\xe9 \xff\xfe\r\n"
MAX_BYTES = 1_000


@dataclass
class Subject:
    """The mailbox under test, and how a mail gets into it."""

    mailbox: Mailbox
    deliver: Callable[..., None]


@pytest.fixture(params=["memory", "imap"])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    if request.param == "memory":
        fake = MemoryMailbox(max_bytes=MAX_BYTES)
        yield Subject(fake, fake.deliver)
        return
    with ImapServer("colis", "secret") as server:
        settings = server.settings().model_copy(update={"move_to": "Lus", "max_bytes": MAX_BYTES})
        mailbox = open_mailbox(settings)
        yield Subject(mailbox, server.deliver)
        mailbox.close()


def uids(subject: Subject, last_uid: int = 0) -> list[int]:
    return list(subject.mailbox.new_uids(last_uid))


def test_an_empty_folder_has_no_new_mails(subject: Subject) -> None:
    assert [] == uids(subject)


def test_new_mails_come_in_the_order_of_their_arrival(subject: Subject) -> None:
    for raw in (b"Subject: un\r\n\r\n", b"Subject: deux\r\n\r\n"):
        subject.deliver(raw)

    first, second = uids(subject)

    assert first < second
    assert b"Subject: un\r\n\r\n" == subject.mailbox.fetch(first).raw
    assert b"Subject: deux\r\n\r\n" == subject.mailbox.fetch(second).raw


def test_the_last_mail_is_not_new_again(subject: Subject) -> None:
    """The range n:* always holds the last mail, even one below n."""
    subject.deliver(EIGHT_BIT)
    last = uids(subject)[-1]

    assert [] == uids(subject, last)
    assert [] == uids(subject, last + 1_000)


def test_mails_are_kept_byte_for_byte(subject: Subject) -> None:
    subject.deliver(EIGHT_BIT)

    assert EIGHT_BIT == subject.mailbox.fetch(uids(subject)[0]).raw


def test_the_time_of_arrival_is_utc(subject: Subject) -> None:
    paris = timezone(timedelta(hours=1))
    subject.deliver(EIGHT_BIT, datetime(2026, 3, 2, 9, 0, tzinfo=paris))

    received_at = subject.mailbox.fetch(uids(subject)[0]).received_at

    assert datetime(2026, 3, 2, 8, 0, tzinfo=UTC) == received_at
    assert timedelta(0) == received_at.utcoffset()


def test_a_mail_that_is_gone_is_unfetchable(subject: Subject) -> None:
    with pytest.raises(UnfetchableError, match="mail 4711"):
        subject.mailbox.fetch(4711)


def test_of_a_mail_above_the_limit_the_words_are_read_and_the_rest_is_counted(
    subject: Subject,
) -> None:
    head = b"Subject: gros\r\n\r\nLP00827165784034\r\n"
    subject.deliver(head + b"x" * 5_000_000)
    subject.deliver(EIGHT_BIT)
    big, small = uids(subject)

    mail = subject.mailbox.fetch(big)

    assert mail.raw.startswith(head)
    assert len(head) + 5_000_000 == len(mail.raw) + mail.left_out
    assert mail.left_out > 3_900_000
    assert (EIGHT_BIT, 0) == (
        subject.mailbox.fetch(small).raw,
        subject.mailbox.fetch(small).left_out,
    )


def test_mails_are_fetched_together_up_to_one_that_has_to_be_had_alone(subject: Subject) -> None:
    at = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    for raw in (EIGHT_BIT, b"Subject: deux\r\n\r\n", b"x" * 2 * MAX_BYTES, EIGHT_BIT):
        subject.deliver(raw, at)
    found = uids(subject)

    together = subject.mailbox.fetch_some(found)

    assert [subject.mailbox.fetch(uid) for uid in found[:2]] == together
    assert {at} == {mail.received_at for mail in together}
    assert [] == subject.mailbox.fetch_some(found[2:])


def test_the_wait_ends_when_a_mail_arrives(subject: Subject) -> None:
    timer = threading.Timer(0.05, subject.deliver, [EIGHT_BIT])
    timer.start()

    subject.mailbox.wait(60.0, threading.Event())
    timer.join()

    assert len(uids(subject)) == 1


def test_the_wait_ends_when_its_time_is_over(subject: Subject) -> None:
    started = time.monotonic()

    subject.mailbox.wait(0.1, threading.Event())

    assert 0.09 < time.monotonic() - started < 60.0


def test_the_wait_ends_at_the_stop(subject: Subject) -> None:
    stop = threading.Event()
    timer = threading.Timer(0.05, stop.set)
    timer.start()
    started = time.monotonic()

    subject.mailbox.wait(60.0, stop)
    timer.join()

    assert time.monotonic() - started < 60.0


def test_a_moved_mail_is_no_longer_in_the_folder(subject: Subject) -> None:
    subject.deliver(EIGHT_BIT)
    uid = uids(subject)[0]

    subject.mailbox.move(uid)

    assert [] == uids(subject)


def test_a_mailbox_may_be_closed_twice(subject: Subject) -> None:
    subject.mailbox.close()
    subject.mailbox.close()
