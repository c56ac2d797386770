"""Where a subscriber's parcel waits, and how long it is usually kept there."""

from functools import reduce
from itertools import takewhile

from mailtrack.domain import tracking
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import PickupPoint
from mailtrack.domain.pickup import completed
from mailtrack.domain.pickup_times import UsualHold, usual_hold
from mailtrack.domain.sending_policy import PARIS
from mailtrack.store.subscription_details import SubscriptionDetails


def pickup_point(details: SubscriptionDetails) -> PickupPoint | None:
    """Return where a parcel waits: by its carriers, with what mails add to it.

    Their own, and those of who invited them to follow it.
    """
    mine = details.following
    points = [details.parcel.row.pickup_point if details.parcel else None]
    # After a failed delivery it may have left again.
    if mine.milestone is not Milestone.OUT_FOR_DELIVERY:
        points += [mine.pickup, details.shared.pickup if details.shared else None]
    told = [point for point in points if point is not None]
    return reduce(completed, told) if told else None


def usual_hold_of(details: SubscriptionDetails) -> UsualHold | None:
    """Return how long such places keep a parcel; None where it waits nowhere, or a day is told."""
    point = pickup_point(details)
    if details.following.milestone is not Milestone.PICKUP_AVAILABLE or (point and point.last_day):
        return None
    no_other_step = (Milestone.PICKUP_AVAILABLE, Milestone.UNKNOWN)
    newest_first = tracking.timeline(details.events)
    waiting = [*takewhile(lambda event: event.milestone in no_other_step, newest_first)]
    came = next((e for e in reversed(waiting) if e.milestone is Milestone.PICKUP_AVAILABLE), None)
    if came is None:
        return None
    words = f"{point.name if point else ''} {came.text}"
    return usual_hold(came.told_by or came.source, words, came.at.astimezone(PARIS).date())
