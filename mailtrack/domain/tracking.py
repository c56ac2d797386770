"""What a parcel's history means: its present milestone, and which notices are owed.

Everything follows from the *set* of known events, never from the order in which they
arrived: answers may be repeated, split or shuffled without changing the final state or
the set of notices. What does depend on the moment is only whether a notice is mailed
or skipped, and why (`Decision`). What is only read counts as `witnesses` has it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from mailtrack.domain.milestones import STAGES, Mailed, Milestone, Phase, mailed_on_request
from mailtrack.domain.model import Certainty, Reason, SubscriptionId, TrackingEvent
from mailtrack.domain.witnesses import believed

PARIS = ZoneInfo("Europe/Paris")

#: The source of what a shop's mail told: no word of a carrier's.
MAIL = "mail"

#: Carriers' clocks are wrong by up to eight hours; two scans of one milestone that are
#: closer than this are one happening, even across midnight.
SAME_HAPPENING = timedelta(hours=18)
#: How much older than the last told event a parcel's present milestone may be dated.
CLOCK_DOUBT = timedelta(hours=9)

_PHASES = list(Phase)

#: What may still follow once a parcel or an order has come to its end.
_AFTER_END: Mapping[Milestone, frozenset[Milestone]] = {
    Milestone.DELIVERED: frozenset({Milestone.RETURNING, Milestone.RETURNED, Milestone.REFUNDED}),
    Milestone.RETURNED: frozenset({Milestone.REFUNDED}),
    Milestone.CANCELLED: frozenset({Milestone.REFUNDED}),
    Milestone.ORDER_UNFULFILLABLE: frozenset({Milestone.CANCELLED, Milestone.REFUNDED}),
    Milestone.ABANDONED: frozenset({Milestone.REFUNDED}),
    Milestone.REFUNDED: frozenset(),
}


class Key(NamedTuple):
    """Names a notice for one subscription: unique in the database."""

    milestone: Milestone
    occurrence: str


class Skip(StrEnum):
    """Why a notice is not mailed; counted, and shown by `mailtrack status`."""

    #: The mail "suivi enregistré" tells the present state.
    FIRST_ANSWER = "first_answer"
    #: Another milestone of the same answer is mailed instead: a newer one, or one that
    #: comes to everybody instead of one that was asked for besides.
    SUPERSEDED = "superseded"
    #: Something that happened later was told already; of what was asked for besides:
    #: something that lies further on the way.
    LATE = "late"
    #: The same happening, told twice by two clocks.
    REPEATED = "repeated"
    #: It is mailed on request, and was not asked for.
    NOT_WANTED = "not_wanted"
    #: The subscriber chose not to hear of it.
    UNWANTED = "unwanted"
    MUTED = "muted"
    UNSUBSCRIBED = "unsubscribed"
    #: The address refuses our mails.
    BOUNCED = "bounced"
    #: It goes by a channel of theirs, in the place of mail.
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Step:
    """An event that moved the parcel; `milestone` is what it means in its context."""

    milestone: Milestone
    event: TrackingEvent


@dataclass(frozen=True, slots=True)
class Follower:
    """One subscription as `apply` needs to see it.

    `recorded`: notices that exist already, mailed or not. `told`: when the latest event
    of each milestone happened that they have read of, in "suivi enregistré" or after, or
    would have, had they not wished otherwise then. `told_on_request`: the same of what is
    mailed on request. It makes old news of such milestones only: who asks for more mails
    gets all those that come to everybody as well.
    """

    subscription: SubscriptionId
    wanted: frozenset[Milestone]
    recorded: frozenset[Key] = frozenset()
    told: Mapping[Milestone, datetime] = field(default_factory=dict)
    told_on_request: Mapping[Milestone, datetime] = field(default_factory=dict)
    silenced: Skip | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A notice that now exists: mailed if `skip` is None."""

    subscription: SubscriptionId
    key: Key
    event: TrackingEvent
    skip: Skip | None


@dataclass(frozen=True, slots=True)
class Change:
    """What one answer changed. `current` is the event that the present state rests on.

    `confirmed`: events of the history that were only read, and that their source now knows.
    `events`: all that is known from now on.
    """

    new_events: tuple[TrackingEvent, ...]
    milestone: Milestone | None
    current: TrackingEvent | None
    decisions: tuple[Decision, ...]
    confirmed: tuple[TrackingEvent, ...]
    events: tuple[TrackingEvent, ...]


