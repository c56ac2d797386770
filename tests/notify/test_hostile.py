"""Whatever strangers put into names, numbers, places and subjects, it stays their words."""

import json
import re
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache

import pytest
from selectolax.lexbor import LexborHTMLParser

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PickupPoint, TrackingEvent
from mailtrack.notify.expectation import Expectation, ExpectedDay
from mailtrack.notify.mail import SmtpIdentity, compose
from mailtrack.notify.render import RenderedMail, Renderer, templates_dir
from mailtrack.notify.samples import NEWS, NOW, sample
from mailtrack.notify.view import NoticeKind, NoticeView
from tests.notify.finder import links

RENDERER = Renderer(templates_dir())
SENDER = SmtpIdentity("colis@example.org", "mailtrack")

#: What stands in every field that others write, by what it tries.
HOSTILE = {
    "a novel": "Lampe de bureau " * 5_000,
    "one endless word": "x" * 100_000,
    "quotes": "\"Lampe\" 'LED' «5\u00a0m» `x`",
    "an attribute": '" onmouseover="alert(1)" x=\'',
    "emoji": "📦🇫🇷👩\u200d👩\u200d👧❤️ Lampe",
    "Chinese": "台灯 可折叠 LED",
    "Arabic": "مصباح مكتب",
    "reversed order": "Lampe \u202egnp.exe\u202c \u2066x\u2069 \u200f\u200e\u061c",
    "a script": "<script>alert(1)</script>",
    "an image": "<img src=x onerror=alert(1)>",
    "the end of everything": "</td></table></body></html><!-- ]]> --></style></script><plaintext>",
    "an entity": "&lt;script&gt; &#60;b&#62; &amp;amp; &nbsp;",
    "a header": "Lampe\r\nBcc: x@example.org\r\n\r\n<p>corps</p>",
    "other line ends": "Lampe\u2028Bcc: a@example.org\u2029b\x0bc\x0cd\x85e",
    "a boundary": "\n--=_7-customs_cleared-1\nContent-Type: text/html\n\n<b>x</b>",
    "a template": "{{ 7*7 }} {% raw %} {# x #} ${7*7} #{7*7} %(x)s {0}",
    "control characters": "La\x00m\x07p\x1be\x7f\ufeff\u200b\ufffe",
    "half a character": "Lampe \ud83d",
    "an encoded word": "=?utf-8?b?PHNjcmlwdD4=?= =?utf-8?q?=0ABcc=3A_x?=",
    "a link": "javascript:alert(1)",
    "a column of marks": "Z" + "\u0301" * 500,
    "only spaces": " \t\u00a0\u2003 ",
    "nothing": "",
}

#: Turn text around, or hide in it (UAX 9, and the zero-width characters).
INVISIBLE = re.compile("[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def filled(kind: NoticeKind, words: str) -> NoticeView:
    """Return a sample in which strangers wrote the same words everywhere that they can."""
    view = replace(
        sample(kind),
        subject=words,
        items=(words,),
        orders=(words,),
        code=words,
        message_id=words,
        news=(replace(NEWS[0], number=words, name=words),) * 3,
    )
    if view.parcel is None:
        return view
    event = TrackingEvent(
        at=NOW, milestone=Milestone.UNKNOWN, source="cainiao", text=words, place=words
    )
    parcel = replace(
        view.parcel,
        name=words,
        number=words,
        local_number=f"1{words}",
        carrier=words,
        orders=(words,),
        events=(event,),
        pickup_point=PickupPoint(words, words),
        expected=Expectation(
            NOW.date(), NOW.date(), NOW.date(), named=ExpectedDay(NOW.date(), words)
        ),
    )
    return replace(view, parcel=parcel, event=event)


def skeleton(mail: RenderedMail) -> list[tuple[str, tuple[str, ...]]]:
    """Return a mail's elements and the names of their attributes, without any words."""
    root = LexborHTMLParser(mail.html).root
    assert root is not None
    return [(str(node.tag), tuple(sorted(node.attributes))) for node in root.traverse()]


def sent(view: NoticeView, mail: RenderedMail) -> EmailMessage:
    """Return a mail as the other side reads it."""
    wire = compose(view, mail, SENDER, NOW).wire
    return message_from_bytes(wire, policy=policy.default)


@cache
def harmless(kind: NoticeKind, words: str) -> tuple[list[str], list[str], object]:
    """Return headers, parts and elements of a mail in which nobody tries anything."""
    view = filled(kind, words)
    mail = RENDERER.render(view)
    return structure(sent(view, mail), mail)


def structure(message: EmailMessage, mail: RenderedMail) -> tuple[list[str], list[str], object]:
    """Return what words must not change: headers, parts and elements."""
    parts = [part.get_content_type() for part in message.walk()]
    return message.keys(), parts, skeleton(mail)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        pytest.param(kind, words, id=f"{kind}-{trick}")
        for trick, words in HOSTILE.items()
        for kind in NoticeKind
    ],
)
def test_words_of_strangers_stay_words(kind: NoticeKind, words: str) -> None:
    view = filled(kind, words)
    mail = RENDERER.render(view)

    assert harmless(kind, "mot" if words.strip() else "") == structure(sent(view, mail), mail)
    assert re.fullmatch(r"\S.{5,76}\S", mail.subject)
    assert INVISIBLE.search(mail.subject + mail.text + mail.html) is None
    assert re.search(r"(?m)^(Bcc|Content-Type):", mail.text) is None
    assert len(mail.html.encode()) < 60_000
    assert len(mail.text.encode()) < 20_000


