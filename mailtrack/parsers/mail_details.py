"""What a carrier's own mail says of the pick-up and of the day of the delivery.

The rows below are what they write, in small letters without accents. What a row finds counts
only where nothing around it denies it, and only if all that is found says the same: what is
not certain is left out.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time
from itertools import islice, pairwise
from typing import TypeVar

from mailtrack.domain.milestones import STAGES, Milestone, Phase
from mailtrack.domain.model import PickupPoint
from mailtrack.parsers.dates import DAY, day_of, has_year, unaccented
from mailtrack.parsers.lazy_pattern import LazyPattern
from mailtrack.parsers.pickup_place import read_place

T = TypeVar("T")

#: After these steps a parcel waits somewhere; else it may still be brought.
_WAITS = frozenset({Milestone.PICKUP_AVAILABLE, Milestone.DELIVERY_FAILED})
_ON_ITS_WAY = frozenset({Phase.ORDER, Phase.ROAD, Phase.ARRIVAL, Phase.DELIVERY})
#: Characters of a mail that are read, and what a row may find in it.
MAX_TEXT, MAX_FOUND = 20_000, 20

#: Some words within a sentence.
_WORDS = r"(?:[^.!?;\n]|\.(?=\w)){0,120}?"
_FETCH = r"\b(?:retir|retrait|recuper|enlev|cherch)"
#: What stands before a last day; a form may have the day in a cell of its own.
_UNTIL = r"jusqu'au ?:?\s{1,2}"
_BY = rf"(?:{_UNTIL}|au plus tard |avant ?:? )"
_LAST_DAY = {
    "fr": (
        rf"(?:\b(?:disponible|conserve|garde)\b|a (?:votre|ta) disposition){_WORDS} {_UNTIL}{DAY}",
        rf"\b(?:il|colis) (?:vous |t')attend\b{_WORDS} {_UNTIL}{DAY}",
        rf"{_FETCH}{_WORDS} {_BY}{DAY}",
        rf"(?:vous avez|tu as) jusqu'au {DAY}(?: inclus)? pour (?:aller |venir )?(?:le )?{_FETCH}",
        rf"(?:date limite|dernier jour) (?:de|du|pour le) retrait(?: ?:| est)?\s{{1,2}}{DAY}",
    ),
    "en": (
        rf"(?:available|waiting){_WORDS} until {DAY}",
        rf"(?:collect|pick(?:ed)?[ -]?up){_WORDS} (?:until|by|before|no later than) {DAY}",
    ),
}
#: Some write no more than this, in a line of its own.
_LAST_DAY_LINE = re.compile(rf"jusqu'au {DAY}(?: inclus)?\.?", re.IGNORECASE)
#: A line that ends here was not broken by a mail program (characters).
_SHORT_LINE = 50

_THERE = (
    r"(?: chez vous| a (?:votre )?domicile| a votre adresse"
    r"| (?:dans (?:votre|la)|en) boite aux lettres)?"
)
_WHOSE = r"(?: du colis| de votre (?:colis|commande|envoi))?(?: est)?"
#: Hours behind a day; those of an English clock are left alone.
_SLOT = (
    r"(?:[ ,(]{1,3}(?:(?:entre|de|between) )?(?P<from>\d{1,2})(?: ?[h:](?: ?(?P<past>\d\d))?)? ?"
    r"(?:et|a|and|-) ?(?P<to>\d{1,2}) ?[h:](?: ?(?P<past_to>\d\d))?(?! ?[ap]\.?m|\d))?"
)
_EXPECTED = {
    "fr": (
        rf"sera (?:bien )?(?:re)?(?:livre|presente){_THERE} {DAY}{_SLOT}",
        rf"livraison{_WHOSE} (?:prevue|programmee)(?: pour)? ?:? {DAY}{_SLOT}",
        rf"livraison estimee ?:? {DAY}{_SLOT}",
        rf"date (?:estimee )?de livraison(?: prevue| estimee)? ?:\s{{1,2}}{DAY}{_SLOT}",
        rf"programme en livraison(?: pour)? {DAY}{_SLOT}",
        rf"(?:votre|ton) colis(?: [^\s.!?]{{1,30}}){{0,3}} arrive(?:ra)?{_THERE} {DAY}{_SLOT}",
    ),
    "en": (
        rf"will be delivered(?: on)? {DAY}{_SLOT}",
        rf"delivery is scheduled(?: for| on)? {DAY}{_SLOT}",
    ),
}
_LAST_DAYS, _EXPECTED_DAYS = (
    [(LazyPattern(row, re.IGNORECASE), language) for language in rows for row in rows[language]]
    for rows in (_LAST_DAY, _EXPECTED)
)

_CODE_LABEL = re.compile(
    r"\b(?:code (?:de )?(?:retrait|recuperation|securise|securite|pin)"
    r"|(?:pick-?up|collection|withdrawal) code)(?: personnel| unique)?"
    r"(?: est(?: le)?| is)? ?[:=]? ?",
    re.IGNORECASE,
)
_CODE = re.compile(r"(?=[A-Z]{0,3}\d)[0-9A-Z]{4,8}(?![\w-])")
#: Codes that stand in a line of their own, by who writes so.
_CODE_LINES = {"vintedgo": re.compile(r"Q\d{5}")}
#: Who puts the month first where they write English; of others nobody knows.
_MONTH_FIRST = frozenset({"vintedgo"})

#: What makes of a day one of something else: an offer, hours, a choice, a way back.
_NO_LAST_DAY = re.compile(
    r"\b(?:offres?|valables?|promo\w*|remises?|reductions?|ouvert\w*|ferm\w+|horaires?|modifi\w+"
    r"|choisi\w*|reprogramm\w+|retourne[rz]|reclamation|garantie|depose[rz]|expedie[rz]"
    r"|services?|cadeaux?|coupons?|bons?|avantages?|ne pourr\w+|impossible|not)\b",
    re.IGNORECASE,
)
#: What makes of a promise one that was not kept, or is one of several days.
_NO_PROMISE = re.compile(
    r"\b(?:n'a|n'aura|ne (?:sera|pourra)|n'est|report\w+|retard\w*|annul\w+|decal\w+|initial\w+"
    r"|delayed|not)\b",
    re.IGNORECASE,
)
_SEVERAL_DAYS = re.compile(r" ?(?:(?:ou|or|au|to|-)(?: |$)|et (?:le )?\d)", re.IGNORECASE)
_BROKEN = re.compile(r"(?<!\n)\n(?!\n)")
_SENTENCE_END = re.compile(r"[.!?](?=\s)|\n\n")
#: Characters before a day and behind a promise that may deny it.
_BEFORE, _BEHIND = 40, 80


@dataclass(frozen=True, slots=True)
class MailDetails:
    """What a mail says of its one parcel; `slot` is "11:15-15:15", "" where it names no hours."""

    pickup: PickupPoint | None = None
    expected_on: date | None = None
    slot: str = ""


def read_details(
    sender: str, milestone: Milestone, subject: str, lines: Sequence[str], sent: date | None
) -> MailDetails:
    """Read what the mail of a declared sender says besides the number of its parcel.

    `sender`: its code; `milestone`: the step that the mail tells; `sent`: its own day, without
    which « demain » and a day without a year say nothing.
    """
    text = "\n".join((" ".join(subject.split()), "", *lines))[:MAX_TEXT]
    # A mail program may have broken a sentence into lines; a blank one ends it.
    text = _BROKEN.sub(" ", text)
    pickup = _pickup(sender, milestone, text, lines, sent) if milestone in _WAITS else None
    if pickup or milestone is Milestone.PICKUP_AVAILABLE:
        return MailDetails(pickup)
    if milestone is Milestone.UNKNOWN or STAGES[milestone].phase in _ON_ITS_WAY:
        return _expected(sender, unaccented(text), sent)
    return MailDetails()


def _pickup(
    sender: str, milestone: Milestone, text: str, lines: Sequence[str], sent: date | None
) -> PickupPoint | None:
    """Return where a parcel waits; after a failed delivery, a code alone says no such thing."""
    name, address = read_place(text, lines)
    last_day = _surest(
        (found, day_of(found, sent, month_first=order))
        for found, order in _last_days(sender, unaccented(text), lines)
        if not found["relative"]  # « avant demain » is today
    )
    code = _only(_codes(sender, lines)) or ""
    if not (name or last_day or (code and milestone is Milestone.PICKUP_AVAILABLE)):
        return None
    return PickupPoint(name, address, last_day, code)


def _last_days(
    sender: str, text: str, lines: Sequence[str]
) -> Iterator[tuple[re.Match[str], bool | None]]:
    """Yield the last days of sentences, and those in lines of their own."""
    for pattern, language in _LAST_DAYS:
        for found in _undenied(pattern, text, _NO_LAST_DAY, 0):
            yield found, _is_month_first(sender, language)
    for above, line in pairwise(map(unaccented, ("", *lines))):
        alone = _LAST_DAY_LINE.fullmatch(line)
        if alone and len(above) <= _SHORT_LINE and not _NO_LAST_DAY.search(above):
            yield alone, False


def _expected(sender: str, text: str, sent: date | None) -> MailDetails:
    """Return the one day on which a mail expects the delivery, and the hours, if it says them."""
    days = [
        (found, day_of(found, sent, month_first=_is_month_first(sender, language)))
        for pattern, language in _EXPECTED_DAYS
        for found in _undenied(pattern, text, _NO_PROMISE, _BEHIND)
        if not _SEVERAL_DAYS.match(text, found.end())
    ]
    expected = _surest(days)
    slots = {_slot(found) for found, day in days if day == expected} - {""}
    return MailDetails(expected_on=expected, slot=_only(slots) or "" if expected else "")


def _surest(days: Iterable[tuple[re.Match[str], date | None]]) -> date | None:
    """Return the one day that is found; those written with their year go before others."""
    known = [(found, day) for found, day in days if day]
    whole = [day for found, day in known if has_year(found)]
    return _only(whole or [day for _, day in known])


def _undenied(
    pattern: LazyPattern, text: str, denial: re.Pattern[str], behind: int
) -> Iterator[re.Match[str]]:
    """Yield what a row finds, unless a word of its sentence denies it (or so far behind it)."""
    for found in islice(pattern.compiled.finditer(text), MAX_FOUND):
        before = text[max(0, found.start() - _BEFORE) : found.start()]
        after = text[found.end() : found.end() + behind]
        around = _SENTENCE_END.split(before)[-1] + found[0] + _SENTENCE_END.split(after)[0]
        if not denial.search(around):
            yield found


def _is_month_first(sender: str, language: str) -> bool | None:
    if language != "en":
        return False
    return True if sender in _MONTH_FIRST else None


def _slot(found: re.Match[str]) -> str:
    """Return the hours behind a day, "" where there are none or they do not follow each other."""
    if found["to"] is None:
        return ""
    try:
        begins = time(int(found["from"]), int(found["past"] or 0))
        ends = time(int(found["to"]), int(found["past_to"] or 0))
    except ValueError:  # no such hour
        return ""
    return f"{begins:%H:%M}-{ends:%H:%M}" if begins < ends else ""


def _codes(sender: str, lines: Sequence[str]) -> Iterator[str]:
    """Yield the codes behind a label, in its line or alone in the next one, or in their own."""
    own = _CODE_LINES.get(sender)
    for at, line in enumerate(lines):
        if own and own.fullmatch(line):
            yield line
        for label in _CODE_LABEL.finditer(unaccented(line)):
            value = line[label.end() :]
            below = next((text for text in lines[at + 1 : at + 3] if text), "")
            code = _CODE.match(value) if value else _CODE.fullmatch(below)
            if code:
                yield code[0]


def _only(found: Iterable[T]) -> T | None:
    """Return what is found where all of it is the same."""
    values = set(found)
    return values.pop() if len(values) == 1 else None
