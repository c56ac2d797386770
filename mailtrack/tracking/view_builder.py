"""Gathers from the store what mails and pages show: the values of `notify.view`."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from urllib.parse import quote

from sqlalchemy import Connection, select

from mailtrack.carriers.base import Declaration
from mailtrack.carriers.pages import CarrierPage, named_page, only_page, pages_for
from mailtrack.carriers.pages import name_of as carriers_name
from mailtrack.domain import tracking
from mailtrack.domain.channels import ChannelMode, EndReason
from mailtrack.domain.milestones import ENDED
from mailtrack.domain.model import (
    UNKNOWN_STATES,
    HeldMail,
    InboundId,
    ParcelId,
    PollState,
    RowKey,
    SubscriberId,
    SubscriptionId,
    TrackingEvent,
)
from mailtrack.domain.numbers import names_its_carrier
from mailtrack.domain.stays import lane_of
from mailtrack.notify.context import SOME_CARRIER, SOME_CHANNEL
from mailtrack.notify.expectation import Expectation, ExpectedDay
from mailtrack.notify.links import LinkMaker, Purpose
from mailtrack.notify.mail import MailNames
from mailtrack.notify.view import (
    EndedChannel,
    InvitationView,
    MailSummary,
    NewsLine,
    NoticeKind,
    NoticeView,
    NumberLine,
    OrderView,
    ParcelView,
)
from mailtrack.parsers import name_of
from mailtrack.parsers.confirmation import read_confirmation
from mailtrack.parsers.message import read_message
from mailtrack.store import (
    channels,
    doubtful_numbers,
    following,
    held_mails,
    invitations,
    named_carriers,
    notices,
    people,
    subscription_details,
)
from mailtrack.store import inbound as inbound_mails
from mailtrack.store.doubtful_numbers import AskedNumber
from mailtrack.store.following import Followed
from mailtrack.store.notices import Notice
from mailtrack.store.parcels import Leg
from mailtrack.store.schema import inbound
from mailtrack.store.subscription_details import KnownParcel, SubscriptionDetails
from mailtrack.store.subscriptions import Subscription
from mailtrack.store.wordings import fingerprint_key
from mailtrack.tracking.forecasting import Awaited, Forecaster
from mailtrack.tracking.pickup import pickup_point, usual_hold_of

#: Where a postcode is missing, or nobody's was right.
_WITHOUT_POSTCODE = (PollState.NEEDS_POSTCODE, PollState.NOT_FOUND)


@dataclass(frozen=True, slots=True)
class ViewBuilder:
    """Builds views. `carriers`: the declarations of all known carriers, by code; `on`: of some."""

    carriers: Mapping[str, Declaration]
    #: The codes of those that are asked.
    on: Container[str]
    links: LinkMaker
    names: MailNames
    #: The forwarding address of its own that a subscriber has, by their key.
    personal_address: Callable[[RowKey], str]
    forward_to: str
    forecaster: Forecaster = field(default_factory=Forecaster)

    def notice(
        self,
        connection: Connection,
        notice: Notice,
        details: SubscriptionDetails | None,
        to: str,
        now: datetime,
    ) -> NoticeView:
        """Return everything that the mail about a notice needs; `to` is its address."""
        event = None
        if details is not None:
            same = (e for e in details.events if fingerprint_key(e) == notice.event_fingerprint)
            event = next(iter(_named(same)), None)
        subject = message_id = outcome = ""
        if notice.inbound is not None:
            query = select(inbound.c.subject, inbound.c.message_id, inbound.c.outcome).where(
                inbound.c.id == notice.inbound
            )
            subject, message_id, outcome = connection.execute(query).one()
        mails: tuple[MailSummary, ...] = ()
        if notice.kind == NoticeKind.READ_SUMMARY and notice.inbound is not None:
            mails = self._mails(connection, notice.subscriber, notice.inbound)
        held: list[HeldMail] = []
        if notice.kind == NoticeKind.CONFIRM_ADDRESS:
            held = held_mails.of_subscriber(connection, notice.subscriber)
        link, code = self._action(connection, notice)
        return NoticeView(
            kind=NoticeKind(notice.kind),
            key=self.names.name(notice.thread, notice.kind, notice.occurrence),
            to=to,
            links=self.links.for_reader(notice.reader, notice.about),
            forward_to=self.forward_to,
            at=now,
            parcel=self.parcel_of(connection, details, now) if details else None,
            order=self.order(details) if details else None,
            event=event,
            orders=details.orders if details else (),
            items=details.following.contents if details else (),
            named=bool(details and details.following.own_name),
            subject=subject,
            message_id=message_id,
            outcome=outcome or "",
            personal_address=self.personal_address(notice.reader),
            action=link,
            code=code,
            news=self._news(connection, notice) if notice.kind == NoticeKind.DIGEST else (),
            held=tuple(held),
            mails=mails,
            invitation=self._invitation(connection, notice, now),
            invited=bool(details and details.shared),
            inviter=details.shared.inviter if details and details.shared else "",
            channel=_ended_channel(connection, notice),
        )

    def _invitation(
        self, connection: Connection, notice: Notice, now: datetime
    ) -> InvitationView | None:
        """Return what an invitation says, None for another mail and for one that is over."""
        if notice.kind != NoticeKind.INVITATION:
            return None
        mailed = invitations.by_key(connection, RowKey(notice.occurrence))
        if mailed is None or mailed.inviter is None:
            return None
        waiting = invitations.open_between(connection, mailed.inviter, mailed.address, now)
        if not waiting:
            return None
        return InvitationView(
            inviter=people.address_of(connection, mailed.inviter),
            everything=any(one.everything for one in waiting),
            until=max(one.lapses_at for one in waiting),
            refusal=self.links.link(Purpose.NO_INVITATIONS, notice.reader),
        )

    def _mails(
        self, connection: Connection, reader: SubscriberId, mail: InboundId
    ) -> tuple[MailSummary, ...]:
        """Return what was read of each mail of a forward, with the links of what is asked about.

        A number that its reader follows by now is asked about no more.
        """
        asked = {one.number: one for one in doubtful_numbers.of_subscriber(connection, reader)}
        summaries = []
        for told in inbound_mails.mails_read(connection, mail):
            lines = [NumberLine(number) for number in told.numbers]
            for number in told.doubtful:
                mine = following.of_number(connection, reader, number)
                if mine is not None and not mine.muted:
                    lines.append(NumberLine(number))
                elif number in asked:
                    lines.append(self._question(asked[number]))
            summaries.append(
                MailSummary(
                    told.subject,
                    told.sender,
                    told.outcome,
                    told.kind,
                    tuple(lines),
                    told.orders,
                    unasked=len(told.numbers) + len(told.doubtful) - len(lines),
                )
            )
        return tuple(summaries)

    def _question(self, asked: AskedNumber) -> NumberLine:
        return NumberLine(
            asked.number,
            carrier=carriers_name(asked.carriers, self.carriers),
            why=asked.why,
            action=self.links.link(Purpose.FOLLOW, asked.key),
        )

    def _news(self, connection: Connection, digest: Notice) -> tuple[NewsLine, ...]:
        """Return what a digest tells: what was held back for it and is still wanted."""
        preferences = people.preferences_of(connection, digest.subscriber)
        digested = notices.digested(connection, digest.id)
        held = [one for one in digested if not preferences.decline(one.kind)]
        known = subscription_details.read(
            connection, {one.subscription for one in held if one.subscription}
        )
        lines = []
        for one in held:
            details = known.get(one.subscription) if one.subscription else None
            if details is None or details.following.muted:
                continue
            parcel = details.parcel
            links = self.links.for_reader(one.reader, one.about)
            lines.append(
                NewsLine(
                    number=parcel.row.number if parcel else ", ".join(details.orders),
                    name=details.following.name,
                    kind=NoticeKind(one.kind),
                    timeline=links.timeline or "",
                    shop=details.shop,
                )
            )
        return tuple(lines)

    def _action(self, connection: Connection, notice: Notice) -> tuple[str, str]:
        """Return the one link that a mail is about, and the code beside it, if any."""
        match notice.kind:
            case NoticeKind.CONFIRM_ADDRESS:
                return self.links.link(Purpose.CONFIRM, notice.reader), ""
            case NoticeKind.GOODBYE if notice.about is not None:
                return self.links.link(Purpose.STOP_PARCEL, notice.about), ""
            case NoticeKind.GOODBYE:
                return self.links.link(Purpose.STOP_ALL, notice.reader), ""
            case NoticeKind.INVITATION:
                return self.links.link(Purpose.INVITATION, RowKey(notice.occurrence)), ""
            case NoticeKind.CHANNEL_ENDED:
                return self.links.link(Purpose.CHANNELS, notice.reader), ""
            case NoticeKind.FORWARDING_REQUEST:
                # A provider's question, as its mail gave it. That was read before, within the
                # limits of `inbox.reading_pool`; this reads less of it.
                query = select(inbound.c.raw).where(inbound.c.id == notice.inbound)
                raw = connection.execute(query).scalar_one_or_none()
                request = read_confirmation(read_message(raw)) if raw else None
                return (request.link, request.code) if request else ("", "")
        return "", ""

    def parcel_of(
        self, connection: Connection, details: SubscriptionDetails, now: datetime
    ) -> ParcelView | None:
        """Return a parcel as its subscriber sees it, who is asked for no postcode twice."""
        view = self.parcel(details)
        if view is None or details.parcel is None:
            return None
        awaited = Awaited(
            view.milestone,
            view.milestone_at,
            lane_of(details.events, details.parcel.row.service),
            _days_named(details.following, details.parcel.row.estimated_delivery, view.carrier),
            details.parcel.promises,
        )
        told = view.wants_postcode and people.postcode_of(connection, details.following.subscriber)
        return replace(
            view,
            expected=self.forecaster.expected(connection, awaited, now),
            wants_postcode="" if told else view.wants_postcode,
        )

    def parcel(self, details: SubscriptionDetails) -> ParcelView | None:
        """Return a parcel as its subscriber sees it; None while only the order is known.

        When it is expected is said by `parcel_of`.
        """
        known = details.parcel
        if known is None:
            return None
        mine = details.following
        return replace(
            self._known_to_carriers(known, details.named),
            name=mine.name,
            events=_named(tracking.timeline(details.events)),
            milestone=mine.milestone,
            milestone_at=mine.milestone_at,
            reason=mine.reason,
            orders=details.orders,
            pickup_point=pickup_point(details),
            usual_hold=usual_hold_of(details),
            ordered_on=details.ordered_at,
            shop=details.shop,
            named_by=name_of(mine.named_by) if mine.named_by else "",
        )

    def order(self, details: SubscriptionDetails) -> OrderView | None:
        """Return an order as its subscriber sees it; None where its parcel is known."""
        if details.parcel is not None:
            return None
        mine = details.following
        return OrderView(
            number=next(iter(details.orders), ""),
            shop=details.shop,
            milestone=mine.milestone,
            milestone_at=mine.milestone_at,
            events=_named(tracking.timeline(details.events)),
            ordered_on=details.ordered_at,
        )

    def expected(
        self, connection: Connection, listed: Sequence[Followed], now: datetime
    ) -> dict[SubscriptionId, Expectation]:
        """Return when the parcels of a list are expected, as their pages say it; no order is."""
        mine = [one.subscription for one in listed if one.subscription.milestone not in ENDED]
        known = subscription_details.parcels_without_history(connection, mine)
        carriers = named_carriers.told_to(connection, known) if known else {}
        found = {}
        for one in listed:
            followed, parcel = one.subscription, known.get(one.subscription.id)
            if parcel is None:
                continue
            carrier = self._known_to_carriers(parcel, carriers[followed.id]).carrier
            named = _days_named(followed, parcel.row.estimated_delivery, carrier)
            awaited = Awaited(
                followed.milestone, followed.milestone_at, one.lane, named, parcel.promises
            )
            expected = self.forecaster.expected(connection, awaited, now)
            if expected is not None:
                found[followed.id] = expected
        return found

    def public(
        self, connection: Connection, parcel_id: ParcelId, now: datetime
    ) -> ParcelView | None:
        """Return a parcel as anybody may see it who has its number; None while there is no news.

        Only what its carriers tell the same asker: nothing of its orders and articles, nothing
        that somebody's mail told, and not where it is to be fetched.
        """
        known = subscription_details.read_parcels(connection, [parcel_id])[parcel_id]
        if not known.events:
            return None
        view, row = self._known_to_carriers(known, {}), known.row
        awaited = Awaited(
            row.milestone,
            row.milestone_at,
            lane_of(known.events, row.service),
            _days_named(None, row.estimated_delivery, view.carrier),
            known.promises,
        )
        return replace(
            view,
            expected=self.forecaster.expected(connection, awaited, now),
            events=tracking.timeline(known.events),
            wants_postcode="",
        )

    def _known_to_carriers(self, known: KnownParcel, named: Mapping[str, str]) -> ParcelView:
        """Return what the carriers know of a parcel, without its history.

        The carrier named is who has the parcel now: the local one first. Where we can ask
        nobody, people can: at the carrier that their mails name (`named`, by number), or else
        the number looks like.
        """
        row, legs = known.row, known.legs
        number = row.local_number or row.number
        answered = [leg for leg in legs if leg.state in (PollState.FOUND, PollState.PENDING)]
        page = None
        if all(leg.number != number for leg in answered):
            if number in named and not names_its_carrier(number):
                page = named_page(named[number], number, self.carriers)
            page = page or only_page(number, self.on)
        if page is None:
            meant = sorted(
                answered, key=lambda x: (not x.is_local, x.carrier != named.get(x.number))
            )
            leg = next(iter(meant or legs), None)
            if leg is None:
                page = next(pages_for(number, self.carriers), None)
            else:
                declaration = self.carriers[leg.carrier]
                address = declaration.page.format(number=quote(leg.number))
                page = CarrierPage(declaration.name, address)
        hint, hint_by = self._hint(legs)
        return ParcelView(
            number=row.number,
            name="",
            carrier=page.name if page else "",
            carrier_page=page.address if page else "",
            milestone=row.milestone,
            milestone_at=row.milestone_at,
            events=(),
            local_number=row.local_number,
            public_number=known.public_number,
            reason=row.reason,
            checked_at=row.last_answer_at,
            # Legs of carriers that were switched off are planned no more.
            asked=any(leg.next_poll_at or row.ended_at for leg in legs),
            next_check_at=min((x.next_poll_at for x in legs if x.next_poll_at), default=None),
            hint=hint,
            hint_by=hint_by,
            wants_postcode="" if answered else self._wants_postcode(legs),
        )

    def _hint(self, legs: Sequence[Leg]) -> tuple[str, str]:
        """Return why a number is unknown to all, and who said so; "" where somebody knows it.

        What keeps a leg from being asked at all (a failure) is the operator's affair.
        """
        if any(leg.state not in ("", *UNKNOWN_STATES) for leg in legs):
            return "", ""
        told = (leg for leg in legs if leg.state == PollState.NOT_FOUND and not leg.failures)
        told = (leg for leg in told if leg.last_error and leg.carrier in self.carriers)
        leg = next(told, None)
        return (leg.last_error, self.carriers[leg.carrier].name) if leg else ("", "")

    def _wants_postcode(self, legs: Sequence[Leg]) -> str:
        """Return the carrier that might know one of its numbers with another postcode."""
        waits = (leg.carrier for leg in legs if leg.state in _WITHOUT_POSTCODE)
        unknown = (self.carriers[code] for code in waits if code in self.on)
        return next((declared.name for declared in unknown if declared.postcode), "")


def _days_named(
    mine: Subscription | None, by_carrier: date | None, carrier: str
) -> tuple[ExpectedDay, ...]:
    """Return the days that others name for a delivery: carriers know better than a mail.

    The hours that a mail tells hold for its own day, whoever names that.
    """
    carrier = carrier or SOME_CARRIER
    by_mail, slot = (mine.expected_on, mine.expected_slot) if mine is not None else (None, "")
    days = []
    if by_carrier is not None:
        days.append(ExpectedDay(by_carrier, carrier, slot if by_carrier == by_mail else ""))
    if mine is not None and by_mail is not None:
        days.append(ExpectedDay(by_mail, name_of(mine.expected_by or "") or carrier, slot))
    return tuple(days)


def _named(events: Iterable[TrackingEvent]) -> tuple[TrackingEvent, ...]:
    """Return events with the names of those who wrote the mails, in place of their codes."""
    return tuple(replace(e, told_by=name_of(e.told_by)) if e.told_by else e for e in events)


def _ended_channel(connection: Connection, notice: Notice) -> EndedChannel | None:
    """Return the channel that a notice says has ended, without its name where it was removed."""
    if notice.kind != NoticeKind.CHANNEL_ENDED:
        return None
    found = channels.by_key(connection, RowKey(notice.occurrence))
    if found is None:
        return EndedChannel(SOME_CHANNEL, EndReason.FAILING, was_instead=False)
    return EndedChannel(
        found.masked, found.ended_why, was_instead=found.mode is ChannelMode.INSTEAD
    )
