"""Senders of shipping mails, as the files in `senders/` declare them.

One TOML file for each carrier or shop says who it is, which numbers are its own, and which
subjects mean which step.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from mailtrack.domain.milestones import Milestone
from mailtrack.parsers.lazy_pattern import LazyPattern
from mailtrack.parsers.shop import Brand

_SENDERS = resources.files("mailtrack.parsers") / "senders"
#: The file about all who have none.
_ANYBODY = "anybody"
_SPACES = re.compile(r"[\u00a0\u202f\s]+")
#: Accents are left out by some programs, and by some people who write the subjects.
_AS_TYPED = str.maketrans("’‘–—éèêëàâäîïôöùûüç", "''--eeeeaaaiioouuuc")
#: What may be a number of some carrier; no French telephone.
_ANY_FORM = r"(?!0[1-9]\d{8}(?!\d))(?=(?:[A-Z]*\d){6})[0-9A-Z]{8,30}"
#: What people write between a carrier's name and its number, in a text that was made plain.
_BETWEEN = (
    r"(?:[^\w]{0,4}(?:colis|envoi|suivi|numero|num|n[°ºo]?|est|le|mon|de|du|express|france"
    r"|tracking|number)\b){0,7}"
    r"[^\w+]{0,6}"
)


@dataclass(frozen=True, slots=True)
class StepRow:
    """What a subject or a text means; all that is given has to be there."""

    kind: str
    milestone: Milestone | None
    language: str
    subject: LazyPattern | None
    text: str
    sender: str


@dataclass(frozen=True, slots=True)
class MailSender:
    """One sender. `carrier` is "" for a shop, whose parcels any carrier may have.

    `writers`: the parts of addresses that write of orders and parcels, where not all do;
    `names_parcels` is False where no digits of its mails are a parcel. `order_parameter`: where
    its own links hold an order; `items`: how its subjects quote what was bought.
    """

    code: str
    brand: Brand
    carrier: str
    forms: tuple[re.Pattern[str], ...]
    orders: re.Pattern[str] | None
    steps: tuple[StepRow, ...]
    #: A number of its own as people write it beside the name; None for a shop.
    typed: LazyPattern | None
    #: Names under which it is known besides: whoever else bears one is not believed.
    known_as: tuple[str, ...]
    writers: tuple[str, ...] = ()
    names_parcels: bool = True
    order_parameter: str = ""
    items: re.Pattern[str] | None = None

    def writes_from(self, address: str) -> bool:
        """Return True if an address of the sender's writes of orders and parcels."""
        return not self.writers or any(part in address.lower() for part in self.writers)


@cache
def declared() -> tuple[MailSender, ...]:
    """Return all senders that `senders/` declares, by code."""
    return tuple(sender for sender in _read_all() if sender.code != _ANYBODY)


@cache
def anybody() -> MailSender:
    """Return what holds for the mails of all others: how they word what is no news."""
    return next(sender for sender in _read_all() if sender.code == _ANYBODY)


#: All that a file may say, and a row of its steps.
_KEYS = {
    *("also", "carrier", "domains", "forms", "items", "known_as", "language", "name", "orders"),
    *("order_parameter", "parcels", "steps", "writers"),
}
_STEP_KEYS = {"kind", "language", "milestone", "sender", "subject", "text"}


def _read_all() -> Iterator[MailSender]:
    tables = {
        file.name.removesuffix(".toml"): tomllib.loads(file.read_text("utf-8"))
        for file in sorted(_SENDERS.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".toml")
    }
    for code, table in tables.items():
        unknown = {*table} - _KEYS | {
            key for row in table.get("steps", []) for key in {*row} - _STEP_KEYS
        }
        if unknown:
            raise ValueError(f"senders/{code}.toml: no such key: {', '.join(sorted(unknown))}")
        # A shop may send a carrier's own template.
        rows = table.get("steps", []) + tables.get(table.get("also", ""), {}).get("steps", [])
        names = (plain(table["name"]), *map(plain, table.get("known_as", ())))
        yield MailSender(
            code=code,
            brand=Brand(table["name"], tuple(table["domains"]), tuple(table["domains"])),
            carrier=table.get("carrier", ""),
            forms=tuple(re.compile(rf"{form}(?![0-9A-Z])") for form in table.get("forms", ())),
            orders=re.compile("|".join(table["orders"])) if "orders" in table else None,
            steps=tuple(_read_step(row, table.get("language", "fr")) for row in rows),
            known_as=names,
            typed=_typed(names, table["forms"]) if "carrier" in table else None,
            writers=tuple(table.get("writers", ())),
            names_parcels=table.get("parcels", True),
            order_parameter=table.get("order_parameter", ""),
            items=re.compile(table["items"]) if "items" in table else None,
        )


def _read_step(row: Mapping[str, Any], language: str) -> StepRow:
    milestone = Milestone(row["milestone"]) if "milestone" in row else None
    kind = "delivered" if milestone is Milestone.DELIVERED else "parcel_update"
    return StepRow(
        kind=row.get("kind", kind),
        milestone=milestone,
        language=row.get("language", language),
        subject=_pattern(row["subject"]) if "subject" in row else None,
        text=plain(row.get("text", "")),
        sender=row.get("sender", ""),
    )


def _typed(names: Sequence[str], forms: Sequence[str]) -> LazyPattern:
    """Return the pattern of a number right behind a name, or of a parcel's right before it.

    What stands farther away may be an order or a telephone: "GLS m'appelle au 06 39 …". What
    has none of the sender's own forms may have another of its carrier's.
    """
    form, name = "|".join([*forms, _ANY_FORM]), "|".join(map(re.escape, names))
    number = rf"(?:{form})(?![0-9A-Z])"
    return LazyPattern(
        rf"\b(?:{name})\b{_BETWEEN}(?<!\w)(?P<behind>{number})"
        rf"|\b(?:colis|suivi)\b{_BETWEEN}(?<!\w)(?P<before>{number})[^\w]{{0,3}}"
        rf"(?:(?:chez|avec|par|via|de) )?(?:{name})\b",
        re.IGNORECASE,
    )


def _pattern(subject: str) -> LazyPattern:
    """Return the pattern of a subject, to be matched at its beginning.

    `*` stands for some words or none, {shop} for the name of one or for nothing, {number} for
    a parcel's number.
    """
    pieces = re.split(r"( ?\* ?|\{shop\} |\{number\})", plain(subject))
    known = {
        "{number}": r"(?P<number>[0-9a-z]{6,40})",
        "{shop} ": r"(?:(?P<shop>.{1,60}?) )?",
    }
    return LazyPattern(
        "".join(
            known.get(piece) or (" ?(?:.{0,80} )?" if "*" in piece else re.escape(piece))
            for piece in pieces
        )
    )


def spaced(text: str) -> str:
    """Return a text with plain single spaces and none around it."""
    return _SPACES.sub(" ", text).strip()


def plain(text: str) -> str:
    """Return a text in small letters without accents, with plain spaces, quotes and dashes."""
    return spaced(text.casefold().translate(_AS_TYPED))
