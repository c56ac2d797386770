"""Which milestone a carrier's code and text stand for.

The knowledge is data, one table per carrier in `phrases/`: `any.tsv` has what telling
words mean together, whatever the carrier, `words.tsv` by which expressions each language
writes a telling word ("sender", "customs", "not yet" …), and `reasons.tsv` why something
went wrong. What no row knows is `Milestone.UNKNOWN`, never a guess. README.md tells how
rows are matched.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache, reduce
from importlib.resources import files
from typing import Self

from mailtrack.carriers.texts import MAX_TEXT, comparable, comparable_code
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Certainty, Reason
from mailtrack.domain.witnesses import bears_out

COLUMNS = ("code", "language", "text", "milestone", "reason", "source")
COMMON = "any"
#: Marks a text that names telling words instead of quoting a carrier.
WORDS_SIGN = "&"
#: Marks a telling word that must not be there.
BARRED_SIGN = "-"
#: Marks a text that is a regular expression over the comparable form.
PATTERN_SIGN = "~"
#: In the place of a text: this code only names a group, so that any words know better.
GROUP_SIGN = "*"
_FOLDER = files(__package__).joinpath("phrases")
#: Tables that say something else than what a carrier's code or text stands for.
_OTHERS = frozenset({"conditions", "names", "reasons", "words"})
#: Where a sentence ends, and where Cainiao puts the carrier's own words behind its own.
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|[。！？；]|\s/\s")
_REASONED = frozenset(
    {
        Milestone.DELIVERY_FAILED,
        Milestone.RETURNING,
        Milestone.RETURNED,
        Milestone.EXCEPTION,
        Milestone.CUSTOMS_HELD,
    }
)
#: Whether a comparable text holds what a row looks for.
Holds = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Classified:
    """What one code and text stand for, why where they say so, and how sure that is."""

    milestone: Milestone
    reason: Reason | None = None
    #: Two verdicts are the same however they were reached.
    certainty: Certainty = field(default=Certainty.KNOWN, compare=False)

    def borne_out(self, by: "Classified") -> "Classified":
        """Return what is read as known where something else says what fits it."""
        fits = by is not UNKNOWN and bears_out(self.milestone, by.milestone)
        return replace(self, certainty=Certainty.KNOWN) if fits else self


UNKNOWN = Classified(Milestone.UNKNOWN, certainty=Certainty.READ)


@dataclass(frozen=True, slots=True)
class Rule:
    """One row that looks for something in a text; `code` is "" where it holds for all."""

    code: str
    holds: Holds
    means: Classified


@dataclass(frozen=True, slots=True)
class Phrases:
    """One file, ready to be asked. `groups`: codes that say less than any words beside them."""

    exact: dict[tuple[str, str], Classified] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    groups: dict[str, Classified] = field(default_factory=dict)

    def find(
        self, codes: tuple[str, ...], text: str, asserted: str | None = None
    ) -> Classified | None:
        """Match code with text, then text alone, then the rules, then code alone.

        `text` is the comparable text, `asserted` what of it is said to have happened; None: all.
        """
        if text:
            for key in ((code, text) for code in (*codes, "")):
                if key in self.exact:
                    return self.exact[key]
            for rule in self.rules:
                if rule.code in (*codes, "") and rule.holds(text if asserted is None else asserted):
                    return rule.means
        return next((self.exact[code, ""] for code in codes if (code, "") in self.exact), None)

    def of_code(self, codes: tuple[str, ...]) -> Classified:
        """Return the group that a code names, whatever words stand beside it."""
        return next((self.groups[code] for code in codes if code in self.groups), UNKNOWN)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A carrier's own phrases, backed by the common ones."""

    own: Phrases
    common: Phrases
    reasons: tuple[tuple[Holds, Reason], ...]

    def classify(self, code: str, text: str) -> Classified:
        """Return the milestone; `code` may carry its group as "CODE@GROUP"."""
        full = comparable_code(code)
        codes = tuple(dict.fromkeys(c for c in (full, full.partition("@")[0]) if c))
        plain, asserted = comparable(text), without_conditions(text)
        if not plain and not self.own.exact:
            # No table says what the carrier's codes are: one without text is read as words.
            plain = asserted = comparable(code)
        found = (
            self.own.find(codes, plain, asserted)
            or self.common.find((), plain, asserted)
            or self.own.of_code(codes)
        )
        found = found.borne_out(self.own.of_code(codes))
        if found.reason or found.milestone not in _REASONED:
            return found
        reasons = (reason for holds, reason in self.reasons if holds(asserted))
        return replace(found, reason=next(reasons, None))


