"""From the lines of a carrier's answer to tracking events: what most carriers share.

A line's time is aware where its zone is known. A naive one was written somewhere on the
road from China to France: it is read where its milestone belongs, and marked doubtful.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from mailtrack.carriers.history import history
from mailtrack.carriers.shape import PARIS, in_utc
from mailtrack.carriers.texts import split_place, tidy, without_people
from mailtrack.carriers.vocabulary import Classified, classify
from mailtrack.domain.milestones import STAGES, Milestone, Phase
from mailtrack.domain.model import TrackingEvent

BEIJING = timezone(timedelta(hours=8))
#: Times outside are misreadings; the ends of the calendar would overflow besides.
FIRST_YEAR, LAST_YEAR = 2000, 2100
_ABROAD = frozenset({Phase.ARRIVAL, Phase.DELIVERY, Phase.RETURN, Phase.END})


@dataclass(frozen=True, slots=True)
class Scan:
    """One line of a history, in the carrier's own words.

    `mark` is the raw time, so that a scan stays the same scan when its text changes;
    `hint` is what the text is classified by where the shown one says too little; `means`
    is given where the carrier's own file has settled that already.
    """

    local: datetime
    text: str
    code: str = ""
    place: str = ""
    mark: str = ""
    certain: bool = True
    hint: str = ""
    means: Classified | None = None


def read_history(carrier: str, oldest_first: Iterable[Scan]) -> tuple[TrackingEvent, ...]:
    """Return the events of a carrier newest first, classified and in its own order."""
    return history(_events(carrier, oldest_first))


def oldest_first(scans: Sequence[Scan]) -> Sequence[Scan]:
    """Return scans in the order of time, where a carrier does not say which way it lists them.

    Only the direction of the list is changed: its order is surer than minutes are.
    """
    falls = len(scans) > 1 and _plain(scans[0]) > _plain(scans[-1])
    return scans[::-1] if falls else scans


def _plain(scan: Scan) -> datetime:
    return scan.local.replace(tzinfo=None)


def _events(carrier: str, scans: Iterable[Scan]) -> Iterator[TrackingEvent]:
    abroad = False
    for scan in scans:
        place, text = split_place(tidy(scan.text))
        means = _means(carrier, scan, text)
        abroad = abroad or STAGES[means.milestone].phase in _ABROAD
        at = in_utc(_aware(scan.local, abroad=abroad))
        if at is None or not FIRST_YEAR <= at.year < LAST_YEAR:
            continue
        yield TrackingEvent(
            at=at,
            milestone=means.milestone,
            source=carrier,
            code=scan.code,
            text=without_people(text),
            place=tidy(scan.place) or place,
            at_certain=scan.certain and _is_sure(scan.local, abroad=abroad),
            reason=means.reason,
            mark=scan.mark,
        )


def _means(carrier: str, scan: Scan, text: str) -> Classified:
    if scan.means is not None:
        return scan.means
    means = classify(carrier, scan.code, text)
    if scan.hint and means.milestone is Milestone.UNKNOWN:
        return classify(carrier, "", tidy(scan.hint))
    return means


def _aware(local: datetime, *, abroad: bool) -> datetime:
    if local.tzinfo is not None:
        return local
    return local.replace(tzinfo=PARIS if abroad else BEIJING)


def _is_sure(local: datetime, *, abroad: bool) -> bool:
    """Return True if a zone can be believed: abroad, China's own is put on by habit."""
    return local.tzinfo is not None and not (abroad and local.tzinfo == BEIJING)
