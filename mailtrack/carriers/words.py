"""The telling words of a text, whatever its language: "sender", "customs", "not yet" …

`phrases/words.tsv` says by which expressions each language writes them, over the
comparable form of `texts.py`. What a combination of words stands for is one row of
`phrases/any.tsv`, the same for all languages.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Self

from mailtrack.carriers.tables import read_table

#: Marks a text that names telling words instead of quoting a carrier.
WORDS_SIGN = "&"
_BARRED = "-"
#: No carrier says what happened later than this; what somebody else wrote may be of any length.
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Combination:
    """Words that a text must hold, and words that it must not."""

    needed: frozenset[str]
    barred: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "&ready undelivered -later"; raise ValueError for a word of no table."""
        names = text.removeprefix(WORDS_SIGN).split()
        barred = frozenset(n.removeprefix(_BARRED) for n in names if n.startswith(_BARRED))
        needed = frozenset(n for n in names if not n.startswith(_BARRED))
        if not needed or (needed | barred) - expressions().keys():
            raise ValueError(f"{text!r} must name words of phrases/words.tsv")
        return cls(needed, barred)

    def holds(self, text: str) -> bool:
        """Return True if the comparable `text` has these words."""
        told = words_of(text)
        return self.needed <= told and not self.barred & told


@lru_cache(maxsize=1024)
def words_of(text: str) -> frozenset[str]:
    """Return the telling words of a comparable text."""
    start = text[:_LONGEST]
    return frozenset(word for word, sought in expressions().items() if sought.search(start))


@cache
def expressions() -> dict[str, re.Pattern[str]]:
    """Return one expression per word: any of those that the languages write it by."""
    ways: dict[str, list[str]] = defaultdict(list)
    for row in read_table("words"):
        ways[row["word"]].append(f"(?:{row['text']})")
    return {word: re.compile("|".join(found)) for word, found in ways.items()}
