"""Which milestone a carrier's code and text stand for.

The knowledge is data: `phrases/<carrier>.tsv`, then `phrases/any.tsv` for the wordings
that carriers share, and `phrases/reasons.tsv` for why something went wrong. What no
row knows is `Milestone.UNKNOWN`, never a guess. README.md tells how rows are matched.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files

from mailtrack.carriers.texts import comparable, comparable_code
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Reason

COLUMNS = ("code", "language", "text", "milestone", "reason", "source")
COMMON = "any"
#: Marks a text that is a regular expression over the comparable form.
PATTERN_SIGN = "~"
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
class Phrase:
    """One row of a phrase file."""

    code: str
    text: str
    means: Classified
    line: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """One row whose text is a regular expression; `code` is "" where it holds for all."""

    code: str
    expression: re.Pattern[str]
    means: Classified


@dataclass(frozen=True, slots=True)
class Phrases:
    """One file, ready to be asked."""

    exact: dict[tuple[str, str], Classified] = field(default_factory=dict)
    patterns: list[Pattern] = field(default_factory=list)

    def find(self, codes: tuple[str, ...], text: str) -> Classified | None:
        """Match code with text, then text alone, then patterns, then code alone."""
        return (
            self._exact(codes, text)
            or self._pattern(codes, text)
            or next((self.exact[code, ""] for code in codes if (code, "") in self.exact), None)
        )

    def _exact(self, codes: tuple[str, ...], text: str) -> Classified | None:
        keys = ((code, text) for code in (*codes, "")) if text else ()
        return next((self.exact[key] for key in keys if key in self.exact), None)

    def _pattern(self, codes: tuple[str, ...], text: str) -> Classified | None:
        wanted = (pattern for pattern in self.patterns if pattern.code in (*codes, ""))
        return next((p.means for p in wanted if text and p.expression.search(text)), None)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A carrier's own phrases, backed by the common ones."""

    own: Phrases
    common: Phrases
    reasons: tuple[tuple[re.Pattern[str], Reason], ...]

    def classify(self, code: str, text: str) -> Classified:
        """Return the milestone; `code` may carry its group as "CODE@GROUP"."""
        full = comparable_code(code)
        codes = tuple(dict.fromkeys(c for c in (full, full.partition("@")[0]) if c))
        plain = comparable(text)
        found = self.own.find(codes, plain) or self.common.find((), plain) or UNKNOWN
        if found.reason or found.milestone not in _REASONED:
            return found
        return Classified(found.milestone, self._reason(plain))

    def _reason(self, text: str) -> Reason | None:
        return next((reason for sought, reason in self.reasons if sought.search(text)), None)


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
    name = file_names().get(_plain_name(carrier), COMMON)
    own = Phrases() if name == COMMON else _load(name)
    return Vocabulary(own, _load(COMMON), _load_reasons())


@cache
def file_names() -> dict[str, str]:
    """Return the phrase file of every name that a carrier goes by (`phrases/names.tsv`)."""
    own = {_plain_name(file): file for file in phrase_files()}
    return own | {_plain_name(row["name"]): row["file"] for row in read_table("names")}


def phrase_files() -> tuple[str, ...]:
    """Return the names of the files that hold milestones, without their ending."""
    found = (entry.name for entry in files(__package__).joinpath("phrases").iterdir())
    names = (name.removesuffix(".tsv") for name in found if name.endswith(".tsv"))
    return tuple(sorted(name for name in names if name not in ("names", "reasons")))


def read_table(name: str) -> Iterator[dict[str, str]]:
    """Yield the rows of one phrase file as mappings; a row of the wrong width is an error."""
    text = files(__package__).joinpath("phrases", f"{name}.tsv").read_text(encoding="utf-8")
    head, *lines = text.splitlines()
    columns = head.split("\t")
    for number, line in enumerate(lines, start=2):
        cells = line.split("\t")
        if len(cells) != len(columns):
            raise ValueError(f"phrases/{name}.tsv:{number}: {len(cells)} cells, not {len(columns)}")
        yield dict(zip(columns, cells, strict=True)) | {"line": f"{name}.tsv:{number}"}


@cache
def _load(name: str) -> Phrases:
    phrases = Phrases()
    for row in read_table(name):
        means = _means(row)
        code, text = comparable_code(row["code"]), row["text"]
        if text.startswith(PATTERN_SIGN):
            phrases.patterns.append(Pattern(code, _compile(text, row["line"]), means))
        elif phrases.exact.setdefault((code, comparable(text)), means) != means:
            raise ValueError(f"phrases/{row['line']}: contradicts an earlier row")
    return phrases


@cache
def _load_reasons() -> tuple[tuple[re.Pattern[str], Reason], ...]:
    return tuple(
        (_compile(row["text"], row["line"]), Reason(row["reason"])) for row in read_table("reasons")
    )


def _means(row: dict[str, str]) -> Classified:
    try:
        reason = Reason(row["reason"]) if row["reason"] else None
        return Classified(Milestone(row["milestone"]), reason)
    except ValueError as error:
        raise ValueError(f"phrases/{row['line']}: {error}") from error


def _compile(text: str, line: str) -> re.Pattern[str]:
    try:
        return re.compile(text.removeprefix(PATTERN_SIGN))
    except re.error as error:
        raise ValueError(f"phrases/{line}: {error}") from error


def _plain_name(carrier: str) -> str:
    return "".join(char for char in carrier.partition("(")[0].casefold() if char.isalnum())