@lru_cache(maxsize=8192)
def classify(carrier: str, code: str, text: str) -> Classified:
    """Return what a carrier's code and text stand for; carriers repeat themselves a lot.

    >>> classify("laposte", "", "Votre colis est en cours de livraison").milestone.value
    'out_for_delivery'
    >>> classify("no such carrier", "", "Held by customs, duties to pay").milestone.value
    'customs_held'
    """
    return vocabulary(carrier).classify(code, text)


def first_known(carrier: str, *said: tuple[str, str]) -> Classified:
    """Return what the first pair of code and text stands for that is known.

    Where a code only names a group ("transit"), and so says less than the words beside
    it, the words come first: `first_known(carrier, ("", text), (code, ""))`. What the words
    alone say is borne out by a later pair that fits.
    """
    told = [classify(carrier, code, text) for code, text in said]
    known = [means for means in told if means.milestone is not Milestone.UNKNOWN]
    return reduce(Classified.borne_out, known) if known else UNKNOWN


@dataclass(frozen=True, slots=True)
class ClassifiedLine:
    """One line as given to `mailtrack classify`, and what it stands for."""

    carrier: str
    code: str
    text: str
    means: Classified

    @property
    def milestone(self) -> Milestone:
        return self.means.milestone

    @property
    def is_known(self) -> bool:
        """Whether anything tells what it stands for, be it that it is no news."""
        return self.means is not UNKNOWN

    def as_dict(self) -> dict[str, str | None]:
        """Return the line for `mailtrack classify --json`."""
        said = {"carrier": self.carrier, "code": self.code, "text": self.text}
        return said | {"milestone": self.milestone, "reason": self.means.reason}


def classify_lines(lines: Iterable[str]) -> Iterator[ClassifiedLine]:
    """Yield one result for every line of `carrier<TAB>code<TAB>text`, lazily.

    Missing columns are empty; a carrier that nobody knows gets the common phrases.
    """
    for line in lines:
        cells = (cell.strip() for cell in line.rstrip("\r\n").split("\t", 2))
        carrier, code, text = (*cells, "", "", "")[:3]
        yield ClassifiedLine(carrier, code, text, classify(carrier, code, text))


@cache
def vocabulary(carrier: str) -> Vocabulary:
    """Return the vocabulary of a carrier by any of its names; unknown ones get the common."""
    if carrier == COMMON:
        reasons = ((_looking_for(row), Reason(row["reason"])) for row in read_table("reasons"))
        return Vocabulary(Phrases(), _load(COMMON), tuple(reasons))
    file = file_of(carrier)
    common = vocabulary(COMMON)
    return common if file == COMMON else replace(common, own=_load(file))


def file_of(carrier: str) -> str:
    """Return the phrase file of a carrier by any of its names, the common one's for others."""
    # "UPU EMSEVT/M40" and "17TRACK v2.2" are known by their first words.
    words = carrier.partition("(")[0].split()
    names = (_plain_name(" ".join(words[:count])) for count in range(len(words), 0, -1))
    return next((file_names()[name] for name in names if name in file_names()), COMMON)


@cache
def file_names() -> dict[str, str]:
    """Return the phrase file of every name that a carrier goes by (`phrases/names.tsv`)."""
    own = {_plain_name(file): file for file in phrase_files()}
    return own | {_plain_name(row["name"]): row["file"] for row in read_table("names")}


def _plain_name(carrier: str) -> str:
    return "".join(char for char in carrier.partition("(")[0].casefold() if char.isalnum())


