"""What the templates of mails see: the view, and what follows from it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice

from mailtrack.domain.deadlines import DeadlineKind
from mailtrack.domain.milestones import STAGES, Milestone, Phase
from mailtrack.domain.model import TrackingEvent
from mailtrack.domain.tracking import MAIL, told_by_carriers
from mailtrack.notify import french, progress
from mailtrack.notify.customs_words import customs_words
from mailtrack.notify.deadline_words import deadline_lines
from mailtrack.notify.defusing import NO_ADDRESS
from mailtrack.notify.maps import map_links
from mailtrack.notify.markup import parcel_delivery
from mailtrack.notify.shops import words_for
from mailtrack.notify.view import MailSummary, NewsLine, NoticeKind, NoticeView, ParcelView

#: A mail shows this many events; the page of the parcel shows them all.
EVENTS_SHOWN = 5

#: A digest names this many pieces of news, and counts the others: it stays a small mail.
NEWS_SHOWN = 60

#: A summary tells of so many mails, and counts the others.
MAILS_SHOWN = 20

#: Characters of an item's name in a subject, so that the whole stays under 78.
NAME_IN_SUBJECT = 22

#: What a carrier is called where it has no name yet.
SOME_CARRIER = "le transporteur"
#: What an address of a channel is called that was removed meanwhile.
SOME_CHANNEL = "l’adresse que vous aviez donnée"

#: The mails in which a last day matters.
_WITH_DEADLINES = frozenset(
    {
        NoticeKind.STALLED,
        NoticeKind.PROTECTION_ENDING,
        NoticeKind.PICKUP_AVAILABLE,
        NoticeKind.PICKUP_REMINDER,
        NoticeKind.DELIVERED,
    }
)

#: What a person had better not leave for tomorrow.
_URGENT = frozenset(
    {
        Milestone.CUSTOMS_HELD,
        Milestone.DELIVERY_FAILED,
        Milestone.PICKUP_AVAILABLE,
        Milestone.RETURNING,
        Milestone.EXCEPTION,
        NoticeKind.ORDER_REGISTERED,
        NoticeKind.PROTECTION_ENDING,
    }
)

_OVER = frozenset({Phase.END, Phase.RETURN})

#: Who tells a step in a mail whose writer is not known.
SOME_MAIL = "un mail que vous avez transféré"

#: Stands in for the parcel of a mail that is about none.
_NO_PARCEL = ParcelView("", "", "", "", None, None, ())


def mail_context(view: NoticeView) -> Mapping[str, object]:
    """Return the variables of a mail's templates, by name."""
    parcel = view.parcel or _NO_PARCEL
    if view.parcel is None and view.order:
        # Of an order without a parcel all is known but a number.
        parcel = replace(
            _NO_PARCEL,
            milestone=view.order.milestone,
            milestone_at=view.order.milestone_at,
            events=view.order.events,
            shop=view.order.shop,
            ordered_on=view.order.ordered_on,
        )
    return {
        "view": view,
        "links": view.links,
        "parcel": view.parcel,
        "event": view.event,
        "orders": parcel.orders or view.orders,
        "items": (parcel.name,) if parcel.name else view.items,
        "number": parcel.local_number or parcel.number,
        "label": _label(view),
        "markup": parcel_delivery(view),
        # The mailbox that wants to forward: Gmail names it last, and we write to it.
        "account": view.to if view.subject.endswith(NO_ADDRESS) else "",
        **_news(view, parcel),
        **_way(view, parcel),
        **_last_days(view, parcel),
        **_digest(view.news),
        **_read_summary(view.mails),
    }


def _news(view: NoticeView, parcel: ParcelView) -> Mapping[str, object]:
    """Return what has happened, who tells it, and what is to be done about it.

    That is the shop, where it came by mail, or the carrier. Of an order without a parcel, the
    shop alone can tell anything.
    """
    event, shop, carrier = view.event, words_for(parcel.shop), parcel.carrier or SOME_CARRIER
    source = carrier
    if view.parcel is None or (event and event.source == MAIL):
        told_by = event.told_by if event else ""
        source = told_by or shop.name or parcel.named_by or SOME_MAIL
    reason = (event and event.reason) or parcel.reason
    since = parcel.milestone_at or view.at
    return {
        "when": french.event_moment(event) if event else french.moment(since),
        "source": source,
        "shop": shop,
        "carrier": carrier,
        "carrier_page": parcel.carrier_page,
        "reason": reason,
        "remedy": french.remedy(reason, shop),
        "task": french.task(parcel.milestone, shop, is_order=view.order is not None),
        "hint": french.why_unknown(parcel),
        "asked": parcel.asked,
        "wants_postcode": parcel.wants_postcode,
        "known": told_by_carriers(parcel.events),
    }


