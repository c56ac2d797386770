"""Takes a raw mail apart into MIME parts with the standard library, within limits.

The library reads a mail in a time that grows with its size, but some headers and some texts
in a time that grows with the square: parameters of MIME fields (python/cpython#136063),
encoded words without an end, marks without a letter. All of that is cut here, before the
library sees it, to more than any mail program writes.
"""

import encodings
import pkgutil
import re
import unicodedata
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import Policy, compat32
from encodings.aliases import aliases
from functools import cache, lru_cache, partial
from typing import Any, Literal

from mailtrack.errors import PermanentError

#: No mail has more parts or header fields, with those of attached mails, nor parts so deep
#: inside each other.
MAX_PARTS, MAX_FIELDS, MAX_NESTING = 500, 20_000, 20
#: Fields of one header; the fullest that servers write have a tenth.
MAX_FIELDS_OF_ONE = 2_000
#: Longer values of fields are cut (characters), lists of people at a comma.
MAX_VALUE = 20_000
#: A file name of 255 letters takes so much, whatever its encoding (characters).
MAX_MIME_VALUE = 2_500
#: Parameters of a MIME field, and encoded words in it; a long name is written in pieces.
MAX_PARAMETERS = 40
#: Shorter values of MIME fields are left alone (characters).
_SHORT = 200
#: Transfer encodings that leave a text as it is.
_PLAIN_ENCODINGS = frozenset({"", "7bit", "8bit"})

_LISTS = frozenset({"from", "to", "cc", "bcc", "reply-to", "delivered-to"})
# Codecs that are no charset of a mail: two of them take a quadratic time, some make no text.
_NO_CHARSETS = {
    *("punycode", "idna", "undefined", "unicode_escape", "raw_unicode_escape", "aliases"),
    *("base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec"),
    *("zlib_codec", "mbcs", "oem"),
}
_CHARSETS = {module.name for module in pkgutil.iter_modules(encodings.__path__)} - _NO_CHARSETS
# =?utf-8?q?caf=C3=A9?= (RFC 2047), filename*=utf-8''caf%C3%A9 (RFC 2231)
_CHARSET_OF_WORD = re.compile(r"(=\?)([^?*\s]{1,40})(?=[?*])")
_CHARSET_OF_PARAMETER = re.compile(r"(\*=\s?\"?)([\w.:-]{1,40})(?=')")
#: Marks above and below one letter (Unicode, UAX #15, section 13: Stream-Safe Text Format).
MAX_MARKS = 30


@dataclass(slots=True)
class _MailAllowance:
    """How many parts and fields a mail may still have."""

    size: int
    parts: int = MAX_PARTS + 1  # the parser makes one to see how it is made
    fields: int = MAX_FIELDS

    def take_part(self) -> None:
        self.parts -= 1
        if self.parts < 0:
            raise self._too_many(f"more than {MAX_PARTS} parts")

    def take_field(self, of_one: int) -> None:
        self.fields -= 1
        if self.fields < 0 or of_one >= MAX_FIELDS_OF_ONE:
            most = MAX_FIELDS if self.fields < 0 else MAX_FIELDS_OF_ONE
            raise self._too_many(f"more than {most} header fields")

    def nest(self, depth: int) -> int:
        if depth > MAX_NESTING:
            raise self._too_many(f"parts inside each other more than {MAX_NESTING} deep")
        return depth

    def _too_many(self, what: str) -> PermanentError:
        return PermanentError(
            f"The mail cannot be read: it has {what} ({self.size} bytes). Look at its raw source."
        )


class Part(Message):
    """A part of a mail whose header fields are cut to what mail programs write.

    Raises PermanentError, while it is read, where the mail has too many of anything.
    """

    def __init__(self, allowance: _MailAllowance, policy: "Policy[Any]" = compat32) -> None:
        super().__init__(policy)
        allowance.take_part()
        self._allowance = allowance
        self._depth = 0

    def attach(self, payload: Any) -> None:
        payload._depth = self._allowance.nest(self._depth + 1)
        super().attach(payload)

    def set_raw(self, name: str, value: str) -> None:
        """Take one field as it stands in the mail; the library's parser calls this."""
        self._allowance.take_field(len(self))
        field = name.lower()
        if "=?" in value:
            value = _CHARSET_OF_WORD.sub(_known, value)
        if field.startswith("content-"):
            if len(value) > _SHORT:
                value = value[:MAX_MIME_VALUE]
                for sign in (";", "=?"):
                    value = sign.join(value.split(sign, MAX_PARAMETERS)[:MAX_PARAMETERS])
                value = _CHARSET_OF_PARAMETER.sub(_known, value)
        elif len(value) > MAX_VALUE:
            end = value.rfind(",", 0, MAX_VALUE) if field in _LISTS else MAX_VALUE
            value = value[: max(end, 0)]
        super().set_raw(name, value)

    def fields(self) -> tuple[tuple[str, str], ...]:
        """Return the fields in order, unfolded, names in lower case.

        Bytes that are no ASCII are read as UTF-8, else as Windows' own.
        """
        found: list[tuple[str, str]] = []
        for name, value in self.raw_items():
            text = re.sub(r"[\r\n]+[ \t]?", " ", value)
            if not text.isascii():
                raw = text.encode("utf-8", "surrogateescape")
                try:
                    text = raw.decode("utf-8")
                except UnicodeDecodeError:
                    text = raw.decode("cp1252", "replace")
            found.append((name.lower(), text))
        return tuple(found)

    @property
    def encoding(self) -> str:
        """The transfer encoding in lower case, "" where none is named."""
        return str(self.get("content-transfer-encoding", "")).strip().lower()

    def text(self) -> str:
        """Return the text of a part that has one, decoded."""
        payload = self.get_payload(decode=True)
        assert isinstance(payload, bytes)  # noqa: S101  a part with a text
        if self.encoding in _PLAIN_ENCODINGS and payload.isascii():
            return payload.decode("ascii")
        # Where the label is wrong, it is mostly UTF-8, else Windows' own.
        charsets = (self.get_content_charset("utf-8"), "utf-8", "cp1252")
        return decode_text(payload, *charsets[: 3 if self.get_content_maintype() == "text" else 2])

    def keep_first(self, names: Collection[str]) -> None:
        """Drop all fields but the MIME ones and the first of each name."""
        kept: list[tuple[str, Any]] = []
        waiting = set(names)
        for name, value in self.raw_items():
            key = name.lower()
            if key in waiting or key.startswith("content-"):
                kept.append((name, value))
            waiting.discard(key)
        self._headers = kept


