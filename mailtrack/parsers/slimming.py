"""Makes a mail small before it is parsed: what is no text is cut out of the raw bytes.

Parsing holds a mail several times over, so that an attachment of 50 MB would take 200.
Nothing is decoded here; bodies are found by the headers above them and the boundary below.
"""

import re
from collections.abc import Iterator

from mailtrack.errors import PermanentError

#: Mails up to here are not looked at, and up to there parsed as they are (bytes).
TINY, SMALL = 150_000, 1_000_000
#: Bodies of parts that are no text are cut above this, texts are cut to that (bytes).
MAX_FILE, MAX_TEXT = 400_000, 1_000_000
#: Nothing beyond is read (bytes, lines); no person's mail has more texts. Each line is compared
#: with the boundaries of all multiparts that it is in.
MAX_MAIL, MAX_LINES = 4_000_000, 100_000
#: No header is longer than this (bytes).
MAX_HEADER = 300_000

_TYPE = re.compile(rb"^content-type:[ \t\r\n]{0,4}([a-z]{1,20})", re.IGNORECASE | re.MULTILINE)
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_BOUNDARY = b"\n--"


def slim(raw: bytes) -> bytes:
    """Return a mail without its large files; raise PermanentError where nobody can read it.

    What is kept are headers, boundaries and the beginnings of texts.
    """
    if len(raw) <= TINY:
        return raw
    _check_header(raw)
    if len(raw) > SMALL:
        view, kept = memoryview(raw), list[memoryview]()
        done, end = 0, -1
        for start, limit in _bodies(raw):
            if start < done:
                continue
            if end < start:  # else it is the next boundary still: each byte is searched once
                end = raw.find(_BOUNDARY, start)
                end = len(raw) if end < 0 else end
            if end - start > limit:
                kept.append(view[done : start + (limit if limit == MAX_TEXT else 0)])
                # A line of dashes inside a long text is no boundary.
                done = end
        raw = b"".join((*kept, view[done:]))[:MAX_MAIL]
    lines = raw.split(b"\n", MAX_LINES)
    return raw if len(lines) <= MAX_LINES else b"\n".join(lines[:MAX_LINES])


def header_of(raw: bytes) -> bytes:
    """Return the header of a mail alone; raise PermanentError where it is endless."""
    _check_header(raw)
    end = _HEADER_END.search(raw, 0, MAX_HEADER)
    return raw[: end.end()] if end else raw


def _check_header(raw: bytes) -> None:
    end = _HEADER_END.search(raw, 0, MAX_HEADER)
    if end is None and len(raw) > MAX_HEADER:
        raise PermanentError(
            f"The mail's header has more than {MAX_HEADER} bytes: look at its raw source."
        )


def _bodies(raw: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each body begins, and how long it may be."""
    header_end = _HEADER_END.search(raw)
    if header_end and not _TYPE.search(raw, 0, header_end.start()):
        yield header_end.end(), MAX_TEXT
    for found in _TYPE.finditer(raw):
        if header_end and header_end.start() < found.end():
            header_end = _HEADER_END.search(raw, found.end())
        kind = found[1].lower()
        if header_end and kind not in (b"multipart", b"message"):
            yield header_end.end(), MAX_TEXT if kind == b"text" else MAX_FILE
