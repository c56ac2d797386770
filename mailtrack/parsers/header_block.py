"""Finds the header blocks that mail programs quote above a forwarded mail.

Works on lines, whether they come from plain text or from flattened HTML. A block is
several known labels together; one label alone is just a French sentence. Programs that
write no block write a sentence instead: one that begins a forward, or one that says who
wrote when.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import takewhile

from mailtrack.parsers.forward_labels import (
    ATTRIBUTION_BEGINS,
    BEGINNINGS,
    ENDINGS,
    FORWARDED,
    ORANGE,
    ORIGINALS,
    Field,
    is_attribution,
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
from mailtrack.parsers.people import ADDRESS

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
#: Sentences above quotes and signatures are shorter than this (characters).
MAX_SENTENCE = 500
#: A sentence above a quote may be broken over as many lines (Gmail breaks at 72 characters).
_BROKEN_OVER = 3


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
_DATE = re.compile(r"\d{1,4}[./-]\s?\d{1,2}[./-]\s?\d{2,4}[.,]?(?:\D{1,8}\d{1,2}[:.]\d{2})?")
_WORDS_BEFORE_NAME = re.compile(
    r".*(?:\d|,|\bheeft|\bidőpontban|\bpoužívateľ|\bпользователь|\bużytkownik|\bschrieb|\bskrev)\s+"
)
# « "Doe, John" <jo@…> »: the comma is the name's own.
_QUOTED_NAME = re.compile(r"[\"„«“][^\"„«“”»]{1,100}[\"”»“]$")


def find_blocks(lines: Sequence[str]) -> Iterator[Block]:
    """Yield the header blocks of a body from the top, the outermost forward first."""
    reader = _Reader(lines)
    marked = (n for n, x in enumerate(lines) if ":" in x or "--" in x or "\uff1a" in x)
    begun = [(at, field) for at in marked if (field := begins(lines[at]))]
    senders = [at for at, field in begun if field is Field.FROM]
    done = found = tried = 0
    for at, _ in begun:
        if at < done:
            continue
        nearest = bisect_left(senders, at)
        if nearest == len(senders) or senders[nearest] >= at + MAX_LINES:
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


def find_attribution(lines: Sequence[str]) -> Block | None:
    """Return the one sentence that Outlook 2019 puts above a forward, read as a block.

    Yandex writes `02.03.2026, 09:31, "Jo" <jo@…>:` in its place.
    """
    for at, line in enumerate(lines):
        length = attribution_length(lines, at)
        if not length:
            bare = line.lstrip(AROUND)
            is_dated = len(bare) <= MAX_SENTENCE and bare.endswith(">:") and _DATE.match(bare)
            length = 1 if is_dated else 0
        text = " ".join([x.lstrip(AROUND).rstrip() for x in lines[at : at + length]])
        address = ADDRESS.search(text)
        if not address:
            continue
        before = text[: address.start()].rstrip(" <([")
        quoted = _QUOTED_NAME.search(before)
        words = _WORDS_BEFORE_NAME.match(before)
        name = quoted[0] if quoted else before[words.end() if words else 0 :]
        date = _DATE.search(text)
        # Labels and a separator may stand right above it.
        fields: Fields = {}
        start = at
        while start and (label := label_of(plain(lines[start - 1]))):
            fields[label[0]] = label[1].rstrip(";")
            start -= 1
        if start and classify(plain(lines[start - 1])):
            start -= 1
        fields[Field.FROM] = f"{name} <{address[0]}>"
        fields[Field.DATE] = date[0] if date else ""
        return Block(start, at + length, Separator.FORWARDED, fields, quotes=1)
    return None


def attribution_length(lines: Sequence[str], at: int) -> int:
    """Return how many lines the sentence above a quote takes that begins here, 0 for none.

    >>> attribution_length(["Le lun. 2 mars 2026 à 09:31, Jo <jo@example.org>", "a écrit :"], 0)
    2
    """
    first = lines[at].lstrip(AROUND).rstrip()
    if len(first) > MAX_SENTENCE or is_attribution(first):
        return int(len(first) <= MAX_SENTENCE)
    if not ATTRIBUTION_BEGINS.match(first):
        return 0
    rest = takewhile(lambda line: len(line) <= MAX_SENTENCE, lines[at + 1 : at + _BROKEN_OVER])
    broken = [first, *(line.lstrip(AROUND).rstrip() for line in rest)]
    lengths = range(2, len(broken) + 1)
    return next((n for n in lengths if is_attribution(" ".join(broken[:n]))), 0)


def next_attribution(lines: Sequence[str], span: range) -> int | None:
    """Return the first line of a span where the sentence above a quote begins, None for none."""
    # It ends in a colon, and few lines do.
    ended = (n for n in span if lines[n].rstrip().endswith(":"))
    begun = (at for n in ended for at in range(max(span.start, n - _BROKEN_OVER + 1), n + 1))
    return next((at for at in begun if attribution_length(lines, at)), None)


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
        """Read the block that begins at a line; a separator above may belong to it.

        1. A line that begins with a dash is a separator, or nothing.
        2. Else it begins with a label; look for a separator up to three lines above.
        3. The whole block may be glued together in the line; else each label has a line.
        """
        text = self._lines[at]
        if len(text) > MAX_VALUE:
            return None
        # 1.
        if text.startswith("-"):
            return self._below_separator(at, text)
        # 2.
        if not self._lines.label(at):
            return None
        start, separator, told = at, Separator.NONE, Fields()
        above = at - 1
        while above >= max(0, at - 3) and not self._lines[above]:
            above -= 1
        if above >= 0:
            orange = ORANGE.match(self._lines[above])
            separator = Separator.ORIGINAL if orange else classify(self._lines[above])
            start = above if separator else at
            told = {Field.DATE: orange[1]} if orange else {}
        # 3.
        return self._glued(start, at, separator, text) or self._lined(start, at, separator, told)

    def _below_separator(self, at: int, text: str) -> Block | None:
        """Read a block that begins with its separator.

        1. Yahoo and Bluewin go on after it, in the same line.
        2. eM Client writes labels without colons.
        3. Old Lotus Notes writes the sender and the date without labels, and others below.
        """
        # 1.
        glued = _SEPARATOR_AND_MORE.match(text)
        if glued:
            return self._glued(at, at, classify(glued[1]), glued[2])
        separator = classify(text)
        if separator < Separator.ORIGINAL:
            return None
        # 2.
        fields: Fields = {}
        end = at + 1
        while end < len(self._lines) and (found := bare_label(self._lines[end])):
            fields.setdefault(*found)
            end += 1
        if "@" in fields.get(Field.FROM, "") and _is_block(fields, separator):
            return Block(at, end, separator, fields, depth(self._raw[at]))
        # 3.
        below = range(at + 1, min(at + MAX_LINES_ABOVE_LABELS, len(self._lines)))
        labels = next((n for n in below if self._lines.label(n)), None)
        if labels is None:
            return None
        told = unlabelled(self._lines[n] for n in range(at + 1, labels))
        return self._lined(at, labels, separator, told)

    def _glued(self, start: int, at: int, separator: Separator, text: str) -> Block | None:
        fields = split_glued(text)
        if not fields or not _is_block(fields, separator):
            return None
        return Block(start, at + 1, separator, fields, depth(self._raw[at]))

    def _lined(self, start: int, at: int, separator: Separator, told: Fields) -> Block | None:
        """Read a block whose labels begin at a line; `told` are fields from above them.

        1. A line with a new label begins a field.
        2. A line without one goes on with the field above it, or ends the block.
        3. A blank line ends the block, unless a new label follows: some programs double them.
        """
        fields: Fields = {}
        end, current = at, Field.IGNORED
        # Labels and values in cells of a table are lines of their own.
        first = self._lines.label(at)
        in_cells = first is not None and not first[1]
        while end < min(len(self._lines), at + MAX_LINES):
            text = self._lines[end]
            found = self._lines.label(end) or self._guess(end, fields)
            if found and (found[0] is Field.IGNORED or found[0] not in fields):
                # 1.
                current = found[0]
                fields[current] = found[1]
            elif text:
                # 2.
                if not self._continues(end, current, fields, in_cells):
                    break
                fields[current] = f"{fields[current]} {text}".strip()
            else:
                # 3.
                near = range(end, min(end + 3, len(self._lines)))
                below = self._lines.label(next((n for n in near if self._lines[n]), end))
                is_open = Field.SUBJECT not in fields or not self._lines[end - 2]
                if below is None or below[0] in fields or not is_open:
                    break
            end += 1
        fields = told | fields
        if not _is_block(fields, separator):
            return None
        # Zoho and SquirrelMail draw a line below the block.
        is_rule = end < len(self._lines) and self._lines[end].startswith(("====", "-" * 30))
        body = end + 1 if is_rule else end
        return Block(start, body, separator, fields, depth(self._raw[at]))

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
            # It is the last field: a mail program broke it where a word had no more room.
            above, first_word = self._raw[at - 1], self._lines[at].split(" ")[0]
            is_last = at + 1 >= len(self._lines) or not self._lines[at + 1]
            return is_last and WRAP_WIDTH - len(first_word) - 1 < len(above) <= WRAP_WIDTH + 4
        ends_open = fields[current].endswith((",", ";"))
        return current in (Field.FROM, Field.TO, Field.CC) and (
            ends_open or self._lines[at].startswith("<")
        )

    def _label_within(self, at: int, fields: Fields) -> bool:
        """Return True if a new label follows before a blank line."""
        found = next(self._labels_below(at), None)
        return found is not None and found[0] not in fields


def _is_block(fields: Fields, separator: Separator) -> bool:
    known = [field for field in fields if field is not Field.IGNORED]
    least = MIN_LABELS_BELOW_SEPARATOR if separator else MIN_LABELS
    # "De : … A : … Date : …" begins French sentences, too: without a subject, an address counts.
    named = Field.SUBJECT in fields or (Field.DATE in fields and "@" in fields.get(Field.FROM, ""))
    return bool(fields.get(Field.FROM)) and named and len(known) >= least
