"""One mail as plain values: the only place that knows mail-parser.

mail-parser flattens attached mails into the outer one, returns lists for headers that
should be single and trusts wrong charset labels; all of that ends here. Numbers and
shops are none of this module's business.
"""

import logging
import re
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import mailparser
from mailparser.exceptions import MailParserError

from mailtrack.errors import PermanentError
from mailtrack.parsers.delivery_report import Bounce, read_bounce
from mailtrack.parsers.mime import (
    MAX_VALUE,
    Part,
    decode_encoded_words,
    take_apart,
)
from mailtrack.parsers.reading import Person
from mailtrack.parsers.slimming import slim

#: Attached mails inside attached mails are followed this deep.
MAX_DEPTH = 5
#: Longer texts are cut (characters, lines).
MAX_TEXT, MAX_LINES = 500_000, 50_000

# mail-parser logs the headers that it cannot decode: addresses, among others.
logging.getLogger("mailparser").setLevel(logging.CRITICAL + 1)

_PRECEDENCES = frozenset({"bulk", "auto_reply", "auto-reply", "junk"})
_AUTOMATIC_HEADERS = ("x-autoreply", "x-autorespond", "x-autoresponder")
# Sieve and Exchange mark redirected mail so: that is a forward, not an answer.
_NOT_AUTOMATIC = frozenset({"", "no", "auto-forwarded"})
_NOBODY = Person()
#: What mail-parser is asked about, besides the bodies and the fields that describe them.
_PEOPLE_AND_DATE = frozenset({"from", "reply-to", "to", "cc", "date"})
#: Subtypes of the parts that may be bodies.
_TEXTS = frozenset({"plain", "html"})
# One RFC 2047 run: words side by side belong together, even cut within a letter.
_WORD = r"=\?[^?\s]+\?[bqBQ]\?[^?]*\?="
_WORDS = re.compile(rf"{_WORD}(?:\s+{_WORD})*")
# What the standard library and mail-parser raise on mails made to break them.
_POISON = (MailParserError, RecursionError, ValueError, LookupError, AttributeError, TypeError)


