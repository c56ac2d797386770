"""Items and dates in the lines of an AliExpress mail."""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice, takewhile

from mailtrack.parsers.aliexpress_words import DELIVERY_LABELS, ITEM_LABELS, PLACED_LABELS
from mailtrack.parsers.content import Content

# "x1", "€ 1,99x1", "1,99€ x 2", "US $1.99x1", "12,00 zł x1"
_QUANTITY = re.compile(
    r"(?:[A-Z]{0,3}\s?[^\w\s]{0,3}\s?\d[\d.,\s]{0,15}(?:[^\w\s]{1,3}|[A-ZŁ]{2,3})?\s?)?x\s?\d{1,3}",
    re.IGNORECASE,
)
_CUT = ("...", "…")
#: An item is a title and perhaps a variant, right above its quantity (lines).
_MAX_ITEM_LINES = 4

_MONTHS = {
    month: number
    for number, names in enumerate(
        (
            ("jan", "janv", "ene", "gen", "sty"),
            ("feb", "févr", "fév", "fev", "lut"),
            ("mar", "mars", "mär", "mrt", "maa"),
            ("apr", "avr", "abr", "kwi"),
            ("may", "mai", "mei", "mag", "maj"),
            ("jun", "juin", "giu", "cze"),
            ("jul", "juil", "lug", "lip"),
            ("aug", "août", "ago", "sie"),
            ("sep", "sept", "set", "wrz"),
            ("oct", "okt", "ott", "out", "paź"),
            ("nov", "lis"),
            ("dec", "déc", "dez", "dic", "gru"),
        ),
        start=1,
    )
    for month in names
}
_NUMERIC = re.compile(r"\b(?P<d>\d{1,2})[/.-](?P<m>\d{1,2})[/.-](?P<y>\d{4})\b", re.ASCII)
_ISO = re.compile(r"\b(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)\b", re.ASCII)
_MONTH_FIRST = re.compile(r"\b(?P<m>[^\W\d]{3,9})\.? (?P<d>\d{1,2}),? ?(?P<y>\d{4})\b")
_DAY_FIRST = re.compile(r"\b(?P<d>\d{1,2})\.? (?P<m>[^\W\d]{3,9})\.? (?P<y>\d{4})\b")
_SHAPES = (_ISO, _NUMERIC, _MONTH_FIRST, _DAY_FIRST)
_YEAR = re.compile(r"20\d\d(?!\d)", re.ASCII)
# Between a label and its date: a colon, a line break, the first day of a span.
_FIRST_DAY = re.compile(r"[\d/.-]{8,10}\s?[–-]\s?$", re.ASCII)
#: How far around a year its date may reach, and how far before that its label (characters).
_DATE_REACH, _LABEL_REACH = 20, 60
#: Years that are looked at in one mail.
_MOST_YEARS = 100


def read_items(content: Content) -> tuple[str, ...]:
    """Return the titles of the items, each once, as the shop cut them."""
    marked = [line for line in content.lines if line in content.marks] if content.marks else []
    return tuple(dict.fromkeys(marked or _above_quantities([x for x in content.lines if x])))


def read_estimated_delivery(text: str) -> date | None:
    """Return the last day of the estimated delivery."""
    return max(_dates_after(DELIVERY_LABELS, text), default=None)


def read_ordered_at(text: str) -> date | None:
    """Return the day of the (first) order."""
    return min(_dates_after(PLACED_LABELS, text), default=None)


def _dates_after(labels: tuple[str, ...], text: str) -> Iterator[date]:
    """Yield the dates right after a label; numbers alone are day/month/year."""
    for year in islice(_YEAR.finditer(text), _MOST_YEARS):
        found = _date_around(text, year) if _is_labelled(text, year, labels) else None
        if found:
            before = text[max(0, found.start() - _LABEL_REACH) : found.start()].lower()
            if _FIRST_DAY.sub("", before).rstrip(" \n:").endswith(labels):
                yield from _date(found["y"], found["m"], found["d"])


def _is_labelled(text: str, year: re.Match[str], labels: tuple[str, ...]) -> bool:
    """Return True if a label stands somewhere before a year; hardly any year has one."""
    before = text[max(0, year.start() - _DATE_REACH - _LABEL_REACH) : year.start()].lower()
    return any(label in before for label in labels)


def _date_around(text: str, year: re.Match[str]) -> re.Match[str] | None:
    begin, end = max(0, year.start() - _DATE_REACH), year.end() + _DATE_REACH
    dates = (found for shape in _SHAPES for found in shape.finditer(text, begin, end))
    return next((found for found in dates if found.start("y") == year.start()), None)


def _date(year: str, month: str, day: str) -> Iterator[date]:
    number = int(month) if month.isdigit() else _month(month.casefold())
    try:
        yield date(int(year), number, int(day))
    except ValueError:  # no such day, or no month that we know
        return


def _month(name: str) -> int:
    return next((_MONTHS[name[:n]] for n in (5, 4, 3) if name[:n] in _MONTHS), 0)


def _above_quantities(lines: Sequence[str]) -> Iterator[str]:
    """Yield the titles above lines that are a quantity."""
    for at, line in enumerate(lines):
        if line[-1].isdigit() and _QUANTITY.fullmatch(line):
            above = lines[max(0, at - _MAX_ITEM_LINES) : at]
            yield from _title(list(takewhile(_is_item_line, reversed(above)))[::-1])


def _is_item_line(line: str) -> bool:
    return not (
        _QUANTITY.fullmatch(line)
        or ITEM_LABELS.fullmatch(line)
        or line.lower().startswith(PLACED_LABELS)
    )


def _title(group: Sequence[str]) -> list[str]:
    """Return the title among the lines of an item: a cut one, else the one above the variant."""
    cut = [line for line in group if line.endswith(_CUT)]
    if cut:
        return cut[-1:]
    return list(group[-2:][:1])
