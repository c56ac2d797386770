"""Gathers from the store what mails and pages show: the values of `notify.view`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from urllib.parse import quote

from sqlalchemy import Connection, bindparam, func, select

from mailtrack.carriers.base import Declaration
from mailtrack.carriers.pages import only_page, pages_for
from mailtrack.domain import tracking
from mailtrack.domain.milestones import Milestone
from mailtrack.domain.model import (
    InboundId,
    LookState,
    ParcelId,
    TrackingEvent,
)
from mailtrack.domain.patience import PROTECTION
from mailtrack.inbox.addresses import PersonalAddresses
from mailtrack.notify.links import LinkMaker, Purpose
from mailtrack.notify.view import NewsLine, NoticeKind, NoticeView, ParcelView
from mailtrack.parsers import parse
from mailtrack.parsers.message import read_message
from mailtrack.store import notices, parcels, people
from mailtrack.store.notices import Notice
from mailtrack.store.parcels import Leg, ParcelRow
from mailtrack.store.people import Subscription
from mailtrack.store.schema import inbound, parcel_order, shop_order

#: The source of events that a shop's mail told: not a carrier's word.
MAIL = "mail"
#: Shown where no carrier is known yet.
_NO_CARRIER = ("", "")

#: Built once: every mail asks them (see `store.parcels`).
_ORDERS = (
    select(shop_order.c.number)
    .join(parcel_order, parcel_order.c.shop_order_id == shop_order.c.id)
    .where(parcel_order.c.parcel_id == bindparam("parcel"))
    .order_by(shop_order.c.id)
)
_FIRST_ORDERED = (
    select(func.min(shop_order.c.ordered_at))
    .join(parcel_order, parcel_order.c.shop_order_id == shop_order.c.id)
    .where(parcel_order.c.parcel_id == bindparam("parcel"))
)


@dataclass(frozen=True, slots=True)
class Views:
    """Builds views. `carriers`: the declarations of all known carriers, by code."""

    carriers: Mapping[str, Declaration]
    links: LinkMaker
    addresses: PersonalAddresses
    forward_to: str

    def notice(self, connection: Connection, notice: Notice, to: str, now: datetime) -> NoticeView:
        """Return everything that the mail about a notice needs; `to` is its address."""
        following = (
            people.subscription_row(connection, notice.subscription)
            if notice.subscription is not None
            else None
        )
        events = _events(connection, following)
        parcel = self._parcel(connection, following, events) if following else None
        orders = parcel.orders if parcel else _awaited(connection, following)
        subject, message_id, outcome = _forwarded(connection, notice.inbound)
        link, code = self._action(connection, notice)
        return NoticeView(
            kind=NoticeKind(notice.kind),
            key=f"{_thread(notice, following)}-{notice.kind}-{notice.occurrence}",
            to=to,
            links=self.links.for_subscription(notice.subscriber, notice.subscription),
            forward_to=self.forward_to,
            at=now,
            parcel=parcel,
            event=_told_event(events, notice),
            orders=orders,
            items=following.items if following else (),
            subject=subject,
            message_id=message_id,
            outcome=outcome,
            personal_address=self.addresses.of(notice.subscriber),
            action=link,
            code=code,
            news=self._news(connection, notice),
            protection_ends=_protection_ends(connection, following),
        )

    def _news(self, connection: Connection, notice: Notice) -> tuple[NewsLine, ...]:
        """Return what a digest tells: every notice that was held back for it."""
        if notice.kind != NoticeKind.DIGEST:
            return ()
        held = notices.digested(connection, notice.id)
        lines = (self._news_line(connection, one) for one in held)
        return tuple(line for line in lines if line is not None)

    def _news_line(self, connection: Connection, held: Notice) -> NewsLine | None:
        if held.subscription is None or held.kind not in set(Milestone):
            return None
        following = people.subscription_row(connection, held.subscription)
        if following is None or following.parcel is None:
            return None
        links = self.links.for_subscription(held.subscriber, held.subscription)
        return NewsLine(
            number=parcels.parcel_row(connection, following.parcel).number,
            name=following.items[0] if following.items else "",
            milestone=Milestone(held.kind),
            timeline=links.timeline or "",
        )

    def _action(self, connection: Connection, notice: Notice) -> tuple[str, str]:
        """Return the one link that a mail is about, and the code beside it, if any."""
        match notice.kind:
            case NoticeKind.CONFIRM_ADDRESS:
                return self.links.link(Purpose.CONFIRM, notice.subscriber), ""
            case NoticeKind.GOODBYE if notice.subscription is not None:
                return self.links.link(Purpose.STOP_PARCEL, notice.subscription), ""
            case NoticeKind.GOODBYE:
                return self.links.link(Purpose.STOP_ALL, notice.subscriber), ""
            case NoticeKind.FORWARDING_REQUEST:
                return _request(connection, notice.inbound)
        return "", ""

    def parcel(self, connection: Connection, following: Subscription) -> ParcelView | None:
        """Return a parcel as its subscriber sees it; None while only the order is known."""
        return self._parcel(connection, following, _events(connection, following))

    def _parcel(
        self, connection: Connection, following: Subscription, events: Sequence[TrackingEvent]
    ) -> ParcelView | None:
        if following.parcel is None:
            return None
        row = parcels.parcel_row(connection, following.parcel)
        return replace(
            self._known_to_carriers(connection, row),
            name=following.items[0] if following.items else "",
            events=tracking.timeline(events),
            orders=order_numbers(connection, row.id),
            pickup_point=row.pickup_point,
        )

    def public(self, connection: Connection, parcel_id: ParcelId) -> ParcelView | None:
        """Return a parcel as anybody may see it who has its number; None while there is no news.

        Only what its carriers tell the same asker: nothing of its orders and articles, nothing
        that somebody's mail told, and not where it is to be fetched.
        """
        history = parcels.history(connection, parcel_id)
        events = [event for event in history if event.source != MAIL]
        if not events:
            return None
        steps = tracking.walk(events)
        here = steps[-1] if steps else None
        return replace(
            self._known_to_carriers(connection, parcels.parcel_row(connection, parcel_id)),
            events=tracking.timeline(events),
            milestone=here.milestone if here else None,
            milestone_at=here.event.at if here else None,
            reason=here.event.reason if here else None,
        )

    def _known_to_carriers(self, connection: Connection, row: ParcelRow) -> ParcelView:
        """Return what the carriers know of a parcel, without its history."""
        legs = parcels.legs_of(connection, row.id)
        carrier, page = self._shown_carrier(legs, row.local_number or row.number)
        return ParcelView(
            number=row.number,
            name="",
            carrier=carrier,
            carrier_page=page,
            milestone=row.milestone,
            milestone_at=row.milestone_at,
            events=(),
            local_number=row.local_number,
            reason=row.reason,
            estimated_delivery=row.estimated_delivery,
            checked_at=row.last_look_at,
            next_check_at=min((x.next_poll_at for x in legs if x.next_poll_at), default=None),
        )

    def _shown_carrier(self, legs: list[Leg], number: str) -> tuple[str, str]:
        """Return the name and the page of who has the parcel now: the local carrier first.

        Where we can ask nobody, people can: at the carrier that the number looks like.
        """
        known = [leg for leg in legs if leg.state in (LookState.FOUND, LookState.PENDING)]
        answered = any(leg.number == number for leg in known)
        own = None if answered else only_page(number, self.carriers)
        if own:
            return own.name, own.address
        for leg in sorted(known, key=lambda x: not x.is_local) or legs[:1]:
            declaration = self.carriers[leg.carrier]
            return declaration.name, declaration.page.format(number=quote(leg.number))
        page = next(pages_for(number, self.carriers), None)
        return (page.name, page.address) if page else _NO_CARRIER


def _thread(notice: Notice, following: Subscription | None) -> str:
    """Return what the mails of one conversation share; a store made anew repeats no thread."""
    if following is None:
        about = f"m{notice.inbound}" if notice.inbound else f"d{notice.subscriber}"
        return f"{about}.{int(notice.created_at.timestamp()):x}"
    return f"s{following.id}.{int(following.created_at.timestamp()):x}"


def order_numbers(connection: Connection, parcel_id: ParcelId) -> tuple[str, ...]:
    """Return the numbers of the orders that a parcel carries."""
    return tuple(connection.scalars(_ORDERS, {"parcel": parcel_id}))


def orders_of(connection: Connection, following: Subscription) -> tuple[str, ...]:
    """Return the numbers of the orders that a subscription is about."""
    if following.parcel is not None:
        return order_numbers(connection, following.parcel)
    query = select(shop_order.c.number).where(shop_order.c.id == following.order)
    return tuple(connection.scalars(query))


def _awaited(connection: Connection, following: Subscription | None) -> tuple[str, ...]:
    return orders_of(connection, following) if following else ()


def _events(connection: Connection, following: Subscription | None) -> list[TrackingEvent]:
    if following is None or following.parcel is None:
        return []
    return parcels.history(connection, following.parcel)


def _told_event(events: Iterable[TrackingEvent], notice: Notice) -> TrackingEvent | None:
    if notice.event_fingerprint is None:
        return None
    same = (e for e in events if e.fingerprint[:255] == notice.event_fingerprint)
    return next(same, None)


def _protection_ends(connection: Connection, following: Subscription | None) -> date | None:
    """Return the last day of the buyer protection, where an order's date is known."""
    if following is None or following.parcel is None:
        return None
    asked = {"parcel": following.parcel}
    ordered_at: date | None = connection.execute(_FIRST_ORDERED, asked).scalar_one()
    return ordered_at and ordered_at + PROTECTION


def _request(connection: Connection, mail: InboundId | None) -> tuple[str, str]:
    """Return the link and the code of a provider's question, as its mail gave them."""
    query = select(inbound.c.raw).where(inbound.c.id == mail)
    raw = connection.execute(query).scalar_one_or_none()
    request = parse(read_message(raw)).confirmation if raw else None
    return (request.link, request.code) if request else ("", "")


def _forwarded(connection: Connection, mail: InboundId | None) -> tuple[str, str, str]:
    """Return the subject, the Message-ID and the outcome of the mail that a notice answers."""
    if mail is None:
        return "", "", ""
    query = select(inbound.c.subject, inbound.c.message_id, inbound.c.outcome).where(
        inbound.c.id == mail
    )
    row = connection.execute(query).one()
    return row.subject, row.message_id, row.outcome or ""