@dataclass(frozen=True, slots=True)
class Message:
    """One mail. `date` is aware UTC or None; `headers` are in order, names in lower case.

    `text` and `html` are this mail's own bodies, without those of `attached` mails.
    """

    sender: Person = _NOBODY
    reply_to: tuple[Person, ...] = ()
    to: tuple[Person, ...] = ()
    cc: tuple[Person, ...] = ()
    subject: str = ""
    date: datetime | None = None
    message_id: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    text: str = ""
    html: str = ""
    attached: tuple["Message", ...] = ()
    bounce: Bounce | None = None
    is_automatic: bool = False
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def is_bounce(self) -> bool:
        return self.bounce is not None

    @property
    def author(self) -> Person:
        """Return who wrote the mail: the sender, or whom a relay names for the answer alone.

        addy.io may send on as the alias itself, and answer to `alias+writer=host` beside it.
        """
        alias, _, host = self.sender.address.lower().rpartition("@")
        answer = next(iter(self.reply_to), _NOBODY)
        local, _, same_host = answer.address.lower().rpartition("@")
        is_named = bool(alias) and host == same_host and local.startswith(f"{alias}+")
        return Person(self.sender.name, answer.address) if is_named else self.sender

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of a header, topmost first, decoded (RFC 2047)."""
        wanted = name.lower()
        return tuple(
            decode_words(value[:MAX_VALUE]) for key, value in self.headers if key == wanted
        )

    def header(self, name: str) -> str:
        """Return the first value of a header, "" where there is none."""
        return next(iter(self.all(name)), "")


def read_message(raw: bytes) -> Message:
    """Read one mail; raise PermanentError where it is made so that nobody can."""
    # One kind of line ends: bytes are replaced faster than the characters that they become.
    small = slim(raw).replace(b"\r\n", b"\n")
    try:
        return _read(take_apart(small), depth=0)
    except _POISON as error:
        kind = type(error).__name__
        raise PermanentError(
            f"The mail cannot be read ({kind}, {len(raw)} bytes): look at its raw source."
        ) from error


def _read(part: Part, depth: int) -> Message:
    """Read one mail, and the mails that are attached to it.

    1. Look for a delivery report while the mail is whole: it holds the mail that came back.
    2. Take attached mails out and read each by itself, so that their texts are not taken for
       this one's.
    3. Read the header, and whether a machine answered.
    4. Let mail-parser tell the people and choose the bodies.
    """
    # 1.
    bounce = read_bounce(part)
    # 2.
    attached = tuple(_read(inner, depth + 1) for inner in _detach(part) if depth < MAX_DEPTH)
    # 3.
    bare = Message(headers=tuple((n, _clean(value).strip()) for n, value in part.fields()))
    submitted = bare.header("auto-submitted").split(";")[0].strip().lower()
    is_automatic = (
        submitted not in _NOT_AUTOMATIC
        or bare.header("precedence").strip().lower() in _PRECEDENCES
        or any(map(bare.header, _AUTOMATIC_HEADERS))
        or part.get_content_type() == "multipart/report"
    )
    # 4.
    mail, texts = _choose_bodies(part)
    plain, html = (
        "\n".join(filter(None, (texts[int(n)].text() for n in chosen)))
        for chosen in (mail.text_plain, mail.text_html)
    )
    text = _clean(plain[:MAX_TEXT]).replace("\r\n", "\n").replace("\r", "\n")
    if text.count("\n") > MAX_LINES:
        text = "\n".join(text.split("\n", MAX_LINES)[:MAX_LINES])
    date = mail.date
    return replace(
        bare,
        sender=next(iter(_people(mail.from_)), _NOBODY),
        reply_to=_people(mail.reply_to),
        to=_people(mail.to),
        cc=_people(mail.cc),
        subject=bare.header("subject"),
        date=date.replace(tzinfo=date.tzinfo or UTC) if date else None,
        message_id=_message_id(bare.header("message-id")),
        in_reply_to=_message_id(bare.header("in-reply-to")),
        references=tuple(re.findall(r"<[^<>\s]+>", bare.header("references"))),
        text=text,
        html=_clean(html),
        attached=attached,
        bounce=bounce,
        is_automatic=is_automatic,
    )


def _choose_bodies(part: Part) -> tuple["mailparser.MailParser", list[Part]]:
    """Let mail-parser choose the bodies among the texts; it names them by their numbers.

    It is shown no more than it needs for that: it reads each header that it finds, several
    times over, packs each file up again, and decodes a text in a time of its own.
    """
    part.keep_first(_PEOPLE_AND_DATE)
    # It looks for a lost part there, stumbles over None, and would read it without limits.
    part.epilogue = ""
    texts: list[Part] = []
    for inner in part.walk():
        if inner.is_multipart():
            if inner.get_content_disposition() == "attachment":
                # It would be written out again, whole; what is inside stays no body.
                inner.replace_header("content-disposition", "x-attachment")
        elif inner.get_content_subtype() in _TEXTS and inner.get_payload():
            texts.append(copy(inner))
            inner.set_payload(str(len(texts) - 1))
            del inner["content-transfer-encoding"]
        else:
            inner.set_payload("")
    return mailparser.MailParser(part), texts


def _detach(part: Part) -> list[Part]:
    """Take the attached mails out of `part`, in order, leaving empty parts behind."""
    found: list[Part] = []
    waiting = [part]
    while waiting:
        current = waiting.pop()
        inner: object = None
        if current.get_content_type() == "message/rfc822" and current.is_multipart():
            inner = current.get_payload(0)
            # RFC 2046 forbids base64 here; some senders do it all the same.
            if isinstance(inner, Part) and not inner.keys() and current.encoding == "base64":
                inner["Content-Transfer-Encoding"] = "base64"
                inner = take_apart(inner.get_payload(decode=True))  # type: ignore[arg-type]
        elif not current.is_multipart() and (current.get_filename() or "").lower().endswith(".eml"):
            inner = take_apart(current.get_payload(decode=True))  # type: ignore[arg-type]
        if isinstance(inner, Part):
            found.append(inner)
            current.set_payload("")
        elif current.is_multipart():
            waiting.extend(reversed(current.get_payload()))  # type: ignore[arg-type]
    return found


def _people(pairs: list[tuple[str, str]]) -> tuple[Person, ...]:
    return tuple(Person(_clean(name), _clean(address)) for name, address in pairs)


def _message_id(value: str) -> str:
    found = re.search(r"<[^<>\s]+>", value)
    return found[0] if found else value


def _clean(text: str) -> str:
    """Drop NUL, which no database takes, and the mark that Outlook puts first."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    return text.replace("\ufeff", "")


def decode_words(value: str) -> str:
    """Return a header with its encoded words (RFC 2047) read."""
    if "=?" not in value:
        return value
    return _WORDS.sub(lambda words: _clean(decode_encoded_words(words[0])), value)
