"""Finds the header blocks that mail programs quote above a forwarded mail.

Works on lines, whether they come from plain text or from flattened HTML. A block is
several known labels together; one label alone is just a French sentence.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from mailtrack.parsers.forward_labels import (
    BARE_LABELS,
    BEGINNINGS,
    ENDINGS,
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
#: No mail has more header blocks than this inside each other, nor more quote marks.
MAX_BLOCKS, MAX_QUOTES = 50, 100
#: No label or separator is longer than this, and no line of a header (characters).
MAX_LABEL, MAX_SEPARATOR, MAX_VALUE = 30, 120, 10_000
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
    quotes: int = 0


_FIELD_OF = {
    label.casefold(): field for field, labels in LABELS.items() for label in labels.split("|")
}
_QUOTE = re.compile(r"^\ufeff?(?:\s{0,3}>)+ ?|^\ufeff")
# What stands around a line of a header, and before a separator.
_COLONS = ":\uff1a"
_UNSEEN = "\u200b\u200e\u200f\u202a\u202c\u2060\ufeff"
_AROUND, _MARKS = "> \t\u00a0\u202f" + _UNSEEN, ("-", "_", "=")
# A label in a language that we do not know: some words, a colon and a value.
_LABELLED = re.compile(r"[^\W\d_]{1,20}(?:[ '.-][^\W\d_]{1,20}){0,3} ?[:\uff1a]\s*(\S.*)")
_TIME = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|\d[:h]\d\d")
# The right dashes may be missing (Entourage).
_DASHED = re.compile(r"[-–—_=~]{2,}\s*([^-–—_=~\s].*?)\s*[-–—_=~]*")
_RULE = re.compile(r"[-–—_=*~]{5,}")
# "----- Message transmis ----- De : …": Yahoo and Bluewin go on after the separator.
_SEPARATOR_AND_MORE = re.compile(r"(-{3,}+ ?[^-]{1,80}-{3,}+)\s*(\S.*)$")


def find_blocks(lines: Sequence[str]) -> Iterator[Block]:
    """Yield the header blocks of a body from the top, the outermost forward first."""
    reader = _Reader(lines)
    marked = (n for n, x in enumerate(lines) if ":" in x or x.startswith("--") or "\uff1a" in x)
    starts = [at for at in marked if _may_begin(lines[at])]
    senders = [at for at in starts if _may_name_sender(lines[at])]
    done = found = 0
    for at in starts:
        if at < done or not _any_between(senders, at, at + MAX_LINES):
            continue
        block = reader.block_at(at)
        if block:
            yield block
            done, found = block.end, found + 1
        if found >= MAX_BLOCKS:
            return


def find_beginning(lines: Sequence[str]) -> Block | None:
    """Return the place where a forward begins that has no header block at all."""
    for at, line in enumerate(lines):
        bare = line.strip(_AROUND)
        if not (bare.startswith(_MARKS) or bare.endswith(":")):
            continue
        if classify(_plain(line)) is Separator.FORWARDED and any(lines[at + 1 :]):
            return Block(at, at + 1, Separator.FORWARDED, {Field.FROM: ""}, _depth(line))
    return None


def is_ending(line: str) -> bool:
    """Say whether a line marks the end of a forward."""
    dashed = _DASHED.fullmatch(_plain(line[:MAX_SEPARATOR]))
    return dashed is not None and dashed[1].casefold() in ENDINGS


def unquote(lines: Sequence[str], depth: int) -> list[str]:
    """Return the lines without at most `depth` quote marks each."""
    marks = re.compile(rf"(?:\s{{0,3}}>\s?){{0,{min(depth, MAX_QUOTES)}}}")
    return [marks.sub("", line, count=1) for line in lines]


def classify(line: str) -> Separator:
    """Say what kind of separator a line is."""
    if len(line) > MAX_SEPARATOR or not line:
        return Separator.NONE
    if line.strip(" :*").casefold() in BEGINNINGS:
        return Separator.FORWARDED
    if _RULE.fullmatch(line):
        return Separator.RULE
    dashed = _DASHED.fullmatch(line)
    if not dashed:
        return Separator.NONE
    # "Forwarded message from Jo <jo@…>", "Välitetty viesti / Fwd.Msg"
    if dashed[1].casefold().startswith(_FORWARDED):
        return Separator.FORWARDED
    return Separator.ORIGINAL if ORIGINALS.search(dashed[1]) else Separator.RULE


_FORWARDED = tuple(FORWARDED)


class _Plain:
    """Lines as the labels see them; few are ever looked at."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._raw = lines

    def __len__(self) -> int:
        return len(self._raw)

    def __getitem__(self, at: int) -> str:
        return _plain(self._raw[at])


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
            return self._glued(at, at, classify(glued[1]), glued[2]) if glued else self._bare(at)
        if not _label(text):
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
        return Block(start, at + 1, separator, fields, _depth(self._raw[at]))

    def _bare(self, at: int) -> Block | None:
        """Read a block without colons, as eM Client writes it below its separator."""
        separator = classify(self._lines[at])
        if separator < Separator.ORIGINAL:
            return None
        fields: dict[Field, str] = {}
        end = at + 1
        while end < len(self._lines) and (found := _bare_label(self._lines[end])):
            fields.setdefault(*found)
            end += 1
        if "@" not in fields.get(Field.FROM, "") or not _is_block(fields, separator):
            return None
        return Block(at, end, separator, fields, _depth(self._raw[at]))

    def _lined(self, start: int, at: int, separator: Separator, date: str) -> Block | None:
        fields: dict[Field, str] = {}
        end, current = at, Field.IGNORED
        # Labels and values in cells of a table are lines of their own.
        first = _label(self._lines[at])
        in_cells = first is not None and not first[1]
        while end < min(len(self._lines), at + MAX_LINES):
            found = _label(self._lines[end]) or self._guess(end, fields)
            if found and (found[0] is Field.IGNORED or found[0] not in fields):
                current = found[0]
                fields[current] = found[1]
            elif self._lines[end] and self._continues(end, current, fields, in_cells):
                fields[current] = f"{fields[current]} {self._lines[end]}".strip()
            elif self._lines[end] or not self._goes_on(end, fields):
                break
            end += 1
        if date:
            fields.setdefault(Field.DATE, date)
        if not _is_block(fields, separator):
            return None
        return Block(start, self._below_rule(end), separator, fields, _depth(self._raw[at]))

    def _guess(self, at: int, fields: dict[Field, str]) -> tuple[Field, str] | None:
        """Read a label that no table has, between others, by what stands behind it."""
        found = _labelled(self._lines[at])
        is_last = at + 1 < len(self._lines) and not self._lines[at + 1]
        if not found or not (is_last or self._label_within(at, fields)):
            return None
        field = Field.TO if "@" in found else Field.DATE if _TIME.search(found) else Field.IGNORED
        known = {*fields, *(label[0] for line in self._next(at) if (label := _label(line)))}
        return None if field in known or Field.FROM not in known else (field, found)

    def _next(self, at: int) -> Iterator[str]:
        """Yield the lines of a block that follow."""
        for below in range(at + 1, min(at + len(Field), len(self._lines))):
            if not self._lines[below]:
                return
            yield self._lines[below]

    def _continues(self, at: int, current: Field, fields: dict[Field, str], in_cells: bool) -> bool:
        """Say whether an unlabelled line belongs to the field above it."""
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

    def _label_within(self, at: int, fields: dict[Field, str]) -> bool:
        """Say whether a new label follows before a blank line."""
        found = next((label for line in self._next(at) if (label := _label(line))), None)
        return found is not None and found[0] not in fields

    def _is_wrapped(self, at: int) -> bool:
        """Say whether a mail program broke the subject, the last field, at this line."""
        above, first_word = self._raw[at - 1], self._lines[at].split(" ")[0]
        is_last = at + 1 >= len(self._lines) or not self._lines[at + 1]
        return is_last and WRAP_WIDTH - len(first_word) - 1 < len(above) <= WRAP_WIDTH + 4

    def _goes_on(self, at: int, fields: dict[Field, str]) -> bool:
        """Say whether the block goes on after blank lines (some programs double them)."""
        below = next((n for n in range(at, min(at + 3, len(self._lines))) if self._lines[n]), at)
        found = _label(self._lines[below])
        return found is not None and found[0] not in fields and Field.SUBJECT not in fields

    def _below_rule(self, end: int) -> int:
        """Return where the body begins: Zoho and SquirrelMail draw a line below the block."""
        is_rule = end < len(self._lines) and self._lines[end].startswith(("====", "-" * 30))
        return end + 1 if is_rule else end