def apply(
    history: Sequence[TrackingEvent],
    fresh: Iterable[TrackingEvent],
    followers: Iterable[Follower],
    *,
    first_answer: bool = False,
) -> Change:
    """Merge `fresh` events into `history` and decide what every follower is owed.

    `first_answer`: nothing was known of the parcel before, so nothing of this is news.

    1. Leave out what is known; a source that tells a scan again keeps its fingerprint. It may
       have come to know what was only read.
    2. See where all events together have brought the parcel.
    3. Every notice that they give rise to, and that a follower has no row of yet, exists from
       now on. One of them at most is mailed, unless something keeps all mails from its reader;
       the others are skipped, each for a reason.
    """
    # 1.
    known = {event.fingerprint: event for event in history}
    unique = {event.fingerprint: event for event in fresh}
    new = tuple(chronology(e for fingerprint, e in unique.items() if fingerprint not in known))
    confirmed = tuple(
        replace(old, certainty=Certainty.KNOWN)
        for fingerprint, old in known.items()
        if fingerprint in unique and _is_confirmed(old, unique[fingerprint])
    )
    known |= {event.fingerprint: event for event in confirmed}
    # 2.
    events = (*known.values(), *new)
    ordered = chronology(believed(events))
    steps = _walk(ordered)
    current = steps[-1] if steps else None
    # 3.
    decisions, due = [], _owed(ordered)
    for follower in followers:
        unrecorded = {k: e for k, e in due.items() if k not in follower.recorded}
        chosen = None if first_answer else _to_tell(follower, unrecorded, steps)
        for key, event in unrecorded.items():
            if key == chosen:
                skip = follower.silenced
            elif first_answer:
                skip = Skip.FIRST_ANSWER
            else:
                skip = _why_not(follower, key, event, chosen)
            decisions.append(Decision(follower.subscription, key, event, skip))
    return Change(
        new_events=new,
        milestone=current.milestone if current else None,
        current=current.event if current else None,
        decisions=tuple(decisions),
        confirmed=confirmed,
        events=events,
    )


def _is_confirmed(old: TrackingEvent, again: TrackingEvent) -> bool:
    return (
        old.certainty is Certainty.READ
        and again.certainty is Certainty.KNOWN
        and again.milestone is old.milestone
    )


def chronology(events: Iterable[TrackingEvent]) -> list[TrackingEvent]:
    """Return the events oldest first; ties are broken by rank, then by their own text."""
    return sorted(
        events,
        key=lambda e: (e.at, STAGES[e.milestone].rank, e.source, e.code, e.mark, e.text),
    )


def walk(events: Iterable[TrackingEvent]) -> tuple[Step, ...]:
    """Return the events that moved the parcel, oldest first; the last one is its state.

    A newer event wins, but never back into an earlier phase (a second "pris en charge"
    by the local carrier is no step back), and a return is left only by its own end or
    by a carrier's express word that the parcel is delivered anew.
    """
    return _walk(chronology(believed(events)))


def _walk(oldest_first: Iterable[TrackingEvent]) -> tuple[Step, ...]:
    steps: list[Step] = []
    base: Step | None = None
    for event in oldest_first:
        milestone = _meaning(base, event)
        if milestone is None:
            continue
        if steps and key_of(milestone, event) == key_of(steps[-1].milestone, steps[-1].event):
            continue
        steps.append(Step(milestone, event))
        if milestone is not Milestone.EXCEPTION:
            base = steps[-1]
    return tuple(steps)


def owed(events: Iterable[TrackingEvent]) -> dict[Key, TrackingEvent]:
    """Return every notice that a history gives rise to, with its first event.

    Adding events only ever adds keys: that is what makes the set of notices
    independent of the order in which events arrive.
    """
    return _owed(chronology(believed(events)))


def _owed(oldest_first: Iterable[TrackingEvent]) -> dict[Key, TrackingEvent]:
    keys: dict[Key, TrackingEvent] = {}
    turned_back = False
    for event in oldest_first:
        milestone = event.milestone
        if STAGES[milestone].mailed is Mailed.NO:
            continue
        turned_back = turned_back or milestone is Milestone.RETURNING
        keys.setdefault(key_of(milestone, event), event)
        if turned_back and milestone is Milestone.DELIVERED:
            # It may be the hand-over to the sender: `walk` knows, once all events are there.
            keys.setdefault(key_of(Milestone.RETURNED, event), event)
    return keys


def key_of(milestone: Milestone, event: TrackingEvent) -> Key:
    """Return a notice's name: once in a parcel's life, or once per day in France.

    >>> from datetime import UTC
    >>> late = TrackingEvent(datetime(2026, 3, 4, 23, 30, tzinfo=UTC), Milestone.UNKNOWN, "laposte")
    >>> key_of(Milestone.CUSTOMS_CLEARED, late).occurrence
    '1'
    >>> key_of(Milestone.OUT_FOR_DELIVERY, late).occurrence
    '2026-03-05'
    """
    if not STAGES[milestone].repeats:
        return Key(milestone, "1")
    return Key(milestone, event.at.astimezone(PARIS).date().isoformat())


def scans(events: Iterable[TrackingEvent]) -> list[TrackingEvent]:
    """Return all events for people, oldest first, each as what it means in its context.

    What ends a return is shown as that, though carriers word it like any other delivery. An
    alarm that waits for a witness is shown in its carrier's words, like what no table knows.
    """
    ordered = chronology(believed(events))
    if any(event.milestone is Milestone.RETURNING for event in ordered):
        ends = (step.event for step in _walk(ordered) if step.milestone is Milestone.RETURNED)
        back = next(ends, None)
        given_back = len(ordered) if back is None else ordered.index(back)
        for place, event in enumerate(ordered):
            if place >= given_back and event.milestone is Milestone.DELIVERED:
                ordered[place] = replace(event, milestone=Milestone.RETURNED)
    return ordered


