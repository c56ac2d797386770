"""Mails of carriers, and of shops that need no code of their own: declared in `senders/`.

One TOML file for each sender says who it is, which numbers are its own, and which subjects
mean which step. A number enters only with a reason: a carrier's tracking link; the sender's
own form in its subject's place or beside a label; or a form with a check digit that is right.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import islice
from typing import Any

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Candidate, Outcome
from mailtrack.domain.numbers import detect, is_valid, normalise
from mailtrack.parsers.reading import Forward, Original, ParcelRead, Reading
from mailtrack.parsers.shop import Authorship, Brand, Recognition, Shop
from mailtrack.parsers.tracking_links import number_of

#: What is no news of a parcel that comes to the reader.
IDLE_KINDS = frozenset({"survey", "marketing", "sent_by_reader"})
#: Parcels that one mail names; a summary of a week has a tenth.
MAX_PARCELS = 20
#: Characters of a subject and of a line that are read, and lines behind a label that may hold
#: its value.
MAX_SUBJECT, MAX_LINE, MAX_BELOW = 300, 400, 2
#: Lines that are read of a mail.
MAX_LINES = 400

_SENDERS = resources.files("mailtrack.parsers") / "senders"
_NUMBER_GROUP = r"(?P<number>[0-9a-z]{6,40})"
#: What stands before the number of a parcel; never what stands before that of an order.
_LABEL = re.compile(
    r"(?<!\w)(?:(?:votre|ton|le|du|de) colis (?:\S{1,30} ){0,4}?n ?[°ºo]"
    r"|n ?[°º] (?:du|de) (?:colis|suivi)|num[eé]ros? (?:de|du) (?:suivi|colis)(?: colis)?"
    r"|n ?[°º]|r[eé]f[eé]rence(?: (?:du )?colis)?|bordereau n ?[°º]\.?"
    r"|votre colis(?: [^\W\d]{2,30}){0,3}(?= [0-9A-Z]*\d)"
    r"|tracking (?:number|code)|(?:suivi|colis) n ?[°º])[ :.#]{0,4}",
    re.IGNORECASE,
)
#: What makes a number behind a label one of an order, a customer or a mail.
_NOT_A_PARCEL = re.compile(
    r"\b(?:commande|order|client|transaction|exp[eé]dition|facture|t[eé]l[eé]phone|code|mail)",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"(?<![^\W_])[0-9A-Z]{10,34}(?![^\W_])")
_URL = re.compile(r"https?://[^\s<>\"]{5,1000}")
#: What people write between a carrier's name and its number, in a text that was made plain.
_BETWEEN = (
    r"(?:[^\w]{0,4}(?:colis|envoi|suivi|numero|num|n[°ºo]?|est|le|mon|de|du|express|france)\b){0,7}"
    r"[^\w+]{0,6}"
)
_SPACES = re.compile(r"[\u00a0\u202f\s]+")
#: Accents are left out by some programs, and by some people who write the subjects.
_AS_TYPED = str.maketrans("’‘–—éèêëàâäîïôöùûüç", "''--eeeeaaaiioouuuc")


@dataclass(frozen=True, slots=True)
class StepRow:
    """What a subject or a text means; all that is given has to be there."""

    kind: str
    milestone: Milestone | None
    language: str
    subject: re.Pattern[str] | None
    text: str
    sender: str


@dataclass(frozen=True, slots=True)
class MailSender:
    """One sender. `carrier` is "" for a shop, whose parcels any carrier may have."""

    code: str
    brand: Brand
    carrier: str
    forms: tuple[re.Pattern[str], ...]
    orders: re.Pattern[str] | None
    steps: tuple[StepRow, ...]
    #: A number of its own as people write it beside the name; None for a shop.
    typed: re.Pattern[str] | None


def read(sender: MailSender, original: Original, forward: Forward) -> Reading:
    """Read one mail of a declared sender.

    1. Find its step: the first row whose sender, subject and text fit.
    2. Surveys, advertisements and what the reader sends themselves name nothing.
    3. Collect the numbers: of links, of the subject, behind labels, and certain ones.
    4. The orders that it names belong to its parcels.
    """
    subject = _plain(original.subject[:MAX_SUBJECT])
    lines = [line[:MAX_LINE] for line in original.content.lines[:MAX_LINES]]
    # 1.
    step, in_subject = _step(sender, original, subject, _plain("\n".join(lines)))
    kind = step.kind if step else "parcel_update"
    # 2.
    if kind in IDLE_KINDS:
        return Reading(Outcome.NOTHING_FOUND, forward, shop=sender.code, kind=kind)
    # 3.
    found: dict[str, str] = {}
    for link in original.content.links:
        named = number_of(link.url)
        if named and _may_be(*named):
            found.setdefault(named[1], named[0])
    for number in (*in_subject, *_labelled(sender, lines), *_certain(sender, original, lines)):
        found.setdefault(number, sender.carrier)
    # 4.
    text = original.subject + "\n" + "\n".join(lines)
    orders = tuple(dict.fromkeys(sender.orders.findall(text))) if sender.orders else ()
    parcels = tuple(
        ParcelRead(number, orders, None, _candidates(number, carrier))
        for number, carrier in islice(found.items(), MAX_PARCELS)
    )
    outcome = Outcome.TRACKED if parcels else Outcome.ORDER_NOTED if orders else None
    return Reading(
        outcome or Outcome.NOTHING_FOUND,
        forward,
        shop=sender.code,
        kind=kind,
        language=step.language if step else None,
        milestone=(step.milestone if step else Milestone.UNKNOWN) if outcome else None,
        orders=orders,
        parcels=parcels,
        step=original.subject[:MAX_SUBJECT].strip(),
    )


def typed_numbers(lines: Sequence[str]) -> dict[str, tuple[Candidate, ...]]:
    """Return the numbers that a person wrote behind a carrier's name, or as its tracking link.

    >>> [*typed_numbers(["Mondial Relay 37712345"])]
    ['37712345']
    """
    found: dict[str, tuple[Candidate, ...]] = {}
    for line in (line[:MAX_LINE] for line in lines[:MAX_LINES]):
        for url in _URL.findall(line):
            named = number_of(url)
            if named and _may_be(*named):
                found.setdefault(named[1], _candidates(named[1], named[0]))
        said = _plain(line)
        for sender in declared():
            written = sender.typed.search(said) if sender.typed else None
            number = normalise(written["behind"] or written["before"]) if written else ""
            if number and _may_be(sender.carrier, number):
                found.setdefault(number, _candidates(number, sender.carrier))
    return found


def _step(
    sender: MailSender, original: Original, subject: str, text: str
) -> tuple[StepRow | None, list[str]]:
    """Return what a mail tells, and the number that its subject has in the known place."""
    address = original.sender.address.lower()
    for step in sender.steps:
        if step.sender and step.sender not in address:
            continue
        if step.text and step.text not in text:
            continue
        if step.subject is None:
            return step, []
        fits = step.subject.match(subject)
        if fits:
            number = fits.groupdict().get("number")
            own = [number.upper()] if number else []
            return step, [n for n in own if _is_own(sender, n)]
    return None, []


def _labelled(sender: MailSender, lines: list[str]) -> Iterator[str]:
    """Yield the numbers that stand behind a label, in its line or in those below."""
    for at, line in enumerate(lines):
        for label in _LABEL.finditer(line):
            if _NOT_A_PARCEL.search(line[max(0, label.start() - 15) : label.end()]):
                continue
            behind = line[label.end() :].strip()
            below = [text for text in lines[at + 1 : at + 6] if text][:MAX_BELOW]
            for value in [behind] if behind else below:
                number = next(_numbers_at(sender, value), None)
                if number:
                    yield number
                    break


def _numbers_at(sender: MailSender, value: str) -> Iterator[str]:
    """Yield the number with which a value begins: of the sender's own form, or a certain one."""
    for form in sender.forms:
        begins = form.match(value.upper())
        if begins and _may_be(sender.carrier, normalise(begins[0])):
            yield normalise(begins[0])
    token = _TOKEN.match(value)
    if token and _is_proven(token[0]):
        yield token[0]