def from_right_to_left(kind: NoticeKind) -> NoticeView:
    """Return a sample whose articles, places and quoted words are in Arabic."""
    plain, view = sample(kind), filled(kind, HOSTILE["Arabic"])
    view = replace(view, orders=plain.orders)
    if plain.parcel is None or view.parcel is None:
        return view
    ours = ("number", "local_number", "carrier", "orders", "expected")
    kept = {name: getattr(plain.parcel, name) for name in ours}
    return replace(view, parcel=replace(view.parcel, **kept))


@pytest.mark.parametrize("kind", NoticeKind)
def test_words_from_right_to_left_leave_the_commas_around_them_in_place(kind: NoticeKind) -> None:
    tree = LexborHTMLParser(RENDERER.render(from_right_to_left(kind)).html)
    tree.strip_tags(["bdi"], recursive=True)
    beside_ours = [node.text() for node in tree.css(".sentence, .fact")]

    assert beside_ours
    assert [] == [words for words in beside_ours if HOSTILE["Arabic"] in words]


@pytest.mark.parametrize("kind", NoticeKind)
def test_words_are_never_run_as_a_template(kind: NoticeKind) -> None:
    mail = RENDERER.render(filled(kind, "{{ 1234*7 }} ${1234*7} #{1234*7}"))

    assert "8638" not in mail.subject + mail.text + mail.html


#: What a stranger wants to have clicked, dialled or written to.
LURES = (
    "https://evil.example/login",
    "evil.example/login",
    "www.evil.example",
    "evil.com",
    "evil。com",
    "someone@evil.com",
    "mailto:someone@evil.com",
    "javascript:alert('evil')",
    "//evil.com",
    "192.0.2.66",
    "LP00123456789012.evil.com",
)


#: A map is asked for an address in the words of who wrote it.
MAP = "https://www.openstreetmap.org/search?query="


@pytest.mark.parametrize("kind", NoticeKind)
@pytest.mark.parametrize("lure", LURES)
def test_no_mail_program_makes_a_link_of_a_strangers_words(kind: NoticeKind, lure: str) -> None:
    mail = RENDERER.render(filled(kind, f"Lampe {lure} !"))
    tree = LexborHTMLParser(mail.html)
    cards = [json.loads(script.text()) for script in tree.css("script")]
    words = [mail.subject, mail.text, str(tree.root and tree.root.text(separator=" ")), str(cards)]
    found = [link for text in words for link in links(text)]

    found += [a.attributes["href"] or "" for a in tree.css("a")]
    lured = [link for link in found if "evil" in link or "192.0.2" in link]

    assert [] == [link for link in lured if not link.startswith(MAP)]


@pytest.mark.parametrize("kind", NoticeKind)
@pytest.mark.parametrize("action", ["javascript:alert(1)", "https://x.example/\"onclick='x'", "x"])
def test_a_strangers_link_is_an_address_or_nothing(kind: NoticeKind, action: str) -> None:
    tree = LexborHTMLParser(RENDERER.render(replace(sample(kind), action=action)).html)
    links = [node.attributes.get("href") or "" for node in tree.css("a")]

    assert [] == [link for link in links if not re.match(r"(https://|mailto:)", link)]
    assert [] == tree.css("[onclick]")
