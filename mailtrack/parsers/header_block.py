"""Finds the header blocks that mail programs quote above a forwarded mail.

Works on lines, whether they come from plain text or from flattened HTML. A block is
several known labels together; one label alone is just a French sentence.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from mailtrack.parsers.forward_labels import (
    BARE_LABELS,
    BEGINNINGS,
    FORWARDED,
    LABELS,
    ORANGE,
    ORIGINALS,
    Field,
)

#: Labels that a block must have, without and with a separator line above it.
MIN_LABELS, MIN_LABELS_BELOW_SEPARATOR = 3, 2
#: No header block is longer than this (lines).
MAX_LINES = 40
#: No separator is longer than this, and no line that holds a whole block (characters).
MAX_SEPARATOR, MAX_GLUED = 120, 3000
#: Mail programs break lines of plain text here (characters).
WRAP_WIDTH = 76


class Separator(IntEnum):
    """What stands above a block, from nothing to words that only a forward has."""

    NONE = 0
    RULE = 1
    ORIGINAL = 2
    FORWARDED = 3


@dataclass(frozen=True, slots=True)
class Block:
    """A quoted header: `start` is its first line or separator, `end` the body's first line."""

    start: int
    end: int
    separator: Separator
    fields: dict[Field, str]
    quotes: int


_FIELD_OF = {
    label.casefold(): field for field, labels in LABELS.items() for label in labels.split("|")
}
_ANY_LABEL = "|".join(re.escape(label) for label in sorted(_FIELD_OF, key=len, reverse=True))
_LABEL = re.compile(rf"\*?({_ANY_LABEL})\s*\*?\s?[:\uff1a]\s*\*?\s*(.*)$", re.IGNORECASE)
_COLON = re.compile("[:\uff1a]")
_QUOTE = re.compile(r"^\ufeff?(?:\s{0,3}>)+ ?|^\ufeff")
_DASHED = re.compile(r"[-–—_=]{2,}\s*(.*?)\s*[-–—_=]{2,}")
_RULE = re.compile(r"[-–—_=*]{5,}$")
# "----- Message transmis ----- De : …": Yahoo and Bluewin go on after the separator.
_SEPARATOR_AND_MORE = re.compile(r"(-{3,} ?[^-]{1,80}-{3,})\s*(\S.*)$")


def find_blocks(lines: Sequence[str]) -> Iterator[Block]:
    """Yield the header blocks of a body from the top, the outermost forward first."""
    reader = _Reader(lines)
    at = 0
    while at < len(lines):
        block = reader.block_at(at)
        if block:
            yield block
        at = block.end if block else at + 1


def unquote(line: str, depth: int) -> str:
    """Return the line without at most `depth` quote marks."""
    for _ in range(depth):
        line = re.sub(r"^\s{0,3}>\s?", "", line)
    return line


