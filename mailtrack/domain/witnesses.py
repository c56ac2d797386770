"""Which alarms are believed: what words alone say, needs a second witness.

A milestone is *known* where the carrier's own table, or its code, says it, and *read* where
only telling words that all carriers share do. A read alarm that is wrong would send a person
to the post office for nothing. So it counts once something else bears it out: another source,
the same source in other words, a carrier that comes to know it (its code, its status of the
whole parcel), or a later scan that could not have come without it. Time does, too: who waits at a
counter gets no other scan, and an alarm that its carrier still tells as the last thing it knows
after `NEARBY` is believed. Until then it is shown in the carrier's words, and moves nothing.

A witness only ever adds belief: of more events, no fewer are believed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import Certainty, TrackingEvent

#: What a later scan says that could hardly come without the alarm before it.
_LATER: Mapping[Milestone, frozenset[Milestone]] = {
    Milestone.CUSTOMS_HELD: frozenset({Milestone.CUSTOMS_CLEARED, Milestone.RETURNING}),
    Milestone.DELIVERY_FAILED: frozenset(
        {Milestone.OUT_FOR_DELIVERY, Milestone.PICKUP_AVAILABLE, Milestone.RETURNING}
    ),
    Milestone.PICKUP_AVAILABLE: frozenset({Milestone.DELIVERED, Milestone.RETURNING}),
    Milestone.DELIVERED: frozenset(),
    Milestone.RETURNING: frozenset({Milestone.RETURNED}),
    Milestone.RETURNED: frozenset(),
    Milestone.EXCEPTION: frozenset({Milestone.DELIVERY_FAILED, Milestone.RETURNING}),
}
#: The milestones that make a person act, or worry.
ALARMS = frozenset(_LATER)
#: Two sources tell of one happening within this, whatever their clocks and delays.
NEARBY = timedelta(days=2)


def believed(events: Iterable[TrackingEvent]) -> list[TrackingEvent]:
    """Return the events in their order; an alarm without a witness is one that says nothing."""
    told = list(events)
    return [
        replace(event, milestone=Milestone.UNKNOWN, reason=None) if _waits(event, told) else event
        for event in told
    ]


def awaits_witness(events: Iterable[TrackingEvent], now: datetime) -> bool:
    """Return True while an alarm of these days waits for a witness: it is worth asking again."""
    told = list(events)
    return any(now - event.at < NEARBY and _waits(event, told) for event in told)


def outlasting(
    known: Iterable[TrackingEvent], answer: Iterable[TrackingEvent], now: datetime
) -> list[TrackingEvent]:
    """Return a carrier's answer, its last word as known where it is an alarm that has stood.

    `known`: what was told of the parcel before, by anybody. Whoever reads it from now on believes
    it, whatever follows.
    """
    told = list(answer)
    last_at = max((event.at for event in (*known, *told)), default=now)
    return [
        replace(event, certainty=Certainty.KNOWN)
        if event.milestone in ALARMS and event.at == last_at <= now - NEARBY
        else event
        for event in told
    ]


def bears_out(milestone: Milestone, other: Milestone) -> bool:
    """Return True if what a code says fits an alarm that the words beside it tell.

    That something went wrong is all that many codes say; the words tell what.
    """
    return other is milestone or (
        other is Milestone.EXCEPTION
        and milestone in ALARMS - {Milestone.DELIVERED, Milestone.PICKUP_AVAILABLE}
    )


def _waits(event: TrackingEvent, told: Iterable[TrackingEvent]) -> bool:
    if event.certainty is Certainty.KNOWN or event.milestone not in ALARMS:
        return False
    return not any(_is_witness(other, event) for other in told)


def _is_witness(other: TrackingEvent, event: TrackingEvent) -> bool:
    """Return True if `other` bears out an alarm; the same words, read twice, are one witness."""
    if other.milestone in _LATER[event.milestone]:
        return other.at > event.at
    if other.milestone is not event.milestone or abs(other.at - event.at) > NEARBY:
        return False
    return other.certainty is Certainty.KNOWN or _words(other) != _words(event)


def _words(event: TrackingEvent) -> str:
    return "".join(char for char in (event.text or event.code).casefold() if char.isalnum())
