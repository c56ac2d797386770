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
from mailtrack.notify.shops import ShopWords, words_for
from mailtrack.notify.view import NewsLine, NoticeKind, NoticeView, OrderView, ParcelView

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
    parcel = view.parcel or (_stand_in(view.order) if view.order else _NO_PARCEL)
    shop = words_for(parcel.shop)
    carrier = parcel.carrier or SOME_CARRIER
    since = parcel.milestone_at or view.at
    # Who tells the news: the shop, where it came by mail, or the carrier. Of an order without
    # a parcel, the shop alone can tell anything.
    by_mail = view.parcel is None or (view.event and view.event.source == MAIL)
    today, ahead = french.local_day(view.at), parcel.expected
    named = ahead.named if ahead else None
    bar = progress.steps(parcel) if view.parcel else ()
    reason = (view.event and view.event.reason) or parcel.reason
    urgent = tuple(filter(_is_urgent, view.news))
    mails = sorted(view.mails, key=lambda mail: not mail.asked)
    last_days = deadline_lines(parcel, french.local_day(view.at))
    days_by_kind = {line.kind: line.day for line in last_days}
    return {
        "view": view,
        "links": view.links,
        "parcel": view.parcel,
        "event": view.event,
        "orders": parcel.orders or view.orders,
        "items": (parcel.name,) if parcel.name else view.items,
        "number": parcel.local_number or parcel.number,
        "carrier": carrier,
        "carrier_page": parcel.carrier_page,
        "pickup": None if is_over(parcel) else parcel.pickup_point,
        "reason": reason,
        "remedy": french.remedy(reason, shop),
        "task": french.task(parcel.milestone, shop, is_order=view.order is not None),
        "label": _label(view),
        "when": french.event_moment(view.event) if view.event else french.moment(since),
        "source": _writer(view, shop, parcel) if by_mail else carrier,
        "shop": shop,
        "latest": latest_event(parcel),
        "steps": bar,
        "step": progress.current(bar) if bar else None,
        "days": progress.days(parcel.events, EVENTS_SHOWN),
        "expected": ahead,
        # The hours of a day, where it is today.
        "slot": named.slot if named and named.day == today else "",
        "asked": parcel.asked,
        "hint": french.why_unknown(parcel),
        "wants_postcode": parcel.wants_postcode,
        "over": is_over(parcel),
        "known": told_by_carriers(parcel.events),
        "markup": parcel_delivery(view),
        # The mailbox that wants to forward: Gmail names it last, and we write to it.
        "account": view.to if view.subject.endswith(NO_ADDRESS) else "",
        "urgent": urgent,
        "news": _shown(view.news, urgent),
        "unnamed": max(0, len(view.news) - NEWS_SHOWN),
        "mails": mails[:MAILS_SHOWN],
        "untold": max(0, len(mails) - MAILS_SHOWN),
        "questions": tuple(line for mail in mails for line in mail.asked),
        "followed": any(mail.followed for mail in mails),
        "pickup_map": map_links(parcel.pickup_point),
        "deadlines": last_days if view.kind in _WITH_DEADLINES else (),
        "usual_hold": parcel.usual_hold,
        "dispute_until": days_by_kind.get(DeadlineKind.DISPUTE),
        "protection_ends": days_by_kind.get(DeadlineKind.PROTECTION),
        "customs": customs_words(french.local_day(view.at)),
    }


def _writer(view: NoticeView, shop: ShopWords, parcel: ParcelView) -> str:
    """Return who wrote the mail that told the news, as far as anything says so."""
    told_by = view.event.told_by if view.event else ""
    return told_by or shop.name or parcel.named_by or SOME_MAIL


def _stand_in(order: OrderView) -> ParcelView:
    """Return what is known of an order in the place of a parcel's, which has no number."""
    return replace(
        _NO_PARCEL,
        milestone=order.milestone,
        milestone_at=order.milestone_at,
        events=order.events,
        shop=order.shop,
        ordered_on=order.ordered_on,
    )


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


def _is_urgent(line: NewsLine) -> bool:
    awaits_nothing = not words_for(line.shop).names_parcels
    return line.kind in _URGENT and not (
        line.kind is NoticeKind.ORDER_REGISTERED and awaits_nothing
    )


def _shown(news: Sequence[NewsLine], urgent: Sequence[NewsLine]) -> tuple[NewsLine, ...]:
    """Return the news that a digest names, what cannot wait among them."""
    others = (line for line in news if line not in urgent)
    chosen = {*urgent[:NEWS_SHOWN], *islice(others, max(0, NEWS_SHOWN - len(urgent)))}
    return tuple(line for line in news if line in chosen)[:NEWS_SHOWN]