def _certain(sender: MailSender, original: Original, lines: list[str]) -> Iterator[str]:
    """Yield the numbers whose check digit is right, wherever they stand in the text.

    A digit is right by chance in one number of ten: it counts with letters beside it alone,
    and not for what is an order of the sender's.
    """
    for line in (original.subject, *lines):
        for token in _TOKEN.findall(line):
            is_order = sender.orders is not None and sender.orders.search(token)
            if not token.isdigit() and not is_order and _is_proven(token):
                yield token


def _is_own(sender: MailSender, number: str) -> bool:
    return any(form.fullmatch(number) for form in sender.forms) and _may_be(sender.carrier, number)


def _may_be(carrier: str, number: str) -> bool:
    """Return False if the check digit of a carrier's form is wrong: all real ones pass it."""
    checks = [c.check_digit for c in detect(number) if c.carrier == carrier]
    return not checks or any(check != "failed" for check in checks)


def _is_proven(number: str) -> bool:
    return is_valid(number) and detect(number)[0].check_digit == "ok"


def _candidates(number: str, carrier: str) -> tuple[Candidate, ...]:
    """Return whom a number may belong to: first whose mail or link names it."""
    known = detect(number)
    if not carrier:
        return known
    own = [c for c in known if c.carrier == carrier] or [Candidate(carrier, "mail", "none")]
    return (own[0], *(c for c in known if c.carrier != carrier))


