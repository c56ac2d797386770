"""Finds the header blocks that mail programs quote above a forwarded mail.

Works on lines, whether they come from plain text or from flattened HTML. A block is
several known labels together; one label alone is just a French sentence.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from mailtrack.parsers.forward_labels import (
    BEGINNINGS,
    ENDINGS,
    FORWARDED,
    ORANGE,
    ORIGINALS,
    Field,
)
from mailtrack.parsers.label_lines import (
    AROUND,
    MIN_LABELS,
    Fields,
    bare_label,
    begins,
    depth,
    label_of,
    plain,
    split_glued,
    unknown_label,
    unlabelled,
)

#: Labels that a block must have below a separator line.
MIN_LABELS_BELOW_SEPARATOR = 2
#: No header block is longer than this (lines).
MAX_LINES = 40
#: No mail has more header blocks than this inside each other, nor more quote marks.
MAX_BLOCKS, MAX_QUOTES = 50, 100
#: So many lines are tried as the first of a block; a long conversation has a tenth.
MAX_TRIED = 1_000
#: No separator is longer than this, and no line of a header (characters).
MAX_SEPARATOR, MAX_VALUE = 120, 10_000
#: Lotus Notes writes the sender and the date between a separator and the labels (lines).
MAX_LINES_ABOVE_LABELS = 8
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
    fields: Fields
    quotes: int = 0


_MARKS = ("-", "_", "=")
_TIME = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|\d[:h]\d\d")
_DASHES = "-–—_=~"
_RULE = re.compile(r"[-–—_=*~]{5,}")
# "----- Message transmis ----- De : …": Yahoo and Bluewin go on after the separator.
_SEPARATOR_AND_MORE = re.compile(r"(-{3,}+ ?[^-]{1,80}-{3,}+)\s*(\S.*)$")


def find_blocks(lines: Sequence[str]) -> Iterator[Block]:
    """Yield the header blocks of a body from the top, the outermost forward first."""
    reader = _Reader(lines)
    marked = (n for n, x in enumerate(lines) if ":" in x or "--" in x or "\uff1a" in x)
    begun = [(at, field) for at in marked if (field := begins(lines[at]))]
    starts = [at for at, _ in begun]
    senders = [at for at, field in begun if field is Field.FROM]
    done = found = tried = 0
    for at in starts:
        if at < done or not _any_between(senders, at, at + MAX_LINES):
            continue
        block = reader.block_at(at)
        tried += 1
        if block:
            yield block
            done, found = block.end, found + 1
        if found >= MAX_BLOCKS or tried >= MAX_TRIED:
            return


def find_beginning(lines: Sequence[str]) -> Block | None:
    """Return the place where a forward begins that has no header block at all."""
    for at, line in enumerate(lines):
        bare = line.strip(AROUND)
        if not (bare.startswith(_MARKS) or bare.endswith(":")):
            continue
        if classify(plain(line)) is Separator.FORWARDED and any(lines[at + 1 :]):
            return Block(at, at + 1, Separator.FORWARDED, {Field.FROM: ""}, depth(line))
    return None


def is_ending(line: str) -> bool:
    """Return True if a line marks the end of a forward."""
    return _between_dashes(plain(line[:MAX_SEPARATOR])).casefold() in ENDINGS


def unquote(lines: Sequence[str], depth: int) -> list[str]:
    """Return the lines without at most `depth` quote marks each."""
    marks = re.compile(rf"(?:\s{{0,3}}>\s?){{0,{min(depth, MAX_QUOTES)}}}")
    return [line[found.end() :] for line in lines if (found := marks.match(line))]


def classify(line: str) -> Separator:
    """Say what kind of separator a line is."""
    if len(line) > MAX_SEPARATOR or not line:
        return Separator.NONE
    if line.strip(" :*").casefold() in BEGINNINGS:
        return Separator.FORWARDED
    if _RULE.fullmatch(line):
        return Separator.RULE
    words = _between_dashes(line).casefold()
    if not words:
        return Separator.NONE
    # "Forwarded message from Jo <jo@…>", "Välitetty viesti / Fwd.Msg"
    if words.startswith(_FORWARDED):
        return Separator.FORWARDED
    return Separator.ORIGINAL if any(map(words.__contains__, ORIGINALS)) else Separator.RULE


def _between_dashes(line: str) -> str:
    """Return the words behind the dashes of a plain line; those to the right may be missing."""
    return "" if line[:2].strip(_DASHES) else line.strip(_DASHES + " ")


_FORWARDED = tuple(FORWARDED)


class _Plain:
    """Lines as the labels see them; few are ever looked at, and those again and again."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._raw = lines
        self._seen: dict[int, str] = {}
        self._labels: dict[int, tuple[Field, str] | None] = {}

    def __len__(self) -> int:
        return len(self._raw)

    def __getitem__(self, at: int) -> str:
        if at not in self._seen:
            self._seen[at] = plain(self._raw[at][: MAX_VALUE + 1])
        return self._seen[at]

    def label(self, at: int) -> tuple[Field, str] | None:
        """Return the label that a line begins with, and the value behind it."""
        if at not in self._labels:
            self._labels[at] = label_of(self[at])
        return self._labels[at]


