"""Which numbers of parcels a carrier's or a shop's mail names, and how sure that is.

A number is certain for one of these reasons: a carrier's tracking link; its place in a subject
that the sender is known to write; a label before it, where it has the sender's own form, that
of a carrier named there, or a check digit that is right; in a known sender's mail, such a digit
alone. What has a form but none of them is doubtful: it is asked about, where nothing is certain.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from mailtrack.domain.model import Candidate
from mailtrack.domain.numbers import detect, is_valid, normalise
from mailtrack.parsers.reading import Doubt, DoubtfulNumber, Original
from mailtrack.parsers.sender_declarations import MailSender, declared, plain
from mailtrack.parsers.tracking_links import tracking_link

#: Parcels that one mail names; a summary of a week has a tenth.
MAX_PARCELS = 20
#: Lines of a mail and characters of a line that are read, and lines behind a label that may
#: hold its value.
MAX_LINES, MAX_LINE, MAX_BELOW = 400, 400, 2

#: What stands before the number of a parcel; never what stands before that of an order.
_LABEL = re.compile(
    r"(?<!\w)(?:(?:votre|ton|le|du|de) colis (?:\S{1,30} ){0,4}?n ?[°ºo]"
    r"|n ?[°º] (?:du|de) (?:colis|suivi)|num[eé]ros? (?:de|du) (?:suivi|colis)(?: colis)?"
    r"|n ?[°º]|r[eé]f[eé]rence(?: (?:du )?colis)?|bordereau n ?[°º]\.?"
    r"|votre colis(?: [^\W\d]{2,30}){0,3}(?= [0-9A-Z]*\d)"
    r"|tracking (?:number|code|no\.?)|parcel number|track ?& ?trace ?code"
    r"|sendungsnummer|paketnummer|n[uú]mero de (?:seguimiento|env[ií]o)"
    r"|numero di (?:tracking|spedizione)|numer przesy[lł]ki"
    r"|(?:suivi|colis) n ?[°º])(?: est)?(?: le)?[ :.#]{0,4}",
    re.IGNORECASE,
)
#: Labels that leave no doubt that a parcel's number follows, whatever its form.
_OF_A_PARCEL = re.compile(
    r"suivi|colis|track|bordereau|parcel|sendung|paket|env[ií]o|seguimiento|spedizione|przesy",
    re.IGNORECASE,
)
#: What makes a number behind a label one of an order, a customer or a mail.
_NOT_A_PARCEL = re.compile(
    r"\b(?:commande|order|client|transaction|exp[eé]dition|facture|t[eé]l[eé]phone|code|mail)",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"(?<![^\W_])[0-9A-Z]{10,34}(?![^\W_])")
#: What may be a number of some carrier; no French telephone.
_VALUE = re.compile(r"(?!0[1-9]\d{8}(?!\d))(?=(?:[A-Z]*\d){6})[0-9A-Z]{8,26}(?![0-9A-Za-z])")
_URL = re.compile(r"https?://[^\s<>\"]{5,1000}")


@dataclass(frozen=True, slots=True)
class FoundNumbers:
    """The numbers of one mail, each with the code of the carrier that it names, or ""."""

    certain: dict[str, str] = field(default_factory=dict)
    doubtful: dict[str, str] = field(default_factory=dict)

    def parcels(self) -> Iterator[tuple[str, tuple[Candidate, ...]]]:
        """Yield the certain numbers, each with those whose it may be."""
        for number, carrier in islice(self.certain.items(), MAX_PARCELS):
            yield number, candidates(number, carrier)

    def doubts(self) -> tuple[DoubtfulNumber, ...]:
        """Return what is to be asked about: nothing where something is certain."""
        asked = {} if self.certain else self.doubtful
        return tuple(
            DoubtfulNumber(number, candidates(number, carrier), Doubt.UNCERTAIN)
            for number, carrier in islice(asked.items(), MAX_PARCELS)
        )


def find_numbers(
    sender: MailSender, original: Original, in_subject: Sequence[str], *, known: bool
) -> FoundNumbers:
    """Return the numbers that a mail names; `in_subject` are those in its subject's place.

    `known`: the sender is one that ships; of others a number needs a link or a label.

    1. Tracking links.
    2. The subject's place.
    3. Labels.
    4. What has a check digit that is right.
    """
    found = FoundNumbers()
    lines = read_lines(original)
    # 1.
    for link in original.content.links:
        named = tracking_link(link.url)
        if named and may_be(named.carrier, named.number):
            is_sure = named.anywhere or named.carrier == sender.carrier
            numbers = found.certain if is_sure else found.doubtful
            numbers.setdefault(named.number, named.carrier)
    # 2.
    for number in in_subject:
        found.certain.setdefault(number, sender.carrier)
    # 3.
    _find_labelled(sender, lines, found)
    # 4.
    for number in _proven(sender, (original.subject, *lines)):
        if number not in found.certain:
            (found.certain if known else found.doubtful).setdefault(number, sender.carrier)
    return found


def read_lines(original: Original) -> list[str]:
    """Return the lines of a mail that are read: no mail of a person's has more."""
    return [line[:MAX_LINE] for line in original.content.lines[:MAX_LINES]]


