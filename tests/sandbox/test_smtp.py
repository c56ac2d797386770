"""The mail relay of the sandbox: keeps what it gets, fails as it is told."""

import smtplib
import threading
import time
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from mailtrack.clock import FakeClock
from mailtrack.sandbox.smtp import Fault, SmtpSink


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink(clock=FakeClock(), slow_s=0.3) as running:
        yield running


def a_mail(subject: str = "Dédouané") -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "colis@example.org"
    mail["To"] = "zoe@example.org"
    mail["Subject"] = subject
    mail.set_content("Votre colis est dédouané.\n.\n")
    return mail


def send(sink: SmtpSink, mail: EmailMessage | None = None) -> None:
    with smtplib.SMTP(sink.host, sink.port, timeout=30.0) as client:
        client.send_message(mail or a_mail(), from_addr="bounce@example.org")


def test_a_mail_is_kept_with_its_envelope_its_bytes_and_its_time(sink: SmtpSink) -> None:
    send(sink)

    (kept,) = sink.messages
    assert kept.sender == "bounce@example.org"
    assert kept.recipients == ("zoe@example.org",)
    assert kept.message["Subject"] == "Dédouané"
    assert kept.message.get_content().splitlines() == ["Votre colis est dédouané.", "."]
    assert kept.raw.startswith(b"From: colis@example.org\r\n")
    assert kept.at == FakeClock().now()


def test_several_mails_pass_over_one_connection(sink: SmtpSink) -> None:
    with smtplib.SMTP(sink.host, sink.port, timeout=30.0) as client:
        client.send_message(a_mail("un"))
        client.send_message(a_mail("deux"))

    assert [kept.message["Subject"] for kept in sink.messages] == ["un", "deux"]


def test_waiting_ends_when_the_mail_arrives(sink: SmtpSink) -> None:
    timer = threading.Timer(0.05, send, [sink, a_mail("attendu")])
    timer.start()

    kept = sink.wait_for(lambda mail: mail.message["Subject"] == "attendu")
    timer.join()

    assert kept.recipients == ("zoe@example.org",)


def test_waiting_in_vain_says_what_is_there(sink: SmtpSink) -> None:
    send(sink, a_mail("autre"))

    with pytest.raises(TimeoutError, match=r"there are \['autre'\]"):
        sink.wait_for(lambda _: False, timeout=0.01)


ANSWERS = [
    (Fault.UNAVAILABLE, smtplib.SMTPSenderRefused, 421),
    (Fault.REFUSED_CONTENT, smtplib.SMTPDataError, 554),
]


@pytest.mark.parametrize(("fault", "error", "code"), ANSWERS)
def test_a_mail_is_refused_with_the_code_of_the_fault(
    sink: SmtpSink, fault: Fault, error: type[smtplib.SMTPResponseException], code: int
) -> None:
    sink.fail_next(fault)

    with pytest.raises(error) as caught:
        send(sink)

    assert caught.value.smtp_code == code
    assert sink.messages == []


@pytest.mark.parametrize(("fault", "code"), [(Fault.TRY_LATER, 451), (Fault.NO_SUCH_USER, 550)])
def test_a_recipient_is_refused_with_the_code_of_the_fault(
    sink: SmtpSink, fault: Fault, code: int
) -> None:
    sink.fail_next(fault)

    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        send(sink)

    assert [answer[0] for answer in caught.value.recipients.values()] == [code]
    assert sink.messages == []


@pytest.mark.parametrize(
    ("fault", "kept"), [(Fault.CLOSE_BEFORE_ACCEPTING, 0), (Fault.CLOSE_AFTER_ACCEPTING, 1)]
)
def test_a_sender_that_is_cut_off_cannot_tell_whether_the_mail_was_kept(
    sink: SmtpSink, fault: Fault, kept: int
) -> None:
    sink.fail_next(fault)

    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        send(sink)

    assert len(sink.messages) == kept


def test_a_slow_answer_takes_its_time(sink: SmtpSink) -> None:
    sink.fail_next(Fault.SLOW)
    started = time.monotonic()

    send(sink)

    assert time.monotonic() - started >= 0.3
    assert len(sink.messages) == 1


def test_a_fault_lasts_for_as_many_mails_as_it_was_told(sink: SmtpSink) -> None:
    sink.fail_next(Fault.TRY_LATER, times=2)

    for _ in range(2):
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(sink)
    send(sink)

    assert len(sink.messages) == 1


def test_faults_of_different_kinds_queue_up(sink: SmtpSink) -> None:
    sink.fail_next(Fault.TRY_LATER)
    sink.fail_next(Fault.UNAVAILABLE)

    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(sink)
    with pytest.raises(smtplib.SMTPSenderRefused):
        send(sink)
    send(sink)

    assert len(sink.messages) == 1


def test_a_fault_that_stands_meets_every_mail_until_it_is_over(sink: SmtpSink) -> None:
    sink.fail_always(Fault.TRY_LATER)
    for _ in range(2):
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(sink)
    sink.fail_always(None)
    send(sink)

    assert 1 == len(sink.messages)


def test_an_unknown_address_is_refused_and_the_others_are_not(sink: SmtpSink) -> None:
    sink.unknown = {"nobody@example.org"}
    lost = a_mail()
    lost.replace_header("To", "nobody@example.org")
    with pytest.raises(smtplib.SMTPRecipientsRefused, match="550"):
        send(sink, lost)
    send(sink)

    assert [("zoe@example.org",)] == [mail.recipients for mail in sink.messages]
