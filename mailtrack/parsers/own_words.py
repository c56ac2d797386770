"""What a person wrote with their own hands: no quotes, no signatures, no disclaimers."""

import re
from collections.abc import Sequence
from itertools import takewhile

from mailtrack.parsers.forward_labels import ATTRIBUTION_BEGINS, REPLY_PREFIX, is_attribution
from mailtrack.parsers.header_block import Separator, classify, find_blocks
from mailtrack.parsers.label_lines import AROUND

#: A person's own words are looked for in as many lines and characters.
MAX_LINES, MAX_CHARACTERS = 200, 10_000
#: Sentences above quotes and signatures are shorter than this (characters).
MAX_SENTENCE = 500
#: A sentence above a quote may be broken over as many lines (Gmail breaks at 72 characters).
_BROKEN_OVER = 3

#: Lines from here on are signatures: "-- ", "Envoyé de mon iPhone", "Sent from my …".
_SIGNATURE = re.compile(
    r"--\s*$|_{5,}|envoyé[es]? (?:de|depuis|à partir|avec|par)\b|sent (?:from|with|via)\b"
    r"|obtenir outlook|get outlook|télécharger? outlook|provenance\s?: courrier"
    r"|(?:von|gesendet) (?:von )?meinem|inviato da|enviado desde|wysłane z|verzonden vanaf",
    re.IGNORECASE,
)


def own_lines(text: str) -> list[str]:
    """Return the lines that the writer of a mail typed, without blank ones."""
    lines = text[:MAX_CHARACTERS].splitlines()[:MAX_LINES]
    block = next(find_blocks(lines), None)
    lines = lines[: block.start] if block else lines
    own: list[str] = []
    for at, line in enumerate(lines):
        bare = line.strip("\ufeff \t\u00a0")
        if _ends_the_words(bare, lines, at):
            break
        if bare and not bare.startswith((">", "|")):
            own.append(bare)
    return own


def own_subject(subject: str) -> str:
    """Return a subject without its prefixes ("Re: RE: …")."""
    while prefix := REPLY_PREFIX.match(subject):
        subject = subject[prefix.end() :]
    return subject.strip()


def is_reply(subject: str) -> bool:
    """Return True if a subject begins like that of an answer."""
    return REPLY_PREFIX.match(subject.strip()) is not None


def attribution_length(lines: Sequence[str], at: int) -> int:
    """Return how many lines the sentence above a quote takes that begins here, 0 for none."""
    first = lines[at].lstrip(AROUND).rstrip()
    if len(first) > MAX_SENTENCE or is_attribution(first):
        return int(len(first) <= MAX_SENTENCE)
    if not ATTRIBUTION_BEGINS.match(first):
        return 0
    rest = takewhile(lambda line: len(line) <= MAX_SENTENCE, lines[at + 1 : at + _BROKEN_OVER])
    broken = [first, *(line.lstrip(AROUND).rstrip() for line in rest)]
    lengths = range(2, len(broken) + 1)
    return next((n for n in lengths if is_attribution(" ".join(broken[:n]))), 0)


def _ends_the_words(bare: str, lines: Sequence[str], at: int) -> bool:
    if len(bare) > MAX_SENTENCE:
        return False
    is_mark = _SIGNATURE.match(bare) is not None or classify(bare) > Separator.RULE
    return is_mark or attribution_length(lines, at) > 0
