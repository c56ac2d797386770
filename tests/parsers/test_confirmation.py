"""Gmail's question whether mail may be forwarded to us."""

import pytest

from mailtrack.domain.model import Outcome
from mailtrack.parsers import parse
from mailtrack.parsers.message import Message
from mailtrack.parsers.reading import Confirmation, Person, Reading

GMAIL = Person("L’équipe Gmail", "forwarding-noreply@google.com")
LINK = "https://mail-settings.google.com/mail/vf-%5BANGjdJ8x%5D-Ab_c"
CANCEL = "https://mail-settings.google.com/mail/uf-%5BANGjdJ8x%5D-Ab_c"
SUBJECT = (
    "(#871234567) Confirmation du transfert par Gmail - Réception du message de jo@example.com"
)


def _read(subject: str, text: str, html: str = "", sender: Person = GMAIL) -> Reading:
    return parse(Message(sender=sender, subject=subject, text=text, html=html))


def test_the_link_the_code_and_who_asks_are_read() -> None:
    reading = _read(SUBJECT, f"jo@example.com demande …\n\n{LINK}\n\nPour annuler :\n{CANCEL}\n")

    assert (Outcome.FORWARDING_CONFIRMATION, "gmail") == (reading.outcome, reading.kind)
    assert Confirmation(LINK, "871234567", "jo@example.com") == reading.confirmation


def test_today_s_subject_has_a_lone_bracket_and_no_code() -> None:
    reading = _read(
        "(Gmail Forwarding Confirmation - Receive Mail from jane.doe@example.com", f"x\n{LINK}"
    )

    assert Confirmation(LINK, "", "jane.doe@example.com") == reading.confirmation


def test_the_code_may_stand_in_the_text_in_any_language() -> None:
    reading = _read(SUBJECT[13:], f"Kod potwierdzenia: 59387283\n{LINK}\n")

    assert reading.confirmation is not None
    assert "59387283" == reading.confirmation.code


def test_a_link_of_html_is_found_too() -> None:
    reading = _read(SUBJECT, "", f'<a href="{CANCEL}">non</a><a href="{LINK}">oui</a>')

    assert reading.confirmation is not None
    assert LINK == reading.confirmation.link


@pytest.mark.parametrize(
    "link",
    [
        CANCEL,
        "http://mail-settings.google.com/mail/vf-a",
        "https://mail-settings.google.com:443/mail/vf-a",
        "https://jo@mail-settings.google.com/mail/vf-a",
        "https://mail-settings.google.com@example.org/mail/vf-a",
        "https://mail-settings.google.com.example.org/mail/vf-a",
        "https://evil-google.com/mail/vf-a",
        "https://accounts.google.com/mail/vf-a",
        "https://mail.google.com/x/mail/vf-a",
        "https://mail.google.com\\@example.org/mail/vf-a",
        "https://example.org/?https://mail.google.com/mail/vf-a",
        "https://[::1/mail/vf-a",
    ],
)
def test_no_other_link_is_believed(link: str) -> None:
    reading = _read(SUBJECT, link, f'<a href="{link}">x</a>')

    assert Outcome.FORWARDING_CONFIRMATION is reading.outcome
    assert None is reading.confirmation


def test_somebody_else_s_confirmation_is_none() -> None:
    sender = Person("L’équipe Gmail", "forwarding-noreply@google.com.example.org")

    assert Outcome.NOT_A_SHOP_MAIL is _read(SUBJECT, LINK, sender=sender).outcome
