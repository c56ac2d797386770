"""From the lines of a carrier's answer to its history: tracking events, newest first.

The order of a carrier's list is surer than its clocks are. A line's time is aware where
its zone is known. A naive one was written somewhere on the road from China to France: it
is read where its milestone belongs, and marked doubtful.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

from mailtrack.carriers.local_numbers import other_number
from mailtrack.carriers.shape import PARIS, in_utc, in_zone
from mailtrack.carriers.texts import split_place, tidy, without_people
from mailtrack.carriers.vocabulary import Classified, classify, first_known
from mailtrack.domain.milestones import STAGES, Milestone, Phase
from mailtrack.domain.model import PickupPoint, PollResult, PollState, TrackingEvent

BEIJING = timezone(timedelta(hours=8))
#: Phases in which a parcel is no longer in China.
ABROAD = frozenset({Phase.ARRIVAL, Phase.DELIVERY, Phase.RETURN, Phase.END})
#: Times outside are misreadings; the ends of the calendar would overflow besides.
FIRST_YEAR, LAST_YEAR = 2000, 2100
#: What keeps two scans apart whose order is known and whose times are not.
STEP = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Scan:
    """One line of a history, in the carrier's own words.

    `local` is None where no time could be read: such a line is left out. `mark` is the
    raw time, so that a scan stays the same scan when its text changes; `hint` is what the
    text is classified by where the shown one says too little; `means` is given where the
    carrier's own file has settled that already.
    """

    local: datetime | None
    text: str
    code: str = ""
    place: str = ""
    mark: str = ""
    certain: bool = True
    hint: str = ""
    means: Classified | None = None


def read_history(
    carrier: str, oldest_first: Iterable[Scan], *, status: str = ""
) -> tuple[TrackingEvent, ...]:
    """Return the events of a carrier newest first, classified and in its own order.

    `status`: the carrier's code of where the whole parcel stands; it bears out the newest scan.

    >>> label = Scan(datetime(2026, 2, 9, 18, 0), "Shipping label created", mark="18:00")
    >>> depot = Scan(datetime(2026, 2, 12, 7, 30, tzinfo=UTC), "[Lyon] Out for delivery")
    >>> for event in read_history("any", [label, depot]):
    ...     print(event.at, event.milestone.value, event.place or "-", event.at_certain)
    2026-02-12 07:30:00+00:00 out_for_delivery Lyon True
    2026-02-09 10:00:00+00:00 shipped - False
    """
    events = []
    abroad = False
    for scan in oldest_first:
        if scan.local is None:
            continue
        place, text = split_place(tidy(scan.text))
        hint = [("", tidy(scan.hint))] if scan.hint else []
        means = scan.means or first_known(carrier, (scan.code, text), *hint)
        abroad = abroad or STAGES[means.milestone].phase in ABROAD
        at = in_utc(in_zone(scan.local, PARIS if abroad else BEIJING))
        if at is None or not FIRST_YEAR <= at.year < LAST_YEAR:
            continue
        events.append(
            TrackingEvent(
                at=at,
                milestone=means.milestone,
                source=carrier,
                code=scan.code,
                text=without_people(text),
                place=tidy(scan.place) or place,
                at_certain=scan.certain and is_sure_of(scan.local.tzinfo, abroad=abroad),
                reason=means.reason,
                mark=scan.mark,
                certainty=means.certainty,
            )
        )
    return history(borne_out(carrier, events, status))


def borne_out(carrier: str, oldest_first: list[TrackingEvent], status: str) -> list[TrackingEvent]:
    """Return the events, the newest as known where the status of the whole parcel fits it."""
    if not oldest_first or not status:
        return oldest_first
    newest = oldest_first[-1]
    told = Classified(newest.milestone, newest.reason, newest.certainty)
    certainty = told.borne_out(classify(carrier, status, "")).certainty
    return [*oldest_first[:-1], replace(newest, certainty=certainty)]


def is_sure_of(zone: tzinfo | None, *, abroad: bool) -> bool:
    """Return True if a zone can be believed: abroad, China's own is put on by habit."""
    return zone is not None and not (abroad and zone == BEIJING)


def oldest_first(scans: Sequence[Scan]) -> Sequence[Scan]:
    """Return scans in the order of time, where a carrier does not say which way it lists them.

    Only the direction of the list is changed: its order is surer than minutes are.
    """
    clocks = [scan.local.replace(tzinfo=None) for scan in scans if scan.local is not None]
    falls = bool(clocks) and clocks[0] > clocks[-1]
    return scans[::-1] if falls else scans


def in_order_of_time(scans: Iterable[Scan]) -> list[Scan]:
    """Return the dated scans of several lists as one; naive times count as UTC."""
    dated = [(scan.local, scan) for scan in scans if scan.local is not None]
    dated.sort(key=lambda pair: in_zone(pair[0], UTC))
    return [scan for _, scan in dated]


def history(oldest_first: Iterable[TrackingEvent]) -> tuple[TrackingEvent, ...]:
    """Return events newest first, in the order in which they were told.

    1. A doubtful time moves behind those of all older events.
    2. A doubtful time moves before the certain ones of newer events.
    3. Equal events are told apart.
    """
    # 1.
    forward: list[TrackingEvent] = []
    latest: datetime | None = None
    for event in oldest_first:
        wrong = not event.at_certain and latest is not None and event.at <= latest
        settled = replace(event, at=latest + STEP) if latest and wrong else event
        latest = max(settled.at, latest or settled.at)
        forward.append(settled)
    # 2.
    backward: list[TrackingEvent] = []
    earliest: datetime | None = None
    for event in reversed(forward):
        wrong = not event.at_certain and earliest is not None and event.at >= earliest
        settled = replace(event, at=earliest - STEP) if earliest and wrong else event
        earliest = min(settled.at, earliest or settled.at)
        backward.append(settled)
    # 3.
    return told_apart(reversed(backward))


def told_apart(oldest_first: Iterable[TrackingEvent]) -> tuple[TrackingEvent, ...]:
    """Return the events newest first, with marks that tell equal scans of one second apart.

    Counting starts at the oldest, so that a scan keeps its mark when newer ones come.
    """
    seen: Counter[str] = Counter()
    told = []
    for event in oldest_first:
        seen[event.fingerprint] += 1
        count = seen[event.fingerprint]
        told.append(event if count == 1 else replace(event, mark=f"{event.mark}#{count}"))
    return tuple(reversed(told))


def poll_result(
    number: str,
    events: tuple[TrackingEvent, ...],
    *,
    without_events: PollState = PollState.PENDING,
    local_numbers: Iterable[str] = (),
    estimated_delivery: date | None = None,
    pickup_point: PickupPoint | None = None,
    hint: str = "",
) -> PollResult:
    """Return FOUND with what is told of a number, or what it means that there are no events.

    `local_numbers`: fields that may name the local carrier's number, best first; one that
    names none, or the number itself, is passed over.
    """
    return PollResult(
        number=number,
        state=PollState.FOUND if events else without_events,
        events=events,
        local_number=other_number(number, *local_numbers),
        estimated_delivery=estimated_delivery,
        pickup_point=pickup_point,
        hint="" if events else hint,
    )


def recency(result: PollResult) -> datetime:
    """Return the time of the newest event; the beginning of time where there is none."""
    return max((event.at for event in result.events), default=datetime.min.replace(tzinfo=UTC))


def waiting(newest_first: Iterable[TrackingEvent]) -> TrackingEvent | None:
    """Return the newest event by which the parcel waits to be collected."""
    waits = (event for event in newest_first if event.milestone is Milestone.PICKUP_AVAILABLE)
    return next(waits, None)
