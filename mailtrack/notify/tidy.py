"""What strangers wrote, made harmless for one line of a mail or a page.

Item names, carriers' sentences, subjects and the link in a provider's mail come from
outside: they may hold line breaks (header injection), bidirectional overrides (disguise),
links that a mail program finds by itself, scripts or a novel. They are tidied here once;
escaping for HTML is the templates' own business.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache, lru_cache
from operator import is_
from types import MappingProxyType
from typing import Any, TypeVar

from mailtrack.notify.defusing import without_links, without_telephones
from mailtrack.notify.french import shorten, typeset

T = TypeVar("T")

#: The fields that hold words of others, and how many characters we show of each.
LIMITS: Mapping[str, int] = MappingProxyType(
    {
        "name": 80,
        "items": 80,
        "subject": 160,
        "sender": 60,
        "text": 200,
        "place": 60,
        "address": 160,
        "carrier": 60,
        "hint": 200,
        "by": 60,
        "number": 60,
        "local_number": 60,
        "public_number": 60,
        "orders": 30,
        "numbers": 60,
        "code": 12,
    }
)

#: Those of them that are numbers, which may look like a telephone's.
_NUMBERS = frozenset({"number", "local_number", "public_number", "orders", "code"})

#: Characters that are read of a longer text; no limit is near.
MAX_READ = 1_000

#: An address to click: an absolute one, or one of our own pages; never "javascript:".
_LINK = re.compile(r"(?:https?:/)?/[!-~]*")


def tidy(view: T) -> T:
    """Return a view with every text of others on one line, printable and not too long."""
    tidied: T = _tidy(view, "")
    return tidied


def one_line(text: str) -> str:
    """Join lines and runs of spaces, and drop characters that are not for printing."""
    kept = text if text.isprintable() else "".join(_printable(character) for character in text)
    return " ".join(kept.split())


def _tidy(value: Any, field: str) -> Any:
    """Return the value itself where there is nothing to tidy in it."""
    if type(value) is str and field in LIMITS:
        printed = _in_print(value, LIMITS[field], field in _NUMBERS)
        return value if printed == value else printed
    if isinstance(value, str):
        return value if field != "action" or _LINK.fullmatch(value) else ""
    if isinstance(value, tuple):
        tidied = tuple(_tidy(part, field) for part in value)
        return value if all(map(is_, tidied, value)) else tidied
    kind: type = type(value)
    names = _names(kind)
    found = {name: getattr(value, name) for name in names}
    changed = {name: new for name in names if (new := _tidy(found[name], name)) is not found[name]}
    return replace(value, **changed) if changed else value


@cache
def _names(kind: type) -> tuple[str, ...]:
    """Return the fields of a kind of values, () where it has none."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()


@lru_cache(maxsize=2_000)
def _in_print(text: str, limit: int, is_number: bool) -> str:
    """Set a text of others; carriers say the same things over and over."""
    plain = without_links(one_line(text)[:MAX_READ])
    return shorten(typeset(plain if is_number else without_telephones(plain)), limit)


def _printable(character: str) -> str:
    """Return a space for a control character and nothing for an invisible or unknown one."""
    category = unicodedata.category(character)
    if category == "Cc":
        return " "
    return "" if category.startswith("C") else character
