"""Reads the labels of one line: « De : … », several glued together, or none where some should be.

A line is first made plain: no quote marks, no invisible characters, plain spaces.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from mailtrack.parsers.forward_labels import BARE_LABELS, LABELS, Field
from mailtrack.parsers.mime import normalised

#: Labels that a block must have, where no separator stands above it.
MIN_LABELS = 3
#: No label is longer than this (characters).
MAX_LABEL = 30

#: What a header block says, by field.
Fields = dict[Field, str]

_FIELD_OF = {
    label.casefold(): field for field, labels in LABELS.items() for label in labels.split("|")
}
_QUOTE = re.compile(r"^\ufeff?(?:\s{0,3}>)+ ?|^\ufeff")
_UNSEEN = "\u200b\u200e\u200f\u202a\u202c\u2060\ufeff"
#: What stands around a line of a header, and before a separator.
AROUND = "> \t\u00a0\u202f" + _UNSEEN
_WIDE_COLON = "\uff1a"
# A label in a language that we do not know: some words, a colon and a value.
_LABELLED = re.compile(r"[^\W\d_]{1,20}(?:[ '.-][^\W\d_]{1,20}){0,3} ?[:\uff1a]\s*(\S.*)")
# "Jo <jo@…> le 02/03/2026 09:31:49", or the date in a line of its own
_SENDER = re.compile(r".{0,200}?[^\s<>@]{1,64}+@[^\s<>]{1,200}>?")
_DATE = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{2,4}\b.{0,30}")


def plain(line: str) -> str:
    """Return the line as the labels see it: no quote marks, no BOM, plain spaces."""
    bare = _QUOTE.sub("", line) if line.startswith((">", " ", "\t", "\ufeff")) else line
    if bare.isascii():
        return bare.strip()
    bare = bare.replace("\u00a0", " ").replace("\u202f", " ").strip(" \t" + _UNSEEN)
    return normalised(bare)


def depth(line: str) -> int:
    """Return how many quote marks a line begins with."""
    quote = _QUOTE.match(line)
    return quote[0].count(">") if quote else 0


def begins(line: str) -> Field | None:
    """Return the field that a line as it came may begin; a separator may hide the sender."""
    head = line.lstrip(AROUND)[:MAX_LABEL]
    if head[:2] == "--":
        return Field.FROM
    colon = _colon(head) if _WIDE_COLON in head else head.find(":")
    return _field_of(head[:colon]) if colon > 0 else None


def label_of(text: str) -> tuple[Field, str] | None:
    """Return the field that a plain line begins, and the value after the colon."""
    colon = _colon(text)
    field = _field_of(text[: max(colon, 0)])
    return (field, text[colon + 1 :].strip(" *\t")) if field else None


def bare_label(text: str) -> tuple[Field, str] | None:
    """Return the field that a plain line begins without a colon, and its value."""
    word, _, value = text.partition(" ")
    field = _FIELD_OF.get(word.casefold())
    return (field, value) if field and value and value[0] not in (":", _WIDE_COLON) else None


def unknown_label(text: str) -> str:
    """Return what stands behind a label of any language, "" where there is none."""
    found = _LABELLED.fullmatch(text) if _colon(text) > 0 else None
    return found[1] if found else ""


def unlabelled(lines: Iterable[str]) -> Fields:
    """Return the sender and the date in plain lines without labels, as Lotus Notes wrote them."""
    fields: Fields = {}
    for line in lines:
        sender = None if Field.FROM in fields else _SENDER.match(line)
        if sender:
            fields[Field.FROM] = sender[0]
        date = _DATE.search(line, sender.end() if sender else 0)
        if date and not line.endswith("--"):
            fields.setdefault(Field.DATE, date[0])
    return fields


def _colon(text: str) -> int:
    """Return where the first colon is, if a label may stand before it, else -1."""
    colon = text.find(":", 0, MAX_LABEL)
    wide = -1 if text.isascii() else text.find(_WIDE_COLON, 0, MAX_LABEL)
    return wide if colon < 0 or 0 <= wide < colon else colon


# A mail repeats what stands before its colons, labels and others.
@lru_cache(maxsize=2_000)
def _field_of(words: str) -> Field | None:
    return _FIELD_OF.get(plain(words).strip("* ").casefold().replace("’", "'"))


# Glued labels begin with a capital, hard against the value before them.
_ALL = {label for labels in LABELS.values() for label in labels.split("|")} | {"CC", "DW"}
_AS_WRITTEN = "|".join(map(re.escape, sorted(_ALL, key=len, reverse=True))).replace("'", "['’]")
_GLUED_LABEL = re.compile(
    rf"(?:(?<=[>\s])|(?<=\w)(?=[^\W\d_a-zà-öø-ÿ]))({_AS_WRITTEN})\s?:"
    rf"|(?<=[>\w])({'|'.join(BARE_LABELS)})\s(?=\S)"
)


def split_glued(text: str) -> Fields:
    """Split a plain line that holds a whole block; {} where it holds a single label."""
    begin = _colon(text) + 1
    if label_of(text[:begin]) != (Field.FROM, ""):
        return {}
    marks = [(0, begin, Field.FROM)]
    for found in _GLUED_LABEL.finditer(text, begin):
        field = _field_of(found[1] or found[2])
        if field and field not in {mark[2] for mark in marks}:
            marks.append((found.start(), found.end(), field))
        if field is Field.SUBJECT:
            break
    if len(marks) < MIN_LABELS:
        return {}
    ends = [mark[0] for mark in marks[1:]] + [len(text)]
    return {
        field: text[begin:end].strip() for (_, begin, field), end in zip(marks, ends, strict=True)
    }
