"""The mail as it leaves: its headers, its parts, its conversation."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from mailtrack.errors import ConfigurationError, PermanentError
from mailtrack.notify.mail import MailNames, SmtpIdentity, compose
from mailtrack.notify.render import RenderedMail
from mailtrack.notify.samples import LINKS, NOW, sample
from mailtrack.notify.view import NoticeKind, NoticeView

SENDER = SmtpIdentity("colis@example.org", "mailtrack")
TEXTS = RenderedMail(
    "Dédouané\u00a0: votre colis LP…84", "Bonjour à vous\n", "<p>Bonjour à vous</p>"
)
VIEW = sample(NoticeKind.CUSTOMS_CLEARED)
LONG_ID = f"<{'x' * 120}@mail.example.org>"


def wire(view: NoticeView = VIEW, texts: RenderedMail = TEXTS) -> bytes:
    return compose(view, texts, SENDER, NOW).wire


def received(view: NoticeView = VIEW, texts: RenderedMail = TEXTS) -> EmailMessage:
    """Return the mail as the other side reads it."""
    return message_from_bytes(wire(view, texts), policy=policy.default)


def test_both_parts_arrive_whole() -> None:
    message = received()
    text, html = message.get_body(("plain",)), message.get_body(("html",))

    assert "multipart/alternative" == message.get_content_type()
    assert text is not None
    assert html is not None
    assert "Bonjour à vous" == text.get_content().strip()
    assert "<p>Bonjour à vous</p>" == html.get_content().strip()


def test_the_envelope_names_sender_recipient_subject_and_time() -> None:
    message = received()

    assert "mailtrack <colis@example.org>" == message["From"]
    assert "camille@example.org" == message["To"]
    assert TEXTS.subject == message["Subject"]
    assert datetime(2026, 3, 10, 13, 5, tzinfo=UTC) == message["Date"].datetime


def test_a_notice_has_one_message_id_for_ever() -> None:
    assert "<7-customs_cleared-1@example.org>" == received()["Message-ID"]
    assert wire() == wire()


def test_a_mail_has_one_name_for_who_has_the_secret_and_none_for_a_stranger() -> None:
    """Nothing but the secret is needed, so a restored service names a repeated mail alike."""
    mail = ("j5xw4z3pnzsxgzlm", "delivered", "1")
    name = MailNames("secret").name(*mail)

    assert name == MailNames("secret").name(*mail)
    assert name != MailNames("guessed").name(*mail)
    assert len(name) == len("0123456789abcdef-0123456789abcdef")


@pytest.mark.parametrize(
    "other", [("parcel", "delivered", "2"), ("parcel", "returned", "1"), ("parcel2", "x", "")]
)
def test_no_two_mails_have_one_name(other: tuple[str, str, str]) -> None:
    names = MailNames("secret")
    here, there = names.name("parcel", "delivered", "1"), names.name(*other)
    same_conversation = here.partition("-")[0] == there.partition("-")[0]

    assert here != there
    assert same_conversation == (other[0] == "parcel")


def test_the_mails_of_one_parcel_are_one_conversation() -> None:
    cleared, delivered = received(), received(sample(NoticeKind.DELIVERED))

    assert "<thread-7@example.org>" == cleared["In-Reply-To"]
    assert cleared["References"] == delivered["References"]
    assert cleared["Message-ID"] != delivered["Message-ID"]


def test_an_answer_to_a_forward_stands_under_it() -> None:
    message = received(replace(VIEW, message_id="<forward-1@mail.example.org>"))

    assert "<forward-1@mail.example.org>" == message["In-Reply-To"]
    assert ["<thread-7@example.org>", "<forward-1@mail.example.org>"] == message[
        "References"
    ].split()


@pytest.mark.parametrize("forged", ["<a@b>\r\nBcc: x@example.org", "no id", "<a b@c>", "<é@b>"])
def test_a_forged_message_id_is_left_out(forged: str) -> None:
    message = received(replace(VIEW, message_id=forged))

    assert "<thread-7@example.org>" == message["In-Reply-To"]
    assert message["Bcc"] is None


def test_one_click_stops_this_parcel() -> None:
    message = received()

    assert f"<{LINKS.stop_parcel}>" == message["List-Unsubscribe"]
    assert "List-Unsubscribe=One-Click" == message["List-Unsubscribe-Post"]


def test_one_click_stops_everything_where_the_mail_is_about_no_parcel() -> None:
    message = received(sample(NoticeKind.NOTHING_FOUND))

    assert f"<{LINKS.stop_all}>" == message["List-Unsubscribe"]


def test_long_identifiers_are_not_broken_into_encoded_words() -> None:
    link = f"https://{'suivi.' * 20}example.org/d/Nw.{'y' * 43}"
    view = replace(VIEW, message_id=LONG_ID, links=replace(LINKS, stop_parcel=link))

    assert f"\r\nList-Unsubscribe: <{link}>\r\n".encode() in wire(view)
    assert f"\r\nIn-Reply-To: {LONG_ID}\r\n".encode() in wire(view)
    assert f"\r\n {LONG_ID}\r\n".encode() in wire(view)


def test_machines_know_that_a_machine_wrote() -> None:
    message = received()

    assert "auto-generated" == message["Auto-Submitted"]
    assert "All" == message["X-Auto-Response-Suppress"]
    assert "customs_cleared:mailtrack" == message["Feedback-ID"]
    assert "7-customs_cleared-1" == message["X-Mailtrack-Notice"]


def test_a_subject_cannot_bring_a_header_with_it() -> None:
    hostile = replace(TEXTS, subject="Bonjour\r\nBcc: x@example.org\u2028Cc: y@example.org")
    message = received(texts=hostile)

    assert "Bonjour Bcc: x@example.org Cc: y@example.org" == message["Subject"]
    assert message["Bcc"] is None
    assert message["Cc"] is None


@pytest.mark.parametrize("subject", ["Suivi de colis", "Dédouané\u00a0: 📦 " * 8, "mot " * 60])
def test_a_subject_arrives_to_the_letter_however_long(subject: str) -> None:
    texts = replace(TEXTS, subject=subject.strip())

    assert subject.strip() == received(texts=texts)["Subject"]
    assert 998 > max(len(line) for line in wire(texts=texts).split(b"\r\n"))


@pytest.mark.parametrize("name", ["Suivi de colis", "Suivi, « colis » d’été"])
def test_the_operator_s_name_arrives_to_the_letter(name: str) -> None:
    mail = compose(VIEW, TEXTS, replace(SENDER, from_name=name), NOW)
    sender = message_from_bytes(mail.wire, policy=policy.default)["From"].addresses[0]

    assert (name, "colis@example.org") == (sender.display_name, sender.addr_spec)


def test_what_would_bring_a_header_with_it_is_not_sent() -> None:
    links = replace(LINKS, stop_parcel="https://x.example/>\r\nBcc: x@example.org")

    with pytest.raises(ValueError, match="List-Unsubscribe is one printable line"):
        wire(replace(VIEW, links=links))


@pytest.mark.parametrize(
    "address",
    ["", "nobody", "a@example.org, b@example.org", "a@example.org\nBcc: b@example.org", "é@a.fr"],
)
def test_an_address_that_is_none_or_several_is_refused(address: str) -> None:
    with pytest.raises(PermanentError, match="address"):
        compose(replace(VIEW, to=address), TEXTS, SENDER, NOW)


def test_a_domain_with_accents_is_written_for_the_wire() -> None:
    message = received(replace(VIEW, to="camille@émail.example"))

    assert "camille@xn--mail-9oa.example" == message["To"]


def test_no_line_is_longer_than_mail_servers_take() -> None:
    texts = replace(TEXTS, html="<p>" + "très long " * 2000 + "</p>", text="très long " * 2000)

    assert 998 >= max(len(line) for line in wire(texts=texts).split(b"\r\n"))


@pytest.mark.parametrize("address", ["", "Colis <colis@example.org>", "a@b, c@d", "colis@"])
def test_an_impossible_address_of_our_own_is_no_fault_of_the_reader(address: str) -> None:
    with pytest.raises(ConfigurationError, match="MAILTRACK_SMTP__FROM_ADDRESS"):
        compose(VIEW, TEXTS, SmtpIdentity(address, "mailtrack"), NOW)