def timeline(events: Iterable[TrackingEvent]) -> tuple[TrackingEvent, ...]:
    """Return the history for people, newest first, each scan once.

    Two sources telling the same milestone on the same day in France, at the same place
    or at none, speak of one scan; the first of them stands.
    """
    shown: list[TrackingEvent] = []
    for event in scans(events):
        if not any(_same_scan(event, other) for other in shown):
            shown.append(event)
    return tuple(reversed(shown))


def together(*histories: Iterable[TrackingEvent]) -> tuple[TrackingEvent, ...]:
    """Return the events of histories of one parcel, each scan that several hold once."""
    known = {event.fingerprint: event for history in histories for event in history}
    return tuple(known.values())


def told_by_carriers(events: Iterable[TrackingEvent]) -> bool:
    """Return True if any carrier ever said anything of a parcel."""
    return any(event.source != MAIL for event in events)


def _same_scan(one: TrackingEvent, other: TrackingEvent) -> bool:
    if one.milestone is not other.milestone or one.milestone is Milestone.UNKNOWN:
        return False
    if one.source == other.source and one.text != other.text:
        return False
    same_day = one.at.astimezone(PARIS).date() == other.at.astimezone(PARIS).date()
    places = {one.place.casefold(), other.place.casefold()} - {""}
    return same_day and len(places) <= 1


def _meaning(base: Step | None, event: TrackingEvent) -> Milestone | None:
    """Return what an event means after `base`, or None where it moves nothing.

    1. What no table knows moves nothing; else the first event counts, whatever it is.
    2. On the way back only its end does, or a carrier's word that it delivers anew.
    3. After an end, what the table has.
    4. Something may go wrong at any time.
    5. A later phase goes on, an earlier one never. Within one, ranks do; only holds by the
       customs and attempts at delivery may come in any order.
    """
    new = event.milestone
    # 1.
    if new is Milestone.UNKNOWN:
        return None
    if base is None:
        return new
    here = base.milestone
    # 2.
    if here is Milestone.RETURNING:
        if event.reason is Reason.REDELIVERY:
            return new
        # La Poste codes the hand-over to the sender like any other delivery.
        back = (Milestone.DELIVERED, Milestone.RETURNED)
        return Milestone.RETURNED if new in back else None
    # 3.
    if here in _AFTER_END:
        return new if new in _AFTER_END[here] else None
    # 4.
    if new is Milestone.EXCEPTION:
        return new
    # 5.
    before, after = STAGES[here], STAGES[new]
    if before.phase is not after.phase:
        goes_on = _PHASES.index(after.phase) > _PHASES.index(before.phase)
    else:
        in_any_order = new is Milestone.CUSTOMS_HELD or before.phase is Phase.DELIVERY
        goes_on = in_any_order or after.rank >= before.rank
    return new if goes_on else None


def _to_tell(
    follower: Follower, unrecorded: Mapping[Key, TrackingEvent], steps: Sequence[Step]
) -> Key | None:
    """Return the newest that comes by itself, or else the newest that was asked for besides.

    Of each kind the newest alone: where that is old news to them, no older one is any better.
    """
    besides = follower.wanted & mailed_on_request()
    for wanted in (follower.wanted - besides, besides):
        for step in reversed(steps):
            key = key_of(step.milestone, step.event)
            if step.milestone in wanted and key in unrecorded:
                doubt = CLOCK_DOUBT if step is steps[-1] else timedelta(0)
                if not _is_late(follower, step, doubt) and not _is_repeated(follower, step):
                    return key
                break
    return None


def _is_late(follower: Follower, step: Step, doubt: timedelta) -> bool:
    told = [*follower.told.values()]
    stage = STAGES[step.milestone]
    if stage.mailed is Mailed.OPTIONAL:
        if any(STAGES[milestone].rank > stage.rank for milestone in follower.told):
            return True
        told += follower.told_on_request.values()
    return any(step.event.at <= at - doubt for at in told)


def _is_repeated(follower: Follower, step: Step) -> bool:
    told = follower.told.get(step.milestone)
    return told is not None and abs(step.event.at - told) < SAME_HAPPENING


def _why_not(follower: Follower, key: Key, event: TrackingEvent, chosen: Key | None) -> Skip:
    if key.milestone not in follower.wanted:
        mailed = STAGES[key.milestone].mailed is Mailed.YES
        return Skip.UNWANTED if mailed else Skip.NOT_WANTED
    step = Step(key.milestone, event)
    if _is_repeated(follower, step):
        return Skip.REPEATED
    if chosen is None and _is_late(follower, step, timedelta(0)):
        return Skip.LATE
    return Skip.SUPERSEDED