def typed_numbers(lines: Sequence[str]) -> dict[str, tuple[Candidate, ...]]:
    """Return the numbers that a person wrote behind a carrier's name, or as its tracking link.

    >>> [*typed_numbers(["Mondial Relay 37712345"])]
    ['37712345']
    """
    found: dict[str, tuple[Candidate, ...]] = {}
    for line in (line[:MAX_LINE] for line in lines[:MAX_LINES]):
        for url in _URL.findall(line):
            named = tracking_link(url)
            if named and may_be(named.carrier, named.number):
                found.setdefault(named.number, candidates(named.number, named.carrier))
        for number, carrier in _beside_a_name(line):
            found.setdefault(number, candidates(number, carrier))
    return found


def proven_in(lines: Sequence[str]) -> Iterator[str]:
    """Yield the numbers with letters in some lines whose check digit is right."""
    tokens = (token for line in lines for token in _TOKEN.findall(line[:MAX_LINE]))
    return (token for token in tokens if not token.isdigit() and _is_proven(token))


def may_be(carrier: str, number: str) -> bool:
    """Return False if the check digit of a carrier's form is wrong: all real ones pass it."""
    checks = [c.check_digit for c in detect(number) if c.carrier == carrier]
    return not checks or any(check != "failed" for check in checks)


def is_of_own_form(sender: MailSender, number: str) -> bool:
    """Return True if a number has a form of a sender's own mails, and no wrong check digit."""
    return any(form.fullmatch(number) for form in sender.forms) and may_be(sender.carrier, number)


def is_of(carrier: str, number: str) -> bool:
    """Return True if a number may belong to a carrier, by its form and check digit."""
    return any(c.carrier == carrier and c.check_digit != "failed" for c in detect(number))


def candidates(number: str, carrier: str) -> tuple[Candidate, ...]:
    """Return whom a number may belong to: first whose mail or link names it."""
    known = detect(number)
    if not carrier:
        return known
    own = [c for c in known if c.carrier == carrier] or [Candidate(carrier, "mail", "none")]
    return (replace(own[0], named=True), *(c for c in known if c.carrier != carrier))


def _beside_a_name(line: str) -> Iterator[tuple[str, str]]:
    """Yield the numbers that stand beside a carrier's name, each with its code."""
    said = plain(line)
    for sender in declared():
        if sender.typed is None or not any(name in said for name in sender.known_as):
            continue
        written = sender.typed.compiled.search(said)
        number = normalise(written["behind"] or written["before"]) if written else ""
        if number and (is_of_own_form(sender, number) or is_of(sender.carrier, number)):
            yield number, sender.carrier


def _find_labelled(sender: MailSender, lines: Sequence[str], found: FoundNumbers) -> None:
    """Find the numbers that stand behind a label, in its line or in those below."""
    for at, line in enumerate(lines):
        for label in _LABEL.finditer(line):
            if _NOT_A_PARCEL.search(line[max(0, label.start() - 15) : label.end()]):
                continue
            behind = line[label.end() :].strip()
            below = [text for text in lines[at + 1 : at + 6] if text][:MAX_BELOW]
            is_parcels = _OF_A_PARCEL.search(label[0]) is not None
            beside = _beside_a_name(line) if is_parcels else iter(())
            for value in [behind] if behind else below:
                number, carrier = next(_numbers_at(sender, value), None) or next(beside, ("", ""))
                if number:
                    found.certain.setdefault(number, carrier)
                    break
                guess = _VALUE.match(value) if is_parcels else None
                if guess and detect(guess[0]) and may_be(detect(guess[0])[0].carrier, guess[0]):
                    found.doubtful.setdefault(guess[0], "")


def _numbers_at(sender: MailSender, value: str) -> Iterator[tuple[str, str]]:
    """Yield the number with which a value begins: of the sender's own form, or a certain one."""
    for form in sender.forms:
        begins = form.match(value.upper())
        if begins and may_be(sender.carrier, normalise(begins[0])):
            yield normalise(begins[0]), sender.carrier
    token = _TOKEN.match(value)
    if token and _is_proven(token[0]):
        yield token[0], sender.carrier


def _proven(sender: MailSender, lines: Sequence[str]) -> Iterator[str]:
    """Yield the numbers whose check digit is right, wherever they stand in a text.

    A digit is right by chance in one number of ten: it counts with letters beside it alone,
    and not for what is an order of the sender's. A carrier writes of its own numbers: for those
    the form will do, if it is nobody else's, and others were typed by who forwarded the mail.
    """
    for line in lines:
        for token in _TOKEN.findall(line):
            is_order = sender.orders is not None and sender.orders.search(token)
            is_own = is_valid(token) and is_of_own_form(sender, token)
            if token.isdigit() or is_order:
                continue
            if is_own or (not sender.carrier and _is_proven(token)):
                yield token


def _is_proven(number: str) -> bool:
    return is_valid(number) and detect(number)[0].check_digit == "ok"
