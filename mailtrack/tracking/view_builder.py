"""Gathers from the store what mails and pages show: the values of `notify.view`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from urllib.parse import quote

from sqlalchemy import Connection, select

from mailtrack.carriers.base import Declaration
from mailtrack.carriers.pages import only_page, pages_for
from mailtrack.domain import tracking
from mailtrack.domain.model import (
    HeldMail,
    InboundId,
    ParcelId,
    PollState,
    RowKey,
    SubscriptionId,
    TrackingEvent,
)
from mailtrack.domain.silence import PROTECTION
from mailtrack.notify.links import LinkMaker, Purpose
from mailtrack.notify.mail import MailNames
from mailtrack.notify.view import NewsLine, NoticeKind, NoticeView, ParcelView
from mailtrack.parsers.confirmation import read_confirmation
from mailtrack.parsers.message import read_message
from mailtrack.store import held_mails, notices, people, subscription_details
from mailtrack.store.notices import Notice
from mailtrack.store.parcels import Leg
from mailtrack.store.schema import inbound
from mailtrack.store.subscription_details import KnownParcel, SubscriptionDetails

#: Shown where no carrier is known yet.
_NO_CARRIER = ("", "")


@dataclass(frozen=True, slots=True)
class ViewBuilder:
    """Builds views. `carriers`: the declarations of all known carriers, by code."""

    carriers: Mapping[str, Declaration]
    links: LinkMaker
    names: MailNames
    #: The forwarding address of its own that a subscriber has, by their key.
    personal_address: Callable[[RowKey], str]
    forward_to: str

    def notice(
        self,
        connection: Connection,
        notice: Notice,
        details: SubscriptionDetails | None,
        to: str,
        now: datetime,
    ) -> NoticeView:
        """Return everything that the mail about a notice needs; `to` is its address."""
        subject, message_id, outcome = _forwarded(connection, notice.inbound)
        link, code = self._action(connection, notice)
        return NoticeView(
            kind=NoticeKind(notice.kind),
            key=self.names.name(notice.thread, notice.kind, notice.occurrence),
            to=to,
            links=self.links.for_reader(notice.reader, notice.about),
            forward_to=self.forward_to,
            at=now,
            parcel=self.parcel(details) if details else None,
            event=_told_event(details, notice),
            orders=details.orders if details else (),
            items=details.following.items if details else (),
            subject=subject,
            message_id=message_id,
            outcome=outcome,
            personal_address=self.personal_address(notice.reader),
            action=link,
            code=code,
            news=self._news(connection, notice),
            held=_held(connection, notice),
            protection_ends=_protection_ends(details),
        )

    def _news(self, connection: Connection, notice: Notice) -> tuple[NewsLine, ...]:
        """Return what a digest tells: what was held back for it and is still wanted."""
        if notice.kind != NoticeKind.DIGEST:
            return ()
        preferences = people.preferences_of(connection, notice.subscriber)
        digested = notices.digested(connection, notice.id)
        held = [one for one in digested if not preferences.decline(one.kind)]
        known = subscription_details.read(
            connection, {one.subscription for one in held if one.subscription}
        )
        lines = (self._news_line(one, known) for one in held)
        return tuple(line for line in lines if line is not None)

    def _news_line(
        self, held: Notice, known: Mapping[SubscriptionId, SubscriptionDetails]
    ) -> NewsLine | None:
        details = known.get(held.subscription) if held.subscription else None
        if details is None or details.following.muted:
            return None
        parcel = details.parcel
        links = self.links.for_reader(held.reader, held.about)
        return NewsLine(
            number=parcel.row.number if parcel else ", ".join(details.orders),
            name=_name(details),
            kind=NoticeKind(held.kind),
            timeline=links.timeline or "",
        )

    def _action(self, connection: Connection, notice: Notice) -> tuple[str, str]:
        """Return the one link that a mail is about, and the code beside it, if any."""
        match notice.kind:
            case NoticeKind.CONFIRM_ADDRESS:
                return self.links.link(Purpose.CONFIRM, notice.reader), ""
            case NoticeKind.GOODBYE if notice.about is not None:
                return self.links.link(Purpose.STOP_PARCEL, notice.about), ""
            case NoticeKind.GOODBYE:
                return self.links.link(Purpose.STOP_ALL, notice.reader), ""
            case NoticeKind.FORWARDING_REQUEST:
                return _request(connection, notice.inbound)
        return "", ""

    def parcel(self, details: SubscriptionDetails) -> ParcelView | None:
        """Return a parcel as its subscriber sees it; None while only the order is known."""
        known = details.parcel
        if known is None:
            return None
        mine = details.following
        return replace(
            self._known_to_carriers(known),
            name=_name(details),
            events=tracking.timeline(details.events),
            milestone=mine.milestone,
            milestone_at=mine.milestone_at,
            reason=mine.reason,
            orders=details.orders,
            pickup_point=known.row.pickup_point,
        )

    def public(self, connection: Connection, parcel_id: ParcelId) -> ParcelView | None:
        """Return a parcel as anybody may see it who has its number; None while there is no news.

        Only what its carriers tell the same asker: nothing of its orders and articles, nothing
        that somebody's mail told, and not where it is to be fetched.
        """
        known = subscription_details.read_parcels(connection, [parcel_id])[parcel_id]
        if not known.events:
            return None
        return replace(self._known_to_carriers(known), events=tracking.timeline(known.events))

    def _known_to_carriers(self, known: KnownParcel) -> ParcelView:
        """Return what the carriers know of a parcel, without its history."""
        row, legs = known.row, known.legs
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
            checked_at=row.last_answer_at,
            # Legs of carriers that were switched off are planned no more.
            asked=any(leg.next_poll_at or row.ended_at for leg in legs),
            next_check_at=min((x.next_poll_at for x in legs if x.next_poll_at), default=None),
        )

    def _shown_carrier(self, legs: tuple[Leg, ...], number: str) -> tuple[str, str]:
        """Return the name and the page of who has the parcel now: the local carrier first.

        Where we can ask nobody, people can: at the carrier that the number looks like.
        """
        known = [leg for leg in legs if leg.state in (PollState.FOUND, PollState.PENDING)]
        answered = any(leg.number == number for leg in known)
        own = None if answered else only_page(number, self.carriers)
        if own:
            return own.name, own.address
        for leg in sorted(known, key=lambda x: not x.is_local) or legs[:1]:
            declaration = self.carriers[leg.carrier]
            return declaration.name, declaration.page.format(number=quote(leg.number))
        page = next(pages_for(number, self.carriers), None)
        return (page.name, page.address) if page else _NO_CARRIER


def _name(details: SubscriptionDetails) -> str:
    return details.following.items[0] if details.following.items else ""


def _told_event(details: SubscriptionDetails | None, notice: Notice) -> TrackingEvent | None:
    if notice.event_fingerprint is None or details is None:
        return None
    same = (e for e in details.events if e.fingerprint[:255] == notice.event_fingerprint)
    return next(same, None)


def _protection_ends(details: SubscriptionDetails | None) -> date | None:
    """Return the last day of the buyer protection, where an order's date is known."""
    if details is None or details.parcel is None or details.ordered_at is None:
        return None
    return details.ordered_at + PROTECTION


def _held(connection: Connection, notice: Notice) -> tuple[HeldMail, ...]:
    """Return what waits for its reader's word, where a mail asks for that."""
    if notice.kind != NoticeKind.CONFIRM_ADDRESS:
        return ()
    return tuple(held_mails.of_subscriber(connection, notice.subscriber))


def _request(connection: Connection, mail: InboundId | None) -> tuple[str, str]:
    """Return the link and the code of a provider's question, as its mail gave them.

    The mail was read before, within the limits of `inbox.reading_pool`; this reads less of it.
    """
    query = select(inbound.c.raw).where(inbound.c.id == mail)
    raw = connection.execute(query).scalar_one_or_none()
    request = read_confirmation(read_message(raw)) if raw else None
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
