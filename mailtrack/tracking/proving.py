"""Gathers what a proof for a dispute holds, from what is known of a parcel now."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from mailtrack.carriers.base import Declaration
from mailtrack.carriers.pages import name_of as carriers_name
from mailtrack.domain import tracking
from mailtrack.domain.model import TrackingEvent
from mailtrack.domain.proof import (
    MOST_SCANS,
    CarrierAnswers,
    PromisedDelivery,
    Proof,
    ProvenScan,
)
from mailtrack.notify.shops import words_for
from mailtrack.notify.view import ParcelView
from mailtrack.parsers import name_of
from mailtrack.store.subscription_details import KnownParcel, SubscriptionDetails


def prove(
    known: KnownParcel,
    details: SubscriptionDetails,
    shown: ParcelView,
    carriers: Mapping[str, Declaration],
    now: datetime,
) -> Proof:
    """Return the proof of a parcel as its subscriber sees it (`shown`).

    `carriers`: the declarations of all known carriers, by code.
    """
    events = tracking.scans(details.events)
    return Proof(
        at=now,
        number=known.row.number,
        followed_since=known.row.created_at,
        orders=details.orders,
        local_number=known.row.local_number or "",
        shop=words_for(details.shop).name,
        carrier=shown.carrier,
        milestone=shown.milestone,
        milestone_at=shown.milestone_at,
        reason=shown.reason,
        scans=tuple(_scan(event, carriers) for event in events[-MOST_SCANS:]),
        left_out=max(0, len(events) - MOST_SCANS),
        answers=tuple(
            CarrierAnswers(
                carriers_name([leg.carrier], carriers) or leg.carrier,
                leg.number,
                leg.answers,
                leg.last_answer_at,
                leg.state,
            )
            for leg in known.legs
        ),
        promises=tuple(_promises(known, details, shown)),
    )


def _scan(event: TrackingEvent, carriers: Mapping[str, Declaration]) -> ProvenScan:
    by_mail = event.source == tracking.MAIL
    if by_mail:
        source = name_of(event.told_by) if event.told_by else ""
    else:
        source = carriers_name([event.source], carriers) or event.source
    return ProvenScan(
        at=event.at,
        milestone=event.milestone,
        source=source,
        text="" if by_mail else event.text,
        place=event.place,
        at_certain=event.at_certain,
        reason=event.reason,
        by_mail=by_mail,
    )


def _promises(
    known: KnownParcel, details: SubscriptionDetails, shown: ParcelView
) -> Iterator[PromisedDelivery]:
    """Yield what was promised last by a carrier and by the subscriber's own mails, then by us."""
    mine, day = details.following, known.row.estimated_delivery
    if day is not None:
        yield PromisedDelivery(shown.carrier, day, day)
    if mine.expected_on is not None:
        yield PromisedDelivery(name_of(mine.expected_by or ""), mine.expected_on, mine.expected_on)
    for made in known.promises:
        ours = made.promise
        yield PromisedDelivery("", ours.told.first, ours.told.last, ours.milestone, ours.made_on)