def take_apart(raw: bytes) -> Part:
    """Return a raw mail as its parts; raise PermanentError where it has too many of them."""
    return BytesParser(partial(Part, _MailAllowance(len(raw)))).parsebytes(raw)


def take_header(raw: bytes) -> Part:
    """Return the header of a raw mail or part alone; raises the same."""
    return BytesParser(partial(Part, _MailAllowance(len(raw)))).parsebytes(raw, headersonly=True)


def _known(found: re.Match[str]) -> str:
    return found[0] if is_charset(found[2]) else found[1] + "unknown"


@lru_cache(maxsize=1_000)
def is_charset(name: str) -> bool:
    """Return True if mails are written in it; a codec alone is not enough.

    The library would look for an unknown one on the disk, and remember it for ever.
    """
    plain = encodings.normalize_encoding(name).lower()
    return aliases.get(plain, plain) in _CHARSETS


#: Charsets in which any bytes are some text, so that a wrong label goes unnoticed.
_SINGLE_BYTE = re.compile(
    r"(?:iso-?8859|windows-?125|cp-?125|us-?ascii|ascii|latin)", re.IGNORECASE
)


def decode_text(payload: bytes, *charsets: str) -> str:
    """Return a body as text by the first charset that it is written in, else by UTF-8.

    Some programs call UTF-8 by another name: letters beyond ASCII that are valid UTF-8 are that.
    """
    if not payload.isascii() and any(map(_SINGLE_BYTE.match, charsets[:1])):
        with suppress(UnicodeDecodeError):
            return normalised(payload.decode("utf-8"))
    found = (_decoded(payload, name) for name in charsets)
    text = next((text for text in found if text is not None), None)
    return normalised(payload.decode("utf-8", "replace") if text is None else text)


def decode_encoded_words(words: str) -> str:
    """Return encoded words (RFC 2047) as text, or as they stand where they are broken.

    >>> decode_encoded_words("=?utf-8?q?caf=C3=A9?=")
    'café'
    """
    pieces: list[str] = []
    try:
        for piece, charset in decode_header(words):
            if isinstance(piece, str):
                pieces.append(piece)
                continue
            text = _decoded(piece, charset or "utf-8")
            pieces.append(piece.decode("utf-8", "ignore") if text is None else text)
    except (HeaderParseError, ValueError):
        return words
    return normalised("".join(pieces).strip())


def _decoded(payload: bytes, charset: str) -> str | None:
    if not is_charset(charset):
        return None
    try:
        text = payload.decode(charset)
        text.encode("utf-8")  # some codecs make halves of letters
    except (LookupError, UnicodeError):
        return None
    return text


def normalised(text: str, form: Literal["NFC", "NFKD"] = "NFC") -> str:
    """Return a text in one of Unicode's forms, however many marks it heaps on a letter."""
    return text if text.isascii() else unicodedata.normalize(form, without_heaps(text))


def without_heaps(text: str) -> str:
    """Return a text with no more marks on a letter than any language writes.

    To put marks in order takes Python the square of their number.
    """
    if text.isascii() or _RUN not in text.encode("utf-8", "surrogatepass").translate(_BEYOND):
        return text
    kept: list[str] = []
    done = 0
    for heap in _heaps().finditer(text):
        kept.append(text[done : heap.start()])
        done = heap.end()
        marks = 0
        for char in heap[0]:
            marks = marks + 1 if unicodedata.combining(char) else 0
            if marks <= MAX_MARKS:
                kept.append(char)
    return "".join((*kept, text[done:]))


# A quick look first: in UTF-8, so many bytes in a row belong to signs where marks begin and
# beyond, which a text in Latin letters has no more than a few of.
_BEYOND = bytes(0x80 <= byte < 0xC0 or byte >= 0xCC for byte in range(256))
_RUN = bytes([True]) * 2 * (MAX_MARKS + 1)


@cache
def _heaps() -> re.Pattern[str]:
    """Return what finds many marks in a row, or what may be such beyond the first 65,536 signs.

    One set of characters in front, and nearly all below, so that the search runs in C.
    """
    marks = "".join(c for c in map(chr, range(0x300, 0x10000)) if unicodedata.combining(c))
    few = rf"[{marks}\U00010000-\U0001efff]"
    return re.compile(rf"{few}{few}{{{MAX_MARKS},}}+")