class _Reader:
    """Reads blocks from one list of lines."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._raw = lines
        self._lines = _Plain(lines)

    def block_at(self, at: int) -> Block | None:
        text = self._lines[at]
        if len(text) > MAX_VALUE:
            return None
        if text.startswith("-"):
            glued = _SEPARATOR_AND_MORE.match(text)
            if glued:
                return self._glued(at, at, classify(glued[1]), glued[2])
            separator = classify(text)
            if separator < Separator.ORIGINAL:
                return None
            return self._bare(at, separator) or self._notes(at, separator)
        if not self._lines.label(at):
            return None
        start, separator, told = self._separator_above(at)
        return self._glued(start, at, separator, text) or self._lined(start, at, separator, told)

    def _separator_above(self, at: int) -> tuple[int, Separator, Fields]:
        """Return where the block begins, what its separator is and which fields it tells."""
        above = at - 1
        while above >= max(0, at - 3) and not self._lines[above]:
            above -= 1
        if above < 0:
            return at, Separator.NONE, {}
        orange = ORANGE.match(self._lines[above])
        separator = Separator.ORIGINAL if orange else classify(self._lines[above])
        start = above if separator else at
        return start, separator, {Field.DATE: orange[1]} if orange else {}

    def _glued(self, start: int, at: int, separator: Separator, text: str) -> Block | None:
        fields = split_glued(text)
        if not fields or not _is_block(fields, separator):
            return None
        return Block(start, at + 1, separator, fields, depth(self._raw[at]))

    def _bare(self, at: int, separator: Separator) -> Block | None:
        """Read a block without colons, as eM Client writes it below its separator."""
        fields: Fields = {}
        end = at + 1
        while end < len(self._lines) and (found := bare_label(self._lines[end])):
            fields.setdefault(*found)
            end += 1
        if "@" not in fields.get(Field.FROM, "") or not _is_block(fields, separator):
            return None
        return Block(at, end, separator, fields, depth(self._raw[at]))

    def _notes(self, at: int, separator: Separator) -> Block | None:
        """Read a block of old Lotus Notes: no label stands before the sender and the date."""
        below = range(at + 1, min(at + MAX_LINES_ABOVE_LABELS, len(self._lines)))
        labels = next((n for n in below if self._lines.label(n)), None)
        if labels is None:
            return None
        told = unlabelled(self._lines[n] for n in range(at + 1, labels))
        return self._lined(at, labels, separator, told)

    def _lined(self, start: int, at: int, separator: Separator, told: Fields) -> Block | None:
        fields: Fields = {}
        end, current = at, Field.IGNORED
        # Labels and values in cells of a table are lines of their own.
        first = self._lines.label(at)
        in_cells = first is not None and not first[1]
        while end < min(len(self._lines), at + MAX_LINES):
            found = self._lines.label(end) or self._guess(end, fields)
            if found and (found[0] is Field.IGNORED or found[0] not in fields):
                current = found[0]
                fields[current] = found[1]
            elif self._lines[end] and self._continues(end, current, fields, in_cells):
                fields[current] = f"{fields[current]} {self._lines[end]}".strip()
            elif self._lines[end] or not self._goes_on(end, fields):
                break
            end += 1
        fields = told | fields
        if not _is_block(fields, separator):
            return None
        return Block(start, self._below_rule(end), separator, fields, depth(self._raw[at]))

    def _guess(self, at: int, fields: Fields) -> tuple[Field, str] | None:
        """Read a label that no table has, between others, by what stands behind it."""
        found = unknown_label(self._lines[at])
        is_last = at + 1 < len(self._lines) and not self._lines[at + 1]
        if not found or not (is_last or self._label_within(at, fields)):
            return None
        field = Field.TO if "@" in found else Field.DATE if _TIME.search(found) else Field.IGNORED
        known = {*fields, *(label[0] for label in self._labels_below(at))}
        return None if field in known or Field.FROM not in known else (field, found)

    def _labels_below(self, at: int) -> Iterator[tuple[Field, str]]:
        """Yield the labels in the lines of a block that follow."""
        for below in range(at + 1, min(at + len(Field), len(self._lines))):
            if not self._lines[below]:
                return
            label = self._lines.label(below)
            if label:
                yield label

    def _continues(self, at: int, current: Field, fields: Fields, in_cells: bool) -> bool:
        """Return True if an unlabelled line belongs to the field above it."""
        if not fields.get(current) and (in_cells or current is not Field.SUBJECT):
            return current in fields
        if self._label_within(at, fields):
            return True
        if current is Field.SUBJECT:
            return self._is_wrapped(at)
        ends_open = fields[current].endswith((",", ";"))
        return current in (Field.FROM, Field.TO, Field.CC) and (
            ends_open or self._lines[at].startswith("<")
        )

    def _label_within(self, at: int, fields: Fields) -> bool:
        """Return True if a new label follows before a blank line."""
        found = next(self._labels_below(at), None)
        return found is not None and found[0] not in fields

    def _is_wrapped(self, at: int) -> bool:
        """Return True if a mail program broke the subject, the last field, at this line."""
        above, first_word = self._raw[at - 1], self._lines[at].split(" ")[0]
        is_last = at + 1 >= len(self._lines) or not self._lines[at + 1]
        return is_last and WRAP_WIDTH - len(first_word) - 1 < len(above) <= WRAP_WIDTH + 4

    def _goes_on(self, at: int, fields: Fields) -> bool:
        """Return True if the block goes on after blank lines (some programs double them)."""
        below = next((n for n in range(at, min(at + 3, len(self._lines))) if self._lines[n]), at)
        found = self._lines.label(below)
        is_open = Field.SUBJECT not in fields or not self._lines[at - 2]
        return found is not None and found[0] not in fields and is_open

    def _below_rule(self, end: int) -> int:
        """Return where the body begins: Zoho and SquirrelMail draw a line below the block."""
        is_rule = end < len(self._lines) and self._lines[end].startswith(("====", "-" * 30))
        return end + 1 if is_rule else end


def labels_above(lines: Sequence[str], at: int) -> tuple[int, Fields]:
    """Return where labels and a separator right above a line begin, and what the labels say."""
    fields: Fields = {}
    start = at
    while start and (found := label_of(plain(lines[start - 1]))):
        fields[found[0]] = found[1].rstrip(";")
        start -= 1
    if start and classify(plain(lines[start - 1])):
        start -= 1
    return start, fields


def _any_between(places: Sequence[int], begin: int, end: int) -> bool:
    first = bisect_left(places, begin)
    return first < len(places) and places[first] < end


def _is_block(fields: Fields, separator: Separator) -> bool:
    known = [field for field in fields if field is not Field.IGNORED]
    least = MIN_LABELS_BELOW_SEPARATOR if separator else MIN_LABELS
    # "De : … A : … Date : …" begins French sentences, too: without a subject, an address counts.
    named = Field.SUBJECT in fields or (Field.DATE in fields and "@" in fields.get(Field.FROM, ""))
    return bool(fields.get(Field.FROM)) and named and len(known) >= least
