"""Mails and carriers' texts that are made to stall whoever reads them, at any size.

`python -m benchmarks.hostile` reads each at sizes of which one is twice the other, and at that
of the largest mail that is fetched whole, and prints how the time grows. It fails where twice
the size takes more than 2.2 times as long, or anything more than a second of the processor's
time.

`compositions` makes new ones: random pieces, put wherever a mail has room for a stranger's.
"""

import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import count, pairwise

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mailtrack.carriers.texts import without_people
from mailtrack.carriers.vocabulary import vocabulary, words_of
from mailtrack.errors import PermanentError
from mailtrack.inbox.addresses import BounceAddresses, PersonalAddresses
from mailtrack.inbox.analysis import MailAnalyzer
from mailtrack.inbox.big_mail import Piece, compose
from mailtrack.parsers.content import from_html
from mailtrack.sandbox.mails import AUTHSERV_ID, FORWARD_TO

#: Twice the size may take so many times as long, and nothing so long (seconds).
MOST_GROWTH, MOST_S = 2.2, 1.0
#: Below this, nothing can be said of the growth (seconds).
LEAST_S = 0.05
#: Each twice the one before, and the largest mail that is fetched whole (bytes).
SIZES, LARGEST = (25_000, 50_000, 100_000, 200_000), 5_000_000

#: Something of about so many bytes.
Shape = Callable[[int], bytes]

_PROOF = f"Authentication-Results: {AUTHSERV_ID}; dkim=pass header.d=example.org\r\n".encode()
_FROM, _TO = b"From: Ana <ana@example.org>\r\n", f"To: {FORWARD_TO}\r\n".encode()
_HEAD = _PROOF + _FROM + _TO + b"Subject: TR: colis\r\n"
_TEXT = b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
_HTML = b"Content-Type: text/html; charset=utf-8\r\n\r\n"
_MIXED = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
_SHOP = b"AliExpress <transaction@notice.aliexpress.com>"
_BLOCK = (
    b"---------- Forwarded message ---------\nDe : " + _SHOP + b"\nDate : lundi 2 mars 2026\n"
    b"\xc3\x80 : ana@example.org\nObjet : Colis LP00123456789012\n\n"
)
_CARRIER = b"Mondial Relay <noreply@mondialrelay.fr>"
_CARRIER_BLOCK = _BLOCK.replace(_SHOP, _CARRIER)
_WAITS, _COMES = (
    _CARRIER_BLOCK.replace(b"Colis LP00123456789012", f"Votre colis 32603298 {step}".encode())
    for step in ("est disponible !", "a été pris en charge")
)
_BLOCK_IN_HTML = _BLOCK.replace(b"<", b"&lt;").replace(b"\n", b"<br>")


