"""Items and dates in the lines of an AliExpress mail."""

import re
from collections.abc import Iterator
from datetime import date
from itertools import islice

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
    """Return the titles of the items, each once, as the shop cut them.

    1. Some mails mark titles by a class.
    2. Else a title stands above a line that is a quantity: a cut one, or the one above the
       variant.
    """
    # 1.
    marked = [line for line in content.lines if line in content.marks] if content.marks else []
    if marked:
        return tuple(dict.fromkeys(marked))
    # 2.
    titles: dict[str, None] = {}
    lines = [line for line in content.lines if line]
    for at, line in enumerate(lines):
        if not (line[-1].isdigit() and _QUANTITY.fullmatch(line)):
            continue
        item: list[str] = []
        for above in reversed(lines[max(0, at - _MAX_ITEM_LINES) : at]):
            is_label = ITEM_LABELS.fullmatch(above) or above.lower().startswith(PLACED_LABELS)
            if is_label or _QUANTITY.fullmatch(above):
                break
            item.insert(0, above)
        cut = [above for above in item if above.endswith(_CUT)]
        titles |= dict.fromkeys(cut[-1:] or item[-2:][:1])
    return tuple(titles)


def read_estimated_delivery(text: str) -> date | None:
    """Return the last day of the estimated delivery."""
    return max(_dates_after(DELIVERY_LABELS, text), default=None)


def read_ordered_at(text: str) -> date | None:
    """Return the day of the (first) order."""
    return min(_dates_after(PLACED_LABELS, text), default=None)


def _dates_after(labels: tuple[str, ...], text: str) -> Iterator[date]:
    """Yield the dates right after a label; numbers alone are day/month/year.

    1. Look at each year: hardly any has a label somewhere before it.
    2. Find the date around it.
    3. The label must end right before that, or before the first day of a span.
    """
    for year in islice(_YEAR.finditer(text), _MOST_YEARS):
        # 1.
        begin, end = max(0, year.start() - _DATE_REACH), year.end() + _DATE_REACH
        before = text[max(0, year.start() - _DATE_REACH - _LABEL_REACH) : year.start()].lower()
        if not any(label in before for label in labels):
            continue
        # 2.
        dates = (found for shape in _SHAPES for found in shape.finditer(text, begin, end))
        found = next((found for found in dates if found.start("y") == year.start()), None)
        if found is None:
            continue
        # 3.
        before = text[max(0, found.start() - _LABEL_REACH) : found.start()].lower()
        if not _FIRST_DAY.sub("", before).rstrip(" \n:").endswith(labels):
            continue
        month = found["m"].casefold()
        names = (month[:n] for n in (5, 4, 3))
        by_name = next((_MONTHS[name] for name in names if name in _MONTHS), 0)
        try:
            yield date(int(found["y"]), int(month) if month.isdigit() else by_name, int(found["d"]))
        except ValueError:  # no such day, or no month that we know
            continue