def _way(view: NoticeView, parcel: ParcelView) -> Mapping[str, object]:
    """Return where the parcel is on its way, where it can be fetched, and when it is expected."""
    bar = progress.steps(parcel) if view.parcel else ()
    ahead, over = parcel.expected, is_over(parcel)
    named = ahead.named if ahead else None
    return {
        "latest": latest_event(parcel),
        "steps": bar,
        "step": progress.current(bar) if bar else None,
        "days": progress.days(parcel.events, EVENTS_SHOWN),
        "over": over,
        "pickup": None if over else parcel.pickup_point,
        "pickup_map": map_links(parcel.pickup_point),
        "expected": ahead,
        # The hours of a day, where it is today.
        "slot": named.slot if named and named.day == french.local_day(view.at) else "",
    }


def _last_days(view: NoticeView, parcel: ParcelView) -> Mapping[str, object]:
    """Return until when something can be done, and what customs ask for on that day."""
    today = french.local_day(view.at)
    last_days = deadline_lines(parcel, today)
    days_by_kind = {line.kind: line.day for line in last_days}
    return {
        "deadlines": last_days if view.kind in _WITH_DEADLINES else (),
        "usual_hold": parcel.usual_hold,
        "dispute_until": days_by_kind.get(DeadlineKind.DISPUTE),
        "protection_ends": days_by_kind.get(DeadlineKind.PROTECTION),
        "customs": customs_words(today),
    }


def _digest(news: Sequence[NewsLine]) -> Mapping[str, object]:
    """Return the news that a digest names, what cannot wait among them."""
    urgent = tuple(
        line
        for line in news
        if line.kind in _URGENT
        # An order waits for the mail that names its parcel, where the shop writes any.
        and (line.kind is not NoticeKind.ORDER_REGISTERED or words_for(line.shop).names_parcels)
    )
    others = (line for line in news if line not in urgent)
    chosen = {*urgent[:NEWS_SHOWN], *islice(others, max(0, NEWS_SHOWN - len(urgent)))}
    return {
        "urgent": urgent,
        "news": tuple(line for line in news if line in chosen)[:NEWS_SHOWN],
        "unnamed": max(0, len(news) - NEWS_SHOWN),
    }


def _read_summary(mails: Sequence[MailSummary]) -> Mapping[str, object]:
    """Return what was read in the reader's mails, those first that they are asked about."""
    mails = sorted(mails, key=lambda mail: not mail.asked)
    return {
        "mails": mails[:MAILS_SHOWN],
        "untold": max(0, len(mails) - MAILS_SHOWN),
        "questions": tuple(line for mail in mails for line in mail.asked),
        "followed": any(mail.followed for mail in mails),
    }


def is_over(parcel: ParcelView) -> bool:
    """Return True if nothing more is to be delivered."""
    return parcel.milestone is not None and STAGES[parcel.milestone].phase in _OVER


def latest_event(parcel: ParcelView) -> TrackingEvent | None:
    """Return the event that put the parcel where it is, or the newest one."""
    told = (event for event in parcel.events if event.milestone is parcel.milestone)
    return next(told, None) or next(iter(parcel.events), None)


def _label(view: NoticeView) -> str:
    """Name the parcel or the order as a subject does: « votre colis LP…84 (Lampe LED) »."""
    if view.parcel:
        number, name = french.short(view.parcel.number), view.parcel.name
        thing = f"votre colis {number}"
    else:
        # Its last four digits name the buyer, so the first ones count.
        thing = f"votre commande {view.orders[0][:6]}…" if view.orders else "votre commande"
        name = view.items[0] if view.items else ""
    return f"{thing} ({french.shorten(name, NAME_IN_SUBJECT)})" if name else thing