def filled(piece: bytes, size: int) -> bytes:
    """Return a piece again and again; `%d` in it is another number each time."""
    if b"%d" not in piece:
        return (piece * (size // len(piece) + 1))[:size]
    numbers, rows, length = count(), list[bytes](), 0
    while length < size:
        rows.append(piece.replace(b"%d", b"%d" % next(numbers)))
        length += len(rows[-1])
    return b"".join(rows)


# --- where strangers write ------------------------------------------------------------


def _in_line(piece: bytes) -> bytes:
    return piece.replace(b"\r", b"").replace(b"\n", b" ")


def _field(name: bytes, before: bytes, piece: bytes, size: int) -> bytes:
    """Put pieces into one field of the header, in the place of the one that is there."""
    others = b"".join(
        line + b"\r\n" for line in _HEAD.splitlines() if not line.startswith(name + b":")
    )
    value = before + filled(_in_line(piece), size)
    return name + b": " + value + b"\r\n" + others + (b"" if b"Content" in name else _TEXT) + _BLOCK


def _fields(piece: bytes, size: int) -> bytes:
    return _HEAD + filled(b"X-A: " + _in_line(piece) + b"\r\n", size) + _TEXT + _BLOCK


def _body(head: bytes, before: bytes, piece: bytes, size: int) -> bytes:
    return _HEAD + head + before + filled(piece, size)


def _lines(head: bytes, before: bytes, piece: bytes, size: int) -> bytes:
    end = b"<br>" if head is _HTML else b"\n"
    return _HEAD + head + before + filled(piece + end, size)


def _quoted_field(name: bytes, piece: bytes, size: int) -> bytes:
    """Put pieces into one field of the quoted header."""
    label = b"\n" + name + b" :"
    head, _, rest = (b"\n" + _BLOCK).partition(label)
    value, newline, after = rest.partition(b"\n")
    return _HEAD + _TEXT + head + label + value + filled(_in_line(piece), size) + newline + after


def _parts(piece: bytes, size: int) -> bytes:
    return _HEAD + _MIXED + filled(b"--b\r\n" + _TEXT + piece + b"\r\n", size)


def _part_fields(piece: bytes, size: int) -> bytes:
    value = (_in_line(piece) * 200)[:2_400]
    return (
        _HEAD + _MIXED + filled(b"--b\r\nContent-Type: text/plain; name=%b\r\n\r\n" % value, size)
    )


def _nested(piece: bytes, size: int) -> bytes:
    deep = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(18)
    )
    return _HEAD + deep + _TEXT + filled(piece + b"\n", size)


def _attached(piece: bytes, size: int) -> bytes:
    mail = b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + _HEAD + _TEXT + _BLOCK
    return _HEAD + _MIXED + filled(mail + piece + b"\r\n", size)


def _report(piece: bytes, size: int) -> bytes:
    kind = b"Content-Type: message/delivery-status\r\n\r\nStatus: 5.1.1\r\n\r\n"
    return _HEAD + _MIXED.replace(b"mixed", b"report") + b"--b\r\n" + kind + filled(piece, size)


def _daemon(piece: bytes, size: int) -> bytes:
    return b"From: MAILER-DAEMON@example.org\r\n" + _TEXT + filled(piece, size)


def _gmail(piece: bytes, size: int) -> bytes:
    head = b"From: forwarding-noreply@google.com\r\nSubject: (#871234567) jane@example.org\r\n"
    return head + _TEXT + filled(piece, size)


_TEXT_FIELDS = ("From", "To", "Subject", "Date", "References", "Received", "X-Forwarded-For")
_MIME_FIELDS = {
    "Content-Type": b"text/plain; a=",
    "Content-Disposition": b"attachment; filename=",
    "Content-Transfer-Encoding": b"",
}
_CODED = {
    "quoted-printable": b"Content-Transfer-Encoding: quoted-printable\r\n" + _TEXT,
    "base64": b"Content-Transfer-Encoding: base64\r\n" + _TEXT,
    "uuencode": b"Content-Transfer-Encoding: x-uuencode\r\n" + _TEXT + b"begin 644 x\n",
}

#: Every place of a mail in which strangers write, by name.
PLACES: dict[str, Callable[[bytes, int], bytes]] = {
    **{name: partial(_field, name.encode(), b"") for name in _TEXT_FIELDS},
    "Authentication-Results": partial(
        _field, b"Authentication-Results", AUTHSERV_ID.encode() + b"; "
    ),
    **{name: partial(_field, name.encode(), start) for name, start in _MIME_FIELDS.items()},
    "many fields": _fields,
    "text": partial(_body, _TEXT, b""),
    "text, lines": partial(_lines, _TEXT, b""),
    "text below a shop's header": partial(_body, _TEXT, _BLOCK),
    "text, lines below a shop's header": partial(_lines, _TEXT, _BLOCK),
    "HTML": partial(_body, _HTML, b""),
    "HTML, lines below a shop's header": partial(_lines, _HTML, _BLOCK_IN_HTML),
    "HTML, an address": partial(
        _body, _HTML, _BLOCK_IN_HTML + b'<a href="https://aliexpress.com/?'
    ),
    **{name: partial(_body, head, b"") for name, head in _CODED.items()},
    "quoted De": partial(_quoted_field, b"De"),
    "quoted À": partial(_quoted_field, "À".encode()),
    "quoted Objet": partial(_quoted_field, b"Objet"),
    "parts": _parts,
    "fields of parts": _part_fields,
    "multiparts in multiparts": _nested,
    "attached mails": _attached,
    "delivery report": _report,
    "MAILER-DAEMON": _daemon,
    "forwarding confirmation": _gmail,
}

# --- what was seen to stall -----------------------------------------------------------


def _nested_marks(size: int) -> bytes:
    return _HEAD + _HTML + _BLOCK_IN_HTML + filled(b'<div class="item-title">x', size)


def _quoted_blocks(size: int) -> bytes:
    """Quote many headers in an answer, far from each other."""
    head = _HEAD.replace(b"TR: ", b"") + b"In-Reply-To: <a@example.org>\r\n" + _TEXT
    quoted = b"De : a <a@b.c>\nDate : b\nObjet : c\nA : d\n\n" + b"a\n" * (size // 120)
    return head + quoted * 60


def _attribution(size: int) -> bytes:
    """Break the sentence above a quote in front of an endless word."""
    return _HEAD + _TEXT + b"Le 2 mars\n" + b"a" * size + b" <a@b.c> a \xc3\xa9crit :\n> b"


def _attributes(size: int) -> bytes:
    return _HEAD + _HTML + b"<a " + filled(b"a%d=b ", size) + b">x</a>"


def _many_numbers(size: int) -> bytes:
    """Name as many orders as parcels in one link."""
    orders = b",".join(b"%016d" % (3_074_309_624_382_839 + n) for n in range(size // 34))
    parcels = b",".join(b"LP%014d" % (827_165_784_034 + n) for n in range(size // 34))
    link = b"https://www.aliexpress.com/?orderId=" + orders + b"&mailNoList=" + parcels
    return _HEAD + _TEXT + _BLOCK + link


def _look_alikes(size: int) -> bytes:
    labels = b".".join(b"aliexpra%02d" % n for n in range(40))
    return _HEAD + _TEXT + _BLOCK + filled(b"http://%%d.%b/ \n" % labels, size)


def _marks_in_base64(size: int) -> bytes:
    marks = "\u0301\u0316".encode() * (size // 4)
    return _HEAD + b"Content-Transfer-Encoding: 8bit\r\n" + _TEXT + b"e" + marks


def _charset(name: bytes, size: int) -> bytes:
    head = b"Content-Type: text/plain; charset=" + name + b"\r\n\r\n"
    text = b"x" * (size // 3) + b"-" + b"ba" * (size // 3)
    return _HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n" + head + text


def _types_without_end(size: int) -> bytes:
    return _HEAD + _TEXT + filled(b"content-type: text\n", size)


#: What stalled an earlier version, or would have, by name.
SHAPES: dict[str, Shape] = {
    'Content-Type: a="\\";\\"…': partial(_field, b"Content-Type", b'a="\\', b'";\\'),
    "Content-Disposition: ;;;;": partial(_field, b"Content-Disposition", b"", b";"),
    "RFC 2231 parameters": partial(_field, b"Content-Type", b"text/plain; ", b"name*%d*=a%%41; "),
    "=?a?q? in a subject": partial(_field, b"Subject", b"", b"=?a?q?"),
    "=?a?q? in a file's name": partial(
        _field, b"Content-Disposition", b"inline; filename=", b"=?a?q?"
    ),
    "a charset that is none": partial(_charset, b"punycode"),
    "encoded words of unknown charsets": partial(_field, b"Subject", b"", b"=?x%d?q?a?= "),
    "people": partial(_field, b"To", b"", b'"a, b" (c (d)) <a%d@example.org>, '),
    "ids in References": partial(_field, b"References", b"", b"<%d@example.org> "),
    "Received by the thousand": lambda size: (
        _HEAD
        + filled(
            b"Received: from a (helo=b) by c with d id %d; Mon, 2 Mar 2026 10:00:00 +0100\r\n", size
        )
        + _TEXT
        + _BLOCK
    ),
    "fields of one letter": lambda size: _HEAD + filled(b"a%d:\r\n", size) + _TEXT + _BLOCK,
    "marks in marks": _nested_marks,
    "elements in elements": partial(_body, _HTML, b"", b"<div>"),
    "formatting opened anew": partial(_body, _HTML, b"", b"<p><b id=%d>"),
    "attributes": _attributes,
    "tables in tables": partial(_body, _HTML, b"", b"<table><tr><td>"),
    "letters under heaps of marks": _marks_in_base64,
    "marks written as entities": partial(_body, _HTML, b"De : e", b"&#x301;&#x316;"),
    "@ in a quoted sender": partial(_quoted_field, b"De", b"@"),
    "blocks in blocks": partial(_body, _TEXT, b"", _BLOCK),
    "blocks quoted in an answer": _quoted_blocks,
    "labels": partial(_body, _TEXT, b"", b"De : a\n"),
    "a broken attribution": _attribution,
    "empty lines": partial(_body, _TEXT, b"", b"\n"),
    "orders and parcels of one link": _many_numbers,
    "hosts that look alike": _look_alikes,
    "sentences with the number": partial(
        _body, _TEXT, _BLOCK, b"bonjour LP00123456789012 " + b"a" * 400 + b"\n"
    ),
    "labels of a carrier's mail": partial(
        _body, _TEXT, _CARRIER_BLOCK, "votre colis a b n° ".encode()
    ),
    "labels of a carrier's mail, lines": partial(
        _body, _TEXT, _CARRIER_BLOCK, "numéro de suivi :\n".encode()
    ),
    "numbers of a carrier's mail": partial(
        _body, _TEXT, _CARRIER_BLOCK, "n° 312345%d6A12345678905 \n".encode()
    ),
    "wrapped links of a carrier's mail": partial(
        _body, _TEXT, _CARRIER_BLOCK, b"https://links.vinted.com/e/t/aHR0cHM6Ly92%d \n"
    ),
    "places of a pick-up": partial(_body, _TEXT, _WAITS, "disponible à TABAC 1 rue a ".encode()),
    "addresses of a pick-up": partial(_body, _TEXT, _WAITS, b"Point relais :\n1 rue a,\n"),
    "last days of a pick-up": partial(_body, _TEXT, _WAITS, b"retirer avant le 1 "),
    "codes of a pick-up": partial(_body, _TEXT, _WAITS, b"code de retrait : "),
    "expected days": partial(_body, _TEXT, _COMES, "sera livré le 1 mars 2026 de 1 ".encode()),
    "carriers' mails in one forward": partial(_body, _TEXT, b"", _CARRIER_BLOCK),
    "a carrier's name and its number, typed": partial(
        _body, _TEXT, b"", "mondial relay colis n° suivi ".encode()
    ),
    "types without a body": _types_without_end,
    "lines in multiparts in multiparts": partial(_nested, b"a"),
    "blocks of a delivery report": partial(_report, b"a:\n\n"),
}


def _sections(size: int) -> bytes:
    """Put a mail together whose header would stall the reading of its boundary."""
    return b'Content-Type: multipart/mixed; a="' + filled(b'\\";', min(size, 300_000)) + b"\r\n\r\n"


_CARRIERS = {
    "a carrier's text, telephones": b"tel ",
    "a carrier's text, brackets": "（电话".encode(),
    "a carrier's text, addresses": b"a.",
    "a carrier's text, words": b"is to be delivered ",
}


# --- how it is measured ---------------------------------------------------------------


def make_analyzer() -> MailAnalyzer:
    """Return what tells a worker what a mail says."""
    return MailAnalyzer(
        authserv_id=AUTHSERV_ID,
        allow=(),
        own_addresses=(FORWARD_TO,),
        personal=PersonalAddresses(FORWARD_TO, "secret"),
        bounces=BounceAddresses(FORWARD_TO, "secret"),
    )


def make_reader() -> Callable[[bytes], object]:
    """Return what reads a mail as a worker does, or refuses it."""
    analyzer = make_analyzer()

    def read(raw: bytes) -> None:
        from_html.cache_clear()
        with suppress(PermanentError):
            analyzer.analyze(raw)

    read(_HEAD + _HTML + _BLOCK_IN_HTML)
    return read


def read_text(raw: bytes) -> None:
    """Read a text as a carrier's."""
    words_of.cache_clear()
    text = raw.decode("utf-8", "replace")
    without_people(text)
    vocabulary("cainiao").classify("", text)


def read_sections(raw: bytes) -> None:
    """Put a mail together as the watcher does with those that are too big."""
    compose(Piece("HEADER", pieces=(Piece("1.MIME", "1", 10),)), {b"BODY[HEADER]": raw}, len(raw))


def cpu_s(work: Callable[[bytes], object], raw: bytes, rounds: int = 1) -> float:
    """Return the least of the processor's time that the work took (seconds)."""
    times = []
    for _ in range(rounds):
        began = time.process_time()
        work(raw)
        times.append(time.process_time() - began)
    return min(times)


def growth_of(times: Sequence[float]) -> float:
    """Return how many times as long twice the size takes, where it takes long enough to tell."""
    pairs = [(less, more) for less, more in pairwise(times) if more > LEAST_S]
    return max((more / less for less, more in pairs), default=1.0)


def compositions(seed: int) -> Iterator[tuple[str, Shape]]:
    """Yield new shapes without end, each with what it is made of."""
    rng = random.Random(seed)
    while True:
        name = rng.choice(list(PLACES))
        piece = b"".join(rng.choice(PIECES) for _ in range(rng.choice((1, 1, 2, 3, 4))))
        yield f"{name}: {piece!r}", partial(PLACES[name], piece)


def works() -> Iterator[tuple[str, Shape, Callable[[bytes], object]]]:
    """Yield every shape with what reads it."""
    read = make_reader()
    for name, shape in SHAPES.items():
        yield name, shape, read
    for name, piece in _CARRIERS.items():
        yield name, partial(filled, piece), read_text
    yield "the header of a mail that is too big", _sections, read_sections


def main() -> None:
    """Print the time of each shape at each size; fail where it grows too fast or too far."""
    sizes = [f"{size // 1000} kB" for size in SIZES]
    table = Table("shape", *sizes, "growth", f"{LARGEST // 1_000_000} MB")
    failed = 0
    console = Console()
    with console.status("reading what nobody should have to …"):
        for name, shape, work in works():
            times = [cpu_s(work, shape(size), 3) for size in SIZES]
            largest = cpu_s(work, shape(LARGEST), 2)
            growth = growth_of(times)
            bad = growth > MOST_GROWTH or max(*times, largest) > MOST_S
            failed += bad
            *row, last = (f"{1000 * taken:.0f} ms" for taken in (*times, largest))
            table.add_row(escape(name), *row, f"{growth:.2f}", last, style="red" if bad else "")
    console.print(table)
    sys.exit(failed > 0)


#: What compositions are made of: separators, beginnings without an end, words that parsers
#: look for.
PIECES: tuple[bytes, ...] = (
    *(
        b"a",
        b" ",
        b"\n",
        b"\t",
        b"\0",
        b"\xff",
        b"0",
        b"1",
        b"20",
        b"%d",
        b"LP1",
        b"A1",
        b"-",
        b"--",
    ),
    *(
        b'"',
        b'";\\";',
        b";",
        b"\\",
        b"(",
        b")",
        b"()",
        b"'",
        b",",
        b":",
        b": ",
        b"@",
        b"a@b ",
        b"<",
    ),
    *(b">", b"> ", b"<a@b>", b'"a" <a@b>, ', b"[", b"]", b"_", b"=", b"=?", b"?=", b"=?a?q?"),
    *(b"=?utf-8?q?=41?= ", b"=?x%d?b?YQ==?= ", b"a%d*0*=b; ", b"a*=utf-8''%%41;", b"=\n", b"=41"),
    *(
        b"De : ",
        b"De : a\n",
        b"De : a <a@b.c> A : b ",
        b"From: a\nDate: b\nSubject: c\n",
        b"Objet :",
    ),
    *(b"----- a ----- De : a ", b"Le 2 mars 2026 a\n", b"on 1 wrote:\n", b"schrieb ", b"stop "),
    *(b"3074309624382839 ", b"LP00123456789012 ", b"placed on 16/02/2026 ", b"1 x1\n", b"2026 "),
    *(b"http://a ", b"<http://a", b"[http://a", b"https://google.com/?q=http://a&", b"&", b"&amp;"),
    *(b"orderId=3074309624382839&", b"https://urldefense.com/v3/__", b"+caf_=", b".", b"a."),
    *(
        "\u202e".encode(),
        "\u00a0".encode(),
        "e\u0301".encode(),
        "\u0301\u0316".encode(),
        "：".encode(),
    ),
    *(
        b"</",
        b"<p>",
        b"<div>",
        b"<b>",
        b"<b id=%d>",
        b"<table>",
        b"<tr><td>",
        b"<a href=x>",
        b"<br>",
    ),
    *(b"<!--", b"<pre>", b"</th>", b"</th><td", b"<script>", b"<style>", b"<title>", b"<template>"),
    *(
        b"<span class=item-title%d>",
        b"<a a%d=",
        b"</p>",
        b"</b>",
        b"&#x301;&#x316;",
        b"<mailto:a@b>",
    ),
    *(b"Action: failed\nFinal-Recipient: a@b.c\n\n", b"message-id: <", b"5.1.1 ", b"from a by b "),
    *(b"dkim=pass header.d=", b"content-type: text\n", b"--b\n", b"--b--\n", b"\r\n\r\n"),
)

if __name__ == "__main__":
    main()