class _Reader:
    """Reads blocks from one list of lines."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._raw = lines
        self._lines = [_plain(line) for line in lines]

    def block_at(self, at: int) -> Block | None:
        text = self._lines[at]
        if len(text) > MAX_GLUED or not _COLON.search(text):
            return None
        glued = _SEPARATOR_AND_MORE.match(text)
        if glued and classify(glued[1]):
            return self._glued(at, at, classify(glued[1]), glued[2])
        if not _LABEL.match(text):
            return None
        start, separator, date = self._separator_above(at)
        return self._glued(start, at, separator, text) or self._lined(start, at, separator, date)

    def _separator_above(self, at: int) -> tuple[int, Separator, str]:
        """Return where the block begins, what its separator is and the date in it."""
        above = at - 1
        while above >= max(0, at - 3) and not self._lines[above]:
            above -= 1
        if above < 0:
            return at, Separator.NONE, ""
        orange = ORANGE.match(self._lines[above])
        separator = Separator.ORIGINAL if orange else classify(self._lines[above])
        start = above if separator else at
        return start, separator, orange[1] if orange else ""

    def _glued(self, start: int, at: int, separator: Separator, text: str) -> Block | None:
        fields = _split_glued(text)
        if not fields or not _is_block(fields, separator):
            return None
        return Block(start, at + 1, separator, fields, self._quotes(at))

    def _lined(self, start: int, at: int, separator: Separator, date: str) -> Block | None:
        fields: dict[Field, str] = {}
        end, current = at, Field.IGNORED
        while end < min(len(self._lines), at + MAX_LINES):
            found = self._label(end)
            if found and (found[0] is Field.IGNORED or found[0] not in fields):
                current = found[0]
                fields[current] = found[1]
            elif self._lines[end] and self._continues(end, current, fields):
                fields[current] = f"{fields[current]} {self._lines[end]}".strip()
            elif self._lines[end] or not self._goes_on(end, fields):
                break
            end += 1
        if date:
            fields.setdefault(Field.DATE, date)
        if not _is_block(fields, separator):
            return None
        return Block(start, end, separator, fields, self._quotes(at))

    def _label(self, at: int) -> tuple[Field, str] | None:
        found = _LABEL.match(self._lines[at])
        return (_FIELD_OF[found[1].casefold()], found[2].strip(" *")) if found else None

    def _continues(self, at: int, current: Field, fields: dict[Field, str]) -> bool:
        """Say whether an unlabelled line belongs to the field above it."""
        if not fields.get(current) and current is not Field.SUBJECT:
            return current in fields
        if self._label_within(at, fields):
            return True
        if current is Field.SUBJECT:
            return self._is_wrapped(at)
        ends_open = fields[current].endswith((",", ";"))
        return current in (Field.FROM, Field.TO, Field.CC) and (
            ends_open or self._lines[at].startswith("<")
        )

    def _label_within(self, at: int, fields: dict[Field, str]) -> bool:
        """Say whether a new label follows before a blank line."""
        for below in range(at + 1, min(at + 4, len(self._lines))):
            if not self._lines[below]:
                return False
            found = self._label(below)
            if found:
                return found[0] not in fields
        return False

    def _is_wrapped(self, at: int) -> bool:
        """Say whether a mail program broke the subject, the last field, at this line."""
        above, first_word = self._raw[at - 1], self._lines[at].split(" ")[0]
        is_last = at + 1 >= len(self._lines) or not self._lines[at + 1]
        return is_last and WRAP_WIDTH - len(first_word) - 1 < len(above) <= WRAP_WIDTH + 4

    def _goes_on(self, at: int, fields: dict[Field, str]) -> bool:
        """Say whether the block goes on after blank lines (some programs double them)."""
        below = next((n for n in range(at, min(at + 3, len(self._lines))) if self._lines[n]), at)
        found = self._label(below)
        return found is not None and found[0] not in fields and Field.SUBJECT not in fields

    def _quotes(self, at: int) -> int:
        quote = _QUOTE.match(self._raw[at])
        return quote[0].count(">") if quote else 0


def classify(line: str) -> Separator:
    """Say what kind of separator a line is."""
    if len(line) > MAX_SEPARATOR:
        return Separator.NONE
    words = line.strip(" :*").casefold()
    if words in BEGINNINGS:
        return Separator.FORWARDED
    if _RULE.match(line):
        return Separator.RULE
    dashed = _DASHED.fullmatch(line)
    if not dashed:
        return Separator.NONE
    if dashed[1].casefold() in FORWARDED:
        return Separator.FORWARDED
    return Separator.ORIGINAL if ORIGINALS.search(dashed[1]) else Separator.RULE


def _plain(line: str) -> str:
    """Return the line as the labels see it: no quote marks, no BOM, plain spaces."""
    bare = _QUOTE.sub("", line) if line[:1] in "> \t\ufeff" else line
    return bare.replace("\u00a0", " ").replace("\u202f", " ").strip()


def _is_block(fields: dict[Field, str], separator: Separator) -> bool:
    known = [field for field in fields if field is not Field.IGNORED]
    least = MIN_LABELS_BELOW_SEPARATOR if separator else MIN_LABELS
    # "De : … A : … Date : …" begins French sentences, too: without a subject, an address counts.
    named = Field.SUBJECT in fields or (Field.DATE in fields and "@" in fields.get(Field.FROM, ""))
    return bool(fields.get(Field.FROM)) and named and len(known) >= least


# Glued labels begin with a capital, hard against the value before them.
_AS_WRITTEN = "|".join(
    sorted({re.escape(w) for ws in LABELS.values() for w in ws.split("|")} | {"CC"}, key=len)[::-1]
)
_GLUED_LABEL = re.compile(
    rf"(?:(?<=[>\s])|(?<=\w)(?=[^\W\d_a-zà-öø-ÿ]))({_AS_WRITTEN})\s?:"
    rf"|(?<=[>\w])({'|'.join(BARE_LABELS)})\s(?=\S)"
)


def _split_glued(text: str) -> dict[Field, str]:
    """Split a line that holds a whole block; {} where it holds a single label."""
    first = _LABEL.match(text)
    if not first or _FIELD_OF[first[1].casefold()] is not Field.FROM:
        return {}
    marks = [(0, first.start(2), Field.FROM)]
    for found in _GLUED_LABEL.finditer(text, first.start(2)):
        field = _FIELD_OF[(found[1] or found[2]).casefold()]
        if field is Field.SUBJECT:
            marks.append((found.start(), found.end(), field))
            break
        if field not in {mark[2] for mark in marks}:
            marks.append((found.start(), found.end(), field))
    if len(marks) < MIN_LABELS:
        return {}
    ends = [mark[0] for mark in marks[1:]] + [len(text)]
    return {
        field: text[begin:end].strip() for (_, begin, field), end in zip(marks, ends, strict=True)
    }
