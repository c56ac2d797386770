"""How well the corpus is read: precision and recall of order and parcel numbers.

`python -m benchmarks.corpus` prints tables by mail program, by kind of mail and by
language, and fails where a number is wrong.
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from mailtrack.parsers.as_json import read_as_json

CORPUS = Path(__file__).parents[1] / "tests" / "corpus"
#: Below this the exit code is 1.
WANTED_PRECISION, WANTED_RECALL = 1.0, 0.99

#: The names of the pairs: "gmail-cs--en-parcel-2", "roundcube--fr-order-1".
_PROGRAM = re.compile(r"(?P<program>[a-z0-9-]+?)(?:-(?P<tongue>[a-z]{2}))?--")


@dataclass(frozen=True, slots=True)
class Case:
    """One mail: where it came from, which numbers it names and which were read.

    `language` is the shop's mail's, `tongue` that of the mail program.
    """

    name: str
    program: str
    tongue: str
    kind: str
    language: str
    expected: frozenset[str]
    found: frozenset[str]


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of numbers over some cases."""

    mails: int
    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


def read_cases(corpus: Path) -> Iterator[Case]:
    """Read every pair whose expectation speaks of numbers."""
    for path in sorted(corpus.glob("*/*.eml")):
        expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        if "parcels" not in expected and "orders" not in expected:
            continue
        found = read_as_json(path.read_bytes(), path.name)
        named = _PROGRAM.match(path.stem)
        yield Case(
            f"{path.parent.name}/{path.stem}",
            named["program"] if named else "(various)",
            (named["tongue"] or "fr") if named else "(various)",
            expected.get("kind") or "(none)",
            expected.get("language") or "(none)",
            _numbers(expected, expected),
            _numbers(found, expected),
        )


def score(cases: Iterable[Case]) -> Score:
    """Count over some cases."""
    cases = list(cases)
    return Score(
        len(cases),
        sum(len(case.expected & case.found) for case in cases),
        sum(len(case.found - case.expected) for case in cases),
        sum(len(case.expected - case.found) for case in cases),
    )


def _numbers(said: dict[str, Any], expected: dict[str, Any]) -> frozenset[str]:
    """Return the numbers of the kinds that the expectation speaks of."""
    parcels = said["parcels"] if "parcels" in expected else []
    orders = said["orders"] if "orders" in expected else []
    return frozenset([*orders, *(parcel["number"] for parcel in parcels)])


def _table(title: str, cases: list[Case], key: Callable[[Case], str]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for column in ("mails", "numbers", "wrong", "missed", "precision", "recall"):
        table.add_column(column, justify="right")
    groups: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        groups[key(case)].append(case)
    rows = [*sorted(groups.items()), ("all", cases)]
    for name, group in rows:
        s = score(group)
        counts = (s.mails, s.right + s.missed, s.wrong, s.missed)
        table.add_row(name, *map(str, counts), f"{s.precision:.3f}", f"{s.recall:.3f}")
    return table


def main() -> int:
    """Print the tables; return the exit code."""
    console = Console()
    cases = list(read_cases(CORPUS))
    console.print(_table("By mail program", cases, lambda case: case.program))
    console.print(_table("By language of the mail program", cases, lambda case: case.tongue))
    console.print(_table("By kind of mail", cases, lambda case: case.kind))
    console.print(_table("By language of the shop's mail", cases, lambda case: case.language))
    for case in cases:
        if case.expected != case.found:
            wrong, missed = sorted(case.found - case.expected), sorted(case.expected - case.found)
            console.print(f"{case.name}: wrong {wrong}, missed {missed}")
    total = score(cases)
    negatives = sum(not case.expected for case in cases)
    console.print(
        f"{total.mails - negatives} mails that name something, {negatives} that name nothing: "
        f"precision {total.precision:.3f}, recall {total.recall:.3f}"
    )
    return int(total.precision < WANTED_PRECISION or total.recall < WANTED_RECALL)


if __name__ == "__main__":
    sys.exit(main())
