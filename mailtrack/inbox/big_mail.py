"""A mail that is too big to be fetched whole: its headers and texts, without its files.

The server tells how the mail is made (BODYSTRUCTURE, RFC 9051, 7.5.2). Parts that we can
read are fetched by their numbers, each up to a limit, and put together to a mail of the same
form. Headers stay byte for byte: they prove who sent it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from imapclient.response_types import BodyData

from mailtrack.errors import PermanentError
from mailtrack.inbox.imap_errors import GARBAGE
from mailtrack.parsers.mime import take_header
from mailtrack.parsers.slimming import MAX_FILE, MAX_HEADER, MAX_MAIL, MAX_TEXT

#: Asks the server about one mail: FETCH items in, its answer out.
Ask = Callable[..., Mapping[bytes, Any]]

#: Parts beyond this number or depth are left out; a forward has a dozen, three deep.
MAX_PIECES, MAX_DEPTH = 60, 20
#: Headers of parts and of attached mails are cut to this (bytes).
MAX_INNER_HEADER = 50_000

#: How much is fetched of parts that we can read, by their type (bytes).
_LIMITS = {
    (b"text", b"plain"): MAX_TEXT,
    (b"text", b"html"): MAX_TEXT,
    (b"text", b"rfc822-headers"): MAX_INNER_HEADER,
    (b"message", b"delivery-status"): MAX_TEXT,
    (b"message", b"rfc822"): MAX_FILE,
}


@dataclass(frozen=True, slots=True)
class Piece:
    """One part worth reading: the sections of its header and of its body.

    `size` is how much of the body is fetched (bytes); parts made of others have no body.
    """

    header: str
    body: str = ""
    size: int = 0
    pieces: tuple["Piece", ...] = ()

    def items(self) -> Iterator[str]:
        """Yield the FETCH items of this part and of those inside."""
        limit = MAX_HEADER + 1 if self.header == "HEADER" else MAX_INNER_HEADER
        yield f"BODY.PEEK[{self.header}]<0.{limit}>"
        if self.size:
            yield f"BODY.PEEK[{self.body}]<0.{self.size}>"
        for piece in self.pieces:
            yield from piece.items()


def read_big(ask: Ask, size: int, *, plainly: bool = False) -> bytes:
    """Return a mail of `size` bytes without its files; b"" where the server gives nothing.

    `plainly` or where the server does not know its structure: only its beginning.
    Raises what `ask` does.
    """
    if not plainly:
        with suppress(PermanentError, *GARBAGE):
            piece = plan(ask("BODYSTRUCTURE")[b"BODYSTRUCTURE"])
            texts = compose(piece, ask(*piece.items()), size)
            if texts:
                return texts
    return _section(ask(f"BODY.PEEK[]<0.{MAX_MAIL}>"), "")


def _section(answer: Mapping[bytes, Any], name: str) -> bytes:
    """Return what was fetched of a section; some servers do not repeat where it begins."""
    key = f"BODY[{name}]".encode()
    found = answer.get(key + b"<0>") or answer.get(key)
    return found if isinstance(found, bytes) else b""


# --- what to fetch --------------------------------------------------------------------


@dataclass(slots=True)
class _FetchAllowance:
    """What may still be fetched of a mail."""

    size: int = MAX_MAIL
    pieces: int = MAX_PIECES

    def take(self, size: int) -> int:
        self.pieces -= 1
        granted = min(size, self.size)
        self.size -= granted
        return granted


def plan(structure: BodyData) -> Piece:
    """Choose the parts worth reading; raises one of GARBAGE where the structure is none."""
    return _piece(structure, "HEADER", "", _FetchAllowance()) or Piece("HEADER")


def _piece(part: BodyData, header: str, path: str, left: _FetchAllowance) -> Piece | None:
    """Return a part, None where nothing in it is worth reading; `path` is "" or like "1.2."."""
    if left.pieces <= 0 or path.count(".") > MAX_DEPTH:
        return None
    if part.is_multipart:
        left.take(0)
        inner = (
            _piece(child, f"{path}{number}.MIME", f"{path}{number}.", left)
            for number, child in enumerate(part[0], start=1)
        )
        pieces = tuple(piece for piece in inner if piece is not None)
        return Piece(header, pieces=pieces) if pieces else None
    is_mail = header.endswith("HEADER")
    kind = bytes(part[0]).lower(), bytes(part[1]).lower()
    if kind == (b"message", b"rfc822") and isinstance(part[8], tuple):
        left.take(0)
        inside = f"{path}1." if is_mail else path
        section = f"{inside}HEADER"
        attached = _piece(BodyData.create(part[8]), section, inside, left)
        # An attached mail's header alone may name what we look for.
        return Piece(header, pieces=(attached or Piece(section),))
    # Some programs attach a mail as a file of no known type.
    limit = _LIMITS.get(kind, MAX_FILE if b".eml" in repr(part).lower().encode() else 0)
    size = min(limit, int(part[6]))
    body = f"{path}TEXT" if is_mail else path.removesuffix(".")
    return Piece(header, body, left.take(size)) if size else None


# --- how it is put together -----------------------------------------------------------


def compose(piece: Piece, answer: Mapping[bytes, Any], size: int) -> bytes:
    """Return a mail made of the fetched sections; b"" where its header is missing.

    Says before the first part, where no program looks (RFC 2046, 5.1.1), what it is.
    """
    if not _section(answer, "HEADER"):
        return b""
    note = f"Only the texts of a mail of {size} bytes.\r\n".encode()
    return b"".join(_written(piece, answer, note))


def _written(piece: Piece, answer: Mapping[bytes, Any], note: bytes = b"") -> Iterator[bytes]:
    header = _section(answer, piece.header)
    if not header.endswith((b"\r\n\r\n", b"\n\n")):
        # The empty line that ends it is missing where it was cut.
        lines = header.rstrip(b"\r\n")
        header = lines + b"\r\n\r\n" if lines else b"\r\n"
    yield header
    if piece.size:
        yield _section(answer, piece.body)
    # The delimiter of a multipart's parts as its header has it.
    fields, boundary = take_header(header), b""
    if fields.get_content_maintype() == "multipart":
        boundary = (fields.get_boundary() or "").encode("ascii", "surrogateescape")
    if not boundary:
        for inner in piece.pieces:
            yield from _written(inner, answer)
        return
    yield note
    for inner in piece.pieces:
        yield b"\r\n--%b\r\n" % boundary
        yield from _written(inner, answer)
    yield b"\r\n--%b--\r\n" % boundary