@cache
def _load(name: str) -> Phrases:
    """Read a phrase file; a row that cannot be meant so is a ValueError that names it."""
    phrases = Phrases()
    for row in read_table(name):
        code, text = comparable_code(row["code"]), row["text"]
        try:
            reason = Reason(row["reason"]) if row["reason"] else None
            is_read = name == COMMON and text.startswith(WORDS_SIGN)
            certainty = Certainty.READ if is_read else Certainty.KNOWN
            means = Classified(Milestone(row["milestone"]), reason, certainty)
        except ValueError as error:
            raise ValueError(f"phrases/{row['line']}: {error}") from error
        if text == GROUP_SIGN:
            phrases.groups[code] = means
        elif text.startswith((PATTERN_SIGN, WORDS_SIGN)):
            phrases.rules.append(Rule(code, _looking_for(row), means))
        elif phrases.exact.setdefault((code, comparable(text)), means) != means:
            raise ValueError(f"phrases/{row['line']}: contradicts an earlier row")
    return phrases


def _looking_for(row: dict[str, str]) -> Holds:
    text = row["text"]
    try:
        if text.startswith(WORDS_SIGN):
            return Combination.parse(text).holds
        return re.compile(text.removeprefix(PATTERN_SIGN)).search
    except (re.error, ValueError) as error:
        raise ValueError(f"phrases/{row['line']}: {error}") from error


@dataclass(frozen=True, slots=True)
class Combination:
    """Telling words that a text must hold, and telling words that it must not."""

    needed: frozenset[str]
    barred: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "&ready undelivered -later"; raise ValueError for a word of no table."""
        names = text.removeprefix(WORDS_SIGN).split()
        barred = frozenset(n.removeprefix(BARRED_SIGN) for n in names if n.startswith(BARRED_SIGN))
        needed = frozenset(n for n in names if not n.startswith(BARRED_SIGN))
        if not needed or (needed | barred) - expressions().keys():
            raise ValueError(f"{text!r} must name words of phrases/words.tsv")
        return cls(needed, barred)

    def holds(self, text: str) -> bool:
        """Return True if the comparable `text` has these words."""
        told = words_of(text)
        return self.needed <= told and not self.barred & told


def without_conditions(text: str) -> str:
    """Return the comparable form of what a text says has happened, or will.

    Each sentence ends where it begins to speak of a condition ("si vous êtes absent …").

    >>> without_conditions("Out for delivery. If you are not at home, we leave a card.")
    'out for delivery'
    """
    told = []
    for sentence in _SENTENCE.split(text[:MAX_TEXT]):
        plain = comparable(sentence)
        condition = _conditions().search(plain)
        told.append(plain[: condition.start()] if condition else plain)
    return " ".join(" ".join(told).split())


@cache
def _conditions() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{row['text']})" for row in read_table("conditions")))


@lru_cache(maxsize=1024)
def words_of(text: str) -> frozenset[str]:
    """Return the telling words of a comparable text, of whatever language.

    >>> sorted(words_of("zwrocono nadawcy"))
    ['back', 'came_back', 'sender']
    """
    # No carrier says what happened later than this; what somebody else wrote may be of any length.
    start = text[:MAX_TEXT]
    return frozenset(word for word, sought in expressions().items() if sought.search(start))


@cache
def expressions() -> dict[str, re.Pattern[str]]:
    """Return one expression per word: any of those that the languages write it by."""
    ways: dict[str, list[str]] = defaultdict(list)
    for row in read_table("words"):
        ways[row["word"]].append(f"(?:{row['text']})")
    return {word: re.compile("|".join(found)) for word, found in ways.items()}


def phrase_files() -> tuple[str, ...]:
    """Return the names of the tables that hold milestones, without their ending."""
    names = (entry.name for entry in _FOLDER.iterdir())
    stems = (name.removesuffix(".tsv") for name in names if name.endswith(".tsv"))
    return tuple(sorted(stem for stem in stems if stem not in _OTHERS))


def read_table(name: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a table below its headings; a row of the wrong width is a ValueError."""
    text = _FOLDER.joinpath(f"{name}.tsv").read_text(encoding="utf-8")
    head, *lines = text.splitlines()
    columns = head.split("\t")
    for number, line in enumerate(lines, start=2):
        cells = line.split("\t")
        if len(cells) != len(columns):
            raise ValueError(f"phrases/{name}.tsv:{number}: {len(cells)} cells, not {len(columns)}")
        yield dict(zip(columns, cells, strict=True)) | {"line": f"{name}.tsv:{number}"}
