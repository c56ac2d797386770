"""Mails that are an order to us: "STOP", "AIDE".

A command is a subject or a first line that says nothing else. People who write a sentence
with such a word in it mean the sentence, so that precision comes before recall.
"""

import re
import unicodedata
from enum import StrEnum

from mailtrack.domain.model import Outcome
from mailtrack.parsers.bare_number import numbers_in
from mailtrack.parsers.message import Message
from mailtrack.parsers.mime import normalised
from mailtrack.parsers.own_words import own_lines, own_subject
from mailtrack.parsers.reading import Forward, ParcelRead, Reading


class Command(StrEnum):
    """What somebody wants from us; the reading's `kind`."""

    STOP = "stop"
    HELP = "help"


#: The words of each command, without accents and punctuation, in lower case.
_PHRASES: dict[str, Command] = {
    phrase: command
    for command, phrases in {
        Command.STOP: "stop|stopper|arret|arreter|arretez|desabonner|desabonnement|me desabonner"
        "|se desabonner|desabonnez moi|desinscription|desinscrire|me desinscrire|desinscrivez moi"
        "|unsubscribe|unsubscribe me|stop suivi|arret du suivi|arreter le suivi",
        Command.HELP: "aide|help|aidez moi|mode d emploi|info aide",
    }.items()
    for phrase in phrases.split("|")
}
#: What a polite person adds.
_POLITE = re.compile(
    r"\b(?:bonjour|bonsoir|salut|hello|hi|merci(?: d avance)?|svp|s v p|stp|s il (?:vous|te) plait"
    r"|please|thanks|thank you|cordialement)\b"
)
_ONLY_QUESTION_MARKS = re.compile(r"[?\uff1f\s]{1,10}")
#: Beside a command in the subject, no more words than this are ignored.
MAX_OTHER_WORDS = 12
#: No command is longer than this (characters).
_MAX_LINE = 120
_WORD = re.compile(r"[^\W\d_]+")


def read_command(message: Message, forward: Forward) -> Reading | None:
    """Read a command with the numbers it names; None where the mail is none.

    1. A command may be the first line that says something; or the subject, above few words.
    2. A question mark alone asks for help.
    3. Else the line must say a command and nothing more, but for numbers and courtesies.
    """
    # 1.
    lines = own_lines(forward.message)
    candidates = [next((line for line in lines if _plain(line)), lines[0] if lines else "")]
    if sum(len(_WORD.findall(line)) for line in lines) <= MAX_OTHER_WORDS:
        candidates.append(own_subject(message.subject))
    for line in candidates:
        if len(line) > _MAX_LINE:
            continue
        # 2.
        if _ONLY_QUESTION_MARKS.fullmatch(line):
            return Reading(Outcome.COMMAND, forward, kind=Command.HELP)
        # 3.
        numbers = numbers_in(line)
        words = line
        for number in numbers:
            however_typed = r"[\s.\-]*".join(map(re.escape, number))
            words = re.sub(however_typed, " ", words, flags=re.IGNORECASE)
        command = _PHRASES.get(_plain(words))
        if command:
            parcels = tuple(ParcelRead(number) for number in numbers)
            return Reading(Outcome.COMMAND, forward, kind=command, parcels=parcels)
    return None


def _plain(line: str) -> str:
    """Return the words of a line without accents, punctuation and courtesies."""
    bare = line.casefold()
    if not bare.isascii():
        letters = normalised(bare, "NFKD")
        bare = "".join(c for c in letters if not unicodedata.combining(c))
    words = re.sub(r"[^a-z0-9]+", " ", bare)
    return " ".join(_POLITE.sub(" ", words).split())
