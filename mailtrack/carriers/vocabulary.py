"""Which milestone a carrier's code and text stand for.

The knowledge is data: `phrases/<carrier>.tsv`, then `phrases/any.tsv` for what telling
words mean together, and `phrases/reasons.tsv` for why something went wrong. What no
row knows is `Milestone.UNKNOWN`, never a guess. README.md tells how rows are matched.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache

from mailtrack.carriers.tables import phrase_files, read_table
from mailtrack.carriers.texts import comparable, comparable_code
from mailtrack.carriers.words import WORDS_SIGN, Combination
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Reason

COLUMNS = ("code", "language", "text", "milestone", "reason", "source")
COMMON = "any"
#: Marks a text that is a regular expression over the comparable form.
PATTERN_SIGN = "~"
#: In the place of a text: this code only names a group, so that any words know better.
GROUP_SIGN = "*"
_REASONED = frozenset(
    {
        Milestone.DELIVERY_FAILED,
        Milestone.RETURNING,
        Milestone.RETURNED,
        Milestone.EXCEPTION,
        Milestone.CUSTOMS_HELD,
    }
)


@dataclass(frozen=True, slots=True)
class Classified:
    """What one code and text stand for, and why where they say so."""

    milestone: Milestone
    reason: Reason | None = None


UNKNOWN = Classified(Milestone.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Rule:
    """One row that looks for something in a text; `code` is "" where it holds for all."""

    code: str
    holds: Callable[[str], object]
    means: Classified


@dataclass(frozen=True, slots=True)
class Phrases:
    """One file, ready to be asked."""

    exact: dict[tuple[str, str], Classified] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    groups: dict[str, Classified] = field(default_factory=dict)

    def find(self, codes: tuple[str, ...], text: str) -> Classified | None:
        """Match code with text, then text alone, then the rules, then code alone."""
        return (
            self._exact(codes, text)
            or self._ruled(codes, text)
            or next((self.exact[code, ""] for code in codes if (code, "") in self.exact), None)
        )

    def group(self, codes: tuple[str, ...]) -> Classified | None:
        """Return what a code stands for that says less than any words beside it."""
        return next((self.groups[code] for code in codes if code in self.groups), None)

    def _exact(self, codes: tuple[str, ...], text: str) -> Classified | None:
        keys = ((code, text) for code in (*codes, "")) if text else ()
        return next((self.exact[key] for key in keys if key in self.exact), None)

    def _ruled(self, codes: tuple[str, ...], text: str) -> Classified | None:
        wanted = (rule for rule in self.rules if text and rule.code in (*codes, ""))
        return next((rule.means for rule in wanted if rule.holds(text)), None)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A carrier's own phrases, backed by the common ones."""

    own: Phrases
    common: Phrases
    reasons: tuple[tuple[Callable[[str], object], Reason], ...]

    def classify(self, code: str, text: str) -> Classified:
        """Return the milestone; `code` may carry its group as "CODE@GROUP"."""
        full = comparable_code(code)
        codes = tuple(dict.fromkeys(c for c in (full, full.partition("@")[0]) if c))
        plain = comparable(text) or self._spelt_out(code)
        known = self.own.find(codes, plain) or self.common.find((), plain)
        found = known or self.own.group(codes) or UNKNOWN
        if found.reason or found.milestone not in _REASONED:
            return found
        return Classified(found.milestone, self._reason(plain))

    def _reason(self, text: str) -> Reason | None:
        return next((reason for holds, reason in self.reasons if holds(text)), None)

    def _spelt_out(self, code: str) -> str:
        """Read a code without text as words, where no table says what the carrier's codes are."""
        return "" if self.own.exact else comparable(code)


@lru_cache(maxsize=8192)
def classify(carrier: str, code: str, text: str) -> Classified:
    """Return what a carrier's code and text stand for; carriers repeat themselves a lot."""
    return vocabulary(carrier).classify(code, text)


def classify_words_first(carrier: str, code: str, text: str) -> Classified:
    """Return what the words stand for; where nobody knows them, what the code alone does.

    For codes that only name a group ("transit"), and so say less than the words beside them.
    """
    said = classify(carrier, "", text)
    return classify(carrier, code, "") if said == UNKNOWN else said


@cache
def vocabulary(carrier: str) -> Vocabulary:
    """Return the vocabulary of a carrier by any of its names; unknown ones get the common."""
    name = _file_of(carrier)
    own = Phrases() if name == COMMON else _load(name)
    return Vocabulary(own, _load(COMMON), _load_reasons())


def _file_of(carrier: str) -> str:
    """Find "UPU EMSEVT/M40" and "17TRACK v2.2" by their first words."""
    words = carrier.partition("(")[0].split()
    names = (_plain_name(" ".join(words[:n])) for n in range(len(words), 0, -1))
    return next((file_names()[name] for name in names if name in file_names()), COMMON)


@cache
def file_names() -> dict[str, str]:
    """Return the phrase file of every name that a carrier goes by (`phrases/names.tsv`)."""
    own = {_plain_name(file): file for file in phrase_files()}
    return own | {_plain_name(row["name"]): row["file"] for row in read_table("names")}


@cache
def _load(name: str) -> Phrases:
    phrases = Phrases()
    for row in read_table(name):
        means = _means(row)
        code, text = comparable_code(row["code"]), row["text"]
        if text == GROUP_SIGN:
            phrases.groups[code] = means
        elif text.startswith((PATTERN_SIGN, WORDS_SIGN)):
            phrases.rules.append(Rule(code, _looking_for(row), means))
        elif phrases.exact.setdefault((code, comparable(text)), means) != means:
            raise ValueError(f"phrases/{row['line']}: contradicts an earlier row")
    return phrases


def _looking_for(row: dict[str, str]) -> Callable[[str], object]:
    text = row["text"]
    try:
        if text.startswith(WORDS_SIGN):
            return Combination.parse(text).holds
        return re.compile(text.removeprefix(PATTERN_SIGN)).search
    except (re.error, ValueError) as error:
        raise ValueError(f"phrases/{row['line']}: {error}") from error


@cache
def _load_reasons() -> tuple[tuple[Callable[[str], object], Reason], ...]:
    return tuple((_looking_for(row), Reason(row["reason"])) for row in read_table("reasons"))


def _means(row: dict[str, str]) -> Classified:
    try:
        reason = Reason(row["reason"]) if row["reason"] else None
        return Classified(Milestone(row["milestone"]), reason)
    except ValueError as error:
        raise ValueError(f"phrases/{row['line']}: {error}") from error


def _plain_name(carrier: str) -> str:
    return "".join(char for char in carrier.partition("(")[0].casefold() if char.isalnum())
