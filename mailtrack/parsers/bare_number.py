"""Numbers that a person typed, with or without words around them; no shop behind the mail."""

import re
from collections.abc import Sequence

from mailtrack.domain.model import MailRead, Outcome
from mailtrack.domain.numbers import correct, detect, is_miscopied, is_valid
from mailtrack.parsers.doubtful import miscopied, to_ask
from mailtrack.parsers.mail_numbers import typed_numbers
from mailtrack.parsers.message import Message
from mailtrack.parsers.own_words import is_reply, own_lines, own_subject
from mailtrack.parsers.reading import DoubtfulNumber, Forward, ParcelRead, Reading

KIND = "number"

#: A mail with more words than this (besides the numbers) says something else.
MAX_WORDS = 40
#: Numbers that are followed for one mail; nobody types more.
MAX_NUMBERS = 20
#: Grouped numbers are looked for so far into a line (characters).
MAX_LINE = 1_000
#: Local parts of machines that write letters like people's.
_MACHINES = re.compile(
    r"no[._-]?reply|ne-?pas-?repondre|do-?not-?reply|notif|newsletter|mailer|billing"
    r"|invoice|facturation|commandes?$|orders?$|shipping|confirmation|tracking"
    r"|^(?:service|suivi|transactions?|notice|expeditions?|livraisons?|alertes?|promo)$"
    r"|^(?:chronopost|colissimo|laposte|dpd|gls|mondialrelay|colisprive|dhl|ups|fedex)$"
)
# What stands alone between words is looked at first, then numbers in groups:
# "LP 0082 7165 7840 34", "6a 15602-67630 0".
_WORD = re.compile(r"(?<![^\W_])[A-Za-z0-9]{8,40}(?![^\W_])")
_GROUPED = re.compile(
    r"(?<![^\W_])(?:[A-Za-z0-9]{1,4}[ .\u00a0-])?\d[\dOoIi .\u00a0-]{6,40}[A-Za-z0-9]{0,3}"
    r"(?:[ .\u00a0-][A-Za-z]{2})?(?![^\W_])"
)
_WRITTEN_WORD = re.compile(r"(?<![^\W_])[^\W\d_]{2,}(?![^\W_])")


def read_bare_numbers(message: Message, forward: Forward) -> Reading | None:
    """Read the numbers of a short mail of a person's; None for every other mail."""
    lines = own_lines(forward.message)
    words = sum(len(_WRITTEN_WORD.findall(line)) for line in lines)
    local_part = message.sender.address.partition("@")[0].lower()
    is_machine = _MACHINES.search(local_part) or message.header("list-unsubscribe")
    if words > MAX_WORDS or is_machine:
        return None
    parcels, uncertain = typed_in(lines)
    if not (parcels or uncertain) and not (lines and is_reply(message.subject)):
        # Above a reply's own words, the subject is somebody else's.
        parcels, uncertain = typed_in([own_subject(message.subject)])
    if not (parcels or uncertain):
        return None
    doubtful = to_ask(uncertain, ())
    return Reading(
        Outcome.TRACKED if parcels else Outcome.NOTHING_FOUND,
        forward,
        kind=KIND,
        parcels=tuple(parcels),
        doubtful=doubtful,
        mails=typed_read(parcels, doubtful),
    )


def typed_in(lines: Sequence[str]) -> tuple[list[ParcelRead], list[DoubtfulNumber]]:
    """Return the parcels that a person named in some lines, and the numbers they miscopied."""
    found = (number for line in lines for number in numbers_in(line))
    numbers = list(dict.fromkeys(found))[:MAX_NUMBERS]
    certain = {n: detect(n) for n in numbers if not is_miscopied(n)} | typed_numbers(lines)
    parcels = [ParcelRead(number, (), None, carriers) for number, carriers in certain.items()]
    return parcels, [one for one in miscopied(numbers) if one.number not in certain]


def typed_read(
    parcels: Sequence[ParcelRead], doubtful: Sequence[DoubtfulNumber]
) -> tuple[MailRead, ...]:
    """Return what a person's own words gave, as the answer tells it, if they gave anything."""
    if not (parcels or doubtful):
        return ()
    outcome = Outcome.TRACKED if parcels else Outcome.NOTHING_FOUND
    numbers, asked = (tuple(read.number for read in some) for some in (parcels, doubtful))
    return (MailRead("", "", outcome, KIND, numbers, asked),)


def numbers_in(line: str) -> list[str]:
    """Return the numbers in a line that their shape alone makes certain, each once.

    Those that were miscopied are among them: what they are is clear, not which.
    """
    found = [correct(token[0]) for token in _WORD.finditer(line)]
    certain = [number for number in found if is_valid(number) or is_miscopied(number)]
    if not certain:
        grouped = (correct(run[0]) for run in _GROUPED.finditer(line[:MAX_LINE]))
        certain = [number for number in grouped if is_valid(number)]
    return list(dict.fromkeys(certain))
