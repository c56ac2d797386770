"""How far a parcel is, as five steps and a chronology by days."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import groupby

from mailtrack.domain.milestones import ENDS_OF_AN_ORDER, STAGES, Milestone, Phase
from mailtrack.domain.model import TrackingEvent
from mailtrack.notify.french import local_day
from mailtrack.notify.view import ParcelView

LABELS = ("Commande", "Transport", "Douane", "Livraison", "Livré")

_STEPS = {
    Phase.ORDER: 0,
    Phase.ROAD: 1,
    Phase.ARRIVAL: 2,
    Phase.DELIVERY: 3,
    Phase.RETURN: 3,
    Phase.END: 4,
}

#: Ends that are no delivery; the bar of an order that stopped would promise a parcel.
_ENDED_OTHERWISE = frozenset({*ENDS_OF_AN_ORDER, Milestone.ABANDONED})

#: The last word of their step.
_COMPLETE = frozenset({Milestone.CUSTOMS_CLEARED, Milestone.DELIVERED})

#: Something has gone wrong.
TROUBLES = frozenset(
    {
        Milestone.CUSTOMS_HELD,
        Milestone.DELIVERY_FAILED,
        Milestone.RETURNING,
        Milestone.RETURNED,
        Milestone.EXCEPTION,
    }
)


class StepState(StrEnum):
    """How one step of the bar is drawn."""

    DONE = "done"
    CURRENT = "current"
    TROUBLE = "trouble"
    AHEAD = "ahead"


@dataclass(frozen=True, slots=True)
class ProgressStep:
    """One of the five steps; `number` counts from 1."""

    number: int
    label: str
    state: StepState


@dataclass(frozen=True, slots=True)
class Day:
    """One day in Paris and its events, newest first."""

    date: date
    events: tuple[TrackingEvent, ...]


def steps(parcel: ParcelView) -> tuple[ProgressStep, ...]:
    """Return the five steps of a parcel, or none where its order stopped.

    1. The step reached is that of where it stands; an incident leaves a parcel where it was.
    2. Those before it are done, those after it lie ahead; the milestone tells of the step itself.
    """
    if parcel.milestone in _ENDED_OTHERWISE:
        return ()
    # 1.
    milestones = (parcel.milestone, *(event.milestone for event in parcel.events))
    phases = (STAGES[milestone].phase for milestone in milestones if milestone)
    reached = next((_STEPS[phase] for phase in phases if phase in _STEPS), 0)
    # 2.
    here = StepState.CURRENT
    if parcel.milestone in _COMPLETE:
        here = StepState.DONE
    elif parcel.milestone in TROUBLES:
        here = StepState.TROUBLE
    ahead = len(LABELS) - reached - 1
    states = [StepState.DONE] * reached + [here] + [StepState.AHEAD] * ahead
    returned = parcel.milestone is Milestone.RETURNED
    labels = (*LABELS[:-1], "Retourné") if returned else LABELS
    named = enumerate(zip(labels, states, strict=True), 1)
    return tuple(ProgressStep(number, label, state) for number, (label, state) in named)


def current(bar: Iterable[ProgressStep]) -> ProgressStep:
    """Return the step that a parcel has reached: the last one that is not ahead."""
    return [step for step in bar if step.state is not StepState.AHEAD][-1]


def days(events: Iterable[TrackingEvent], limit: int | None = None) -> tuple[Day, ...]:
    """Group the newest `limit` events by their day in Paris."""
    newest = tuple(events)[:limit]
    groups = groupby(newest, key=lambda event: local_day(event.at))
    return tuple(Day(day, tuple(group)) for day, group in groups)