def _plain(text: str) -> str:
    """Return a text in small letters without accents, with plain spaces, quotes and dashes."""
    return _SPACES.sub(" ", text.casefold().translate(_AS_TYPED)).strip()


# --- the declarations ------------------------------------------------------------------


@cache
def declared() -> tuple[MailSender, ...]:
    """Return all senders that `senders/` declares, by code."""
    return tuple(_read_all())


#: All that a file may say, and a row of its steps.
_KEYS = {"also", "carrier", "domains", "forms", "language", "name", "orders", "steps"}
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
        yield MailSender(
            code=code,
            brand=Brand(table["name"], tuple(table["domains"]), tuple(table["domains"])),
            carrier=table.get("carrier", ""),
            forms=tuple(re.compile(rf"{form}(?![0-9A-Z])") for form in table.get("forms", ())),
            orders=re.compile("|".join(table["orders"])) if "orders" in table else None,
            steps=tuple(_read_step(row, table.get("language", "fr")) for row in rows),
            typed=_typed(table["name"], table["forms"]) if "carrier" in table else None,
        )


def _read_step(row: Mapping[str, Any], language: str) -> StepRow:
    milestone = Milestone(row["milestone"]) if "milestone" in row else None
    kind = "delivered" if milestone is Milestone.DELIVERED else "parcel_update"
    return StepRow(
        kind=row.get("kind", kind),
        milestone=milestone,
        language=row.get("language", language),
        subject=_pattern(row["subject"]) if "subject" in row else None,
        text=_plain(row.get("text", "")),
        sender=row.get("sender", ""),
    )


def _typed(name: str, forms: Sequence[str]) -> re.Pattern[str]:
    """Return the pattern of a number right behind a name, or of a parcel's right before it.

    What stands farther away may be an order or a telephone: "GLS m'appelle au 06 39 …".
    """
    form, name = "|".join(forms), re.escape(_plain(name))
    number = rf"(?:{form})(?![0-9A-Z])"
    return re.compile(
        rf"\b{name}\b{_BETWEEN}(?<!\w)(?P<behind>{number})"
        rf"|\b(?:colis|suivi)\b{_BETWEEN}(?<!\w)(?P<before>{number})[^\w]{{0,3}}"
        rf"(?:(?:chez|avec|par|via|de) )?{name}\b",
        re.IGNORECASE,
    )


def _pattern(subject: str) -> re.Pattern[str]:
    """Return the pattern of a subject: `*` stands for some words or none, {number} for one."""
    pieces = re.split(r"( ?\* ?|\{number\})", _plain(subject))
    known = {"{number}": _NUMBER_GROUP}
    return re.compile(
        "".join(
            known.get(piece) or (" ?(?:.{0,80} )?" if "*" in piece else re.escape(piece))
            for piece in pieces
        )
    )


def shops() -> tuple[Shop, ...]:
    """Return the declared senders as the registry takes them."""
    return tuple(map(_shop, declared()))


def _shop(sender: MailSender) -> Shop:
    def recognise(original: Original) -> Recognition:
        known = sender.brand.is_sender(original.sender)
        return Recognition(Authorship.YES if known else Authorship.NO)

    def read_mail(original: Original, forward: Forward) -> Reading:
        return read(sender, original, forward)

    return Shop(sender.code, sender.brand, recognise, read_mail)
