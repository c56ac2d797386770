"""A mail that is only a tracking number, typed by a person; no shop behind it."""

import re

from mailtrack.domain.model import Outcome
from mailtrack.domain.numbers import detect, is_valid, normalise
from mailtrack.parsers.forward_labels import REPLY_PREFIX
from mailtrack.parsers.message import Message
from mailtrack.parsers.reading import Forward, ParcelRead, Reading

KIND = "number"

#: A mail with more words than this (besides the numbers) says something else.
MAX_WORDS = 12
#: Lines from here on are signatures: "-- ", "Envoyé de mon iPhone", "Sent from my …".
_SIGNATURE = re.compile(
    r"(?:--\s*$|_{5,}|envoyé (?:de|depuis|à partir)|sent from|obtenir outlook|get outlook)",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"[A-Z0-9]{8,40}", re.ASCII)
_WORD = re.compile(r"[^\W\d_]+")


def read_bare_numbers(message: Message, text: str, forward: Forward) -> Reading | None:
    """Read the numbers of a mail that holds nothing else; None for every other mail."""
    lines = list(_own_lines(text)) or [REPLY_PREFIX.sub("", message.subject, count=1)]
    numbers = [n for line in lines for n in _numbers(line)]
    words = sum(len(_WORD.findall(line)) for line in lines if not _numbers(line))
    if not numbers and words <= MAX_WORDS:
        numbers = _numbers(message.subject)
    if not numbers or words > MAX_WORDS:
        return None
    parcels = tuple(ParcelRead(number, (), None, detect(number)) for number in numbers)
    return Reading(Outcome.TRACKED, forward, kind=KIND, parcels=tuple(dict.fromkeys(parcels)))


def _own_lines(text: str) -> list[str]:
    lines: list[str] = []
    for line in text.splitlines():
        if _SIGNATURE.match(line.strip()):
            break
        if line.strip() and not line.lstrip().startswith(">"):
            lines.append(line.strip())
    return lines


def _numbers(line: str) -> list[str]:
    """Return the number that a line consists of, perhaps after a few words and a colon."""
    value = line.rpartition(":")[2].strip(" .;,*")
    whole = normalise(value)
    if _TOKEN.fullmatch(whole) and is_valid(whole):
        return [whole]
    tokens = [token for token in _TOKEN.findall(value) if is_valid(token)]
    return tokens if len(_WORD.findall(value)) - len(tokens) <= MAX_WORDS else []