def _plain(line: str) -> str:
    """Return the line as the labels see it: no quote marks, no BOM, plain spaces."""
    bare = _QUOTE.sub("", line) if line.startswith((">", " ", "\t", "\ufeff")) else line
    if bare.isascii():
        return bare.strip()
    plain = bare.replace("\u00a0", " ").replace("\u202f", " ").strip(" \t" + _UNSEEN)
    return plain if unicodedata.is_normalized("NFC", plain) else unicodedata.normalize("NFC", plain)


def _depth(line: str) -> int:
    quote = _QUOTE.match(line)
    return quote[0].count(">") if quote else 0


def _label(text: str) -> tuple[Field, str] | None:
    """Return the field that a line begins, and the value after the colon."""
    colon = _colon(text)
    label = text[:colon].strip("* ").casefold().replace("’", "'") if colon > 0 else ""
    field = _FIELD_OF.get(label)
    return (field, text[colon + 1 :].strip(" *\t")) if field else None


def _bare_label(text: str) -> tuple[Field, str] | None:
    """Return the field that a line begins without a colon, and its value."""
    word, _, value = text.partition(" ")
    field = _FIELD_OF.get(word.casefold())
    return (field, value) if field and value and value[0] not in _COLONS else None


def _labelled(text: str) -> str:
    """Return what stands behind a label of any language, "" where there is none."""
    found = _LABELLED.fullmatch(text) if _colon(text) > 0 else None
    return found[1] if found else ""


