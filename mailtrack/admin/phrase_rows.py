"""`mailtrack unmapped --as-rows`: what no phrase file knows, as rows that one may be given.

Such rows leave the house: they hold carriers' words, and nobody's name, telephone or number.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from mailtrack.carriers.texts import comparable, tidy, without_people
from mailtrack.carriers.vocabulary import (
    COLUMNS,
    GROUP_SIGN,
    PATTERN_SIGN,
    WORDS_SIGN,
    classify,
    file_of,
)
from mailtrack.domain.milestones import Milestone
from mailtrack.store.schema import unmapped

#: Stands for what only a person can say; no phrase file takes it.
TO_BE_SAID = "?"
#: What matches any word in a pattern: a number, a day.
_ANY_WORD = r"\w+"
_SIGNS = (PATTERN_SIGN, WORDS_SIGN, GROUP_SIGN)
#: A code with more digits may be somebody's number.
_MOST_DIGITS = 8


class _Seen(NamedTuple):
    times: int
    first_at: datetime


def phrase_rows(connection: Connection, least: int) -> Iterator[str]:
    """Yield the lines to print: for each phrase file its name, the headings and its rows.

    `least`: what came fewer times is left out, since words that one parcel alone was told may
    name a person. The most frequent come first; `source` says how often, and since when.
    """
    files: dict[str, dict[tuple[str, str], _Seen]] = defaultdict(dict)
    query = select(unmapped).order_by(unmapped.c.carrier, unmapped.c.code, unmapped.c.text)
    for row in connection.execute(query):
        code, text = tidy(row.code), _wording(row.text)
        if not (code or text) or sum(map(str.isdigit, code)) > _MOST_DIGITS:
            continue
        if classify(row.carrier, row.code, row.text).milestone is not Milestone.UNKNOWN:
            continue  # a row knows it by now
        seen = files[file_of(row.carrier)]
        before = seen.get((code, text), _Seen(0, row.first_at))
        seen[code, text] = _Seen(before.times + row.times, min(before.first_at, row.first_at))
    for file, phrases in sorted(files.items()):
        often = [(key, seen) for key, seen in phrases.items() if seen.times >= least]
        if often:
            yield f"# phrases/{file}.tsv"
            yield "\t".join(COLUMNS)
        for (code, text), (times, first_at) in sorted(often, key=lambda pair: -pair[1].times):
            source = f"seen {times} times since {first_at:%Y-%m-%d}"
            yield "\t".join((code, "", text, TO_BE_SAID, "", source))


def _wording(text: str) -> str:
    """Return a text as a phrase file takes it: a pattern where it names numbers or days."""
    bare = without_people(tidy(text))
    plain = comparable(bare)
    if not plain:
        return ""
    if any(map(str.isdigit, bare)):
        words = (_ANY_WORD if any(map(str.isdigit, word)) else word for word in plain.split())
        return f"{PATTERN_SIGN}^{' '.join(words)}$"
    return plain if bare.startswith(_SIGNS) else bare
