"""`mailtrack classify`: lines of carrier, code and text in, one milestone a line out."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from mailtrack.carriers.vocabulary import classify
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Reason


@dataclass(frozen=True, slots=True)
class ClassifiedLine:
    """One line as given, and what it stands for."""

    carrier: str
    code: str
    text: str
    milestone: Milestone
    reason: Reason | None

    def as_dict(self) -> dict[str, str | None]:
        """Return the line for `mailtrack classify --json`."""
        return asdict(self)


def classify_lines(lines: Iterable[str]) -> Iterator[ClassifiedLine]:
    """Yield one result for every line of `carrier<TAB>code<TAB>text`, lazily.

    Missing columns are empty; a carrier that nobody knows gets the common phrases.
    """
    for line in lines:
        cells = (cell.strip() for cell in line.rstrip("\r\n").split("\t", 2))
        carrier, code, text = (*cells, "", "", "")[:3]
        means = classify(carrier, code, text)
        yield ClassifiedLine(carrier, code, text, means.milestone, means.reason)