def labels_above(lines: Sequence[str], at: int) -> tuple[int, dict[Field, str]]:
    """Return where labels and a separator right above a line begin, and what the labels say."""
    fields: dict[Field, str] = {}
    start = at
    while start and (found := _label(_plain(lines[start - 1]))):
        fields[found[0]] = found[1].rstrip(";")
        start -= 1
    if start and classify(_plain(lines[start - 1])):
        start -= 1
    return start, fields


def _colon(text: str) -> int:
    """Return where the first colon is, if a label may stand before it, else -1."""
    colon = text.find(":", 0, MAX_LABEL)
    wide = -1 if text.isascii() else text.find("\uff1a", 0, MAX_LABEL)
    return wide if colon < 0 or 0 <= wide < colon else colon


def _may_begin(line: str) -> bool:
    """Say whether a block could begin in a line with a colon: at a label or a rule."""
    head = line.lstrip(_AROUND)[:MAX_LABEL]
    return head.startswith("-") or (_colon(head) > 0 and _label(_plain(head)) is not None)


def _may_name_sender(line: str) -> bool:
    bare = _plain(line.lstrip(_AROUND))
    label = _label(bare)
    return bare[0] == "-" or (label is not None and label[0] is Field.FROM)


def _any_between(places: Sequence[int], begin: int, end: int) -> bool:
    first = bisect_left(places, begin)
    return first < len(places) and places[first] < end


def _is_block(fields: dict[Field, str], separator: Separator) -> bool:
    known = [field for field in fields if field is not Field.IGNORED]
    least = MIN_LABELS_BELOW_SEPARATOR if separator else MIN_LABELS
    # "De : … A : … Date : …" begins French sentences, too: without a subject, an address counts.
    named = Field.SUBJECT in fields or (Field.DATE in fields and "@" in fields.get(Field.FROM, ""))
    return bool(fields.get(Field.FROM)) and named and len(known) >= least


# Glued labels begin with a capital, hard against the value before them.
_ALL = {label for labels in LABELS.values() for label in labels.split("|")} | {"CC", "DW"}
_AS_WRITTEN = "|".join(re.escape(label) for label in sorted(_ALL, key=len, reverse=True))
_GLUED_LABEL = re.compile(
    rf"(?:(?<=[>\s])|(?<=\w)(?=[^\W\d_a-zà-öø-ÿ]))({_AS_WRITTEN})\s?:"
    rf"|(?<=[>\w])({'|'.join(BARE_LABELS)})\s(?=\S)"
)


def _split_glued(text: str) -> dict[Field, str]:
    """Split a line that holds a whole block; {} where it holds a single label."""
    begin = _colon(text) + 1
    if _label(text[:begin]) != (Field.FROM, ""):
        return {}
    marks = [(0, begin, Field.FROM)]
    for found in _GLUED_LABEL.finditer(text, begin):
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
