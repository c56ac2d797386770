"""What a person wrote with their own hands: no quotes, no signatures, no disclaimers."""

import re

from mailtrack.parsers.forward_labels import REPLY_PREFIX
from mailtrack.parsers.header_block import (
    MAX_SENTENCE,
    Separator,
    attribution_length,
    classify,
    find_blocks,
)

#: A person's own words are looked for in as many lines and characters.
MAX_LINES, MAX_CHARACTERS = 200, 10_000

#: Lines from here on are signatures: "-- ", "Envoyé de mon iPhone", "Sent from my …".
_SIGNATURE = re.compile(
    r"--\s*$|_{5,}|envoyé[es]? (?:de|depuis|à partir|avec|par)\b|sent (?:from|with|via)\b"
    r"|obtenir outlook|get outlook|télécharger? outlook|provenance\s?: courrier"
    r"|(?:von|gesendet) (?:von )?meinem|inviato da|enviado desde|wysłane z|verzonden vanaf",
    re.IGNORECASE,
)


def own_lines(text: str) -> list[str]:
    """Return the lines that the writer of a mail typed, without blank ones.

    They end where a forward, a signature, a separator or the sentence above a quote begins.

    >>> own_lines("LP00123456789012\\n\\nMerci\\n-- \\nJo\\n")
    ['LP00123456789012', 'Merci']
    """
    lines = text[:MAX_CHARACTERS].splitlines()[:MAX_LINES]
    block = next(find_blocks(lines), None)
    lines = lines[: block.start] if block else lines
    own: list[str] = []
    for at, line in enumerate(lines):
        bare = line.strip("\ufeff \t\u00a0")
        if len(bare) <= MAX_SENTENCE and (
            _SIGNATURE.match(bare)
            or classify(bare) > Separator.RULE
            or attribution_length(lines, at)
        ):
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
