"""What the pages do: reads what a token may see, stops and resumes, in one transaction."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from mailtrack.domain.model import RowKey, SubscriberId
from mailtrack.errors import PermanentError
from mailtrack.notify.french import local_day
from mailtrack.notify.links import Purpose
from mailtrack.runtime.services import Services
from mailtrack.store import (
    calendars,
    following,
    orders,
    parcels,
    people,
    subscription_details,
    subscriptions,
)
from mailtrack.store.following import ENDED_ALONE, Followed
from mailtrack.store.subscriptions import Subscription
from mailtrack.tracking.calendar_keeping import refresh
from mailtrack.web import own_parcel, preferences
from mailtrack.web.order_day import read_order_day
from mailtrack.web.own_invitations import OwnInvitations
from mailtrack.web.own_parcel import OwnParcel, carrier_choices
from mailtrack.web.pages.buttons import NOTHING_SAVED, Action, Saved
from mailtrack.web.pages.invitations import InvitationLists
from mailtrack.web.pages.parcel import ParcelLine, TimelinePage
from mailtrack.web.pages.preferences import PreferencesPage
from mailtrack.web.pages.stop import StopPage, StopState
from mailtrack.web.parcel_list import SEARCHED_FROM, ListAddress
from mailtrack.web.stopping import Stopping

#: Lines on one page of the preferences, and beside a timeline.
PER_PAGE = 50
OTHERS = 8
#: More than any postcode or day with blanks in it (characters).
_MOST_TYPED = 20
_STOPS = (Purpose.STOP_PARCEL, Purpose.STOP_ALL)
#: A French postcode, blanks left out.
_POSTCODE = re.compile(r"[0-9]{5}")
_DAY_NOTED = "C’est noté : nous comptons à partir de ce jour."
_DAY_FORGOTTEN = "C’est noté : nous avons effacé le jour de la commande."
#: What a button has done, in words; the others have their own.
_SAVED = {
    Action.STOP: "C’est noté : plus aucun mail sur ce colis.",
    Action.RESUME: "C’est noté : le suivi reprend.",
    Action.STOP_ALL: "C’est noté : plus aucun mail de notre part.",
    Action.RESUME_ALL: "C’est noté : vos suivis reprennent.",
    Action.CALENDAR: "C’est fait : voici l’adresse de votre agenda.",
    Action.RENEW_CALENDAR: "C’est fait : l’ancienne adresse ne mène plus à rien.",
    Action.DROP_CALENDAR: "C’est fait : votre agenda est effacé, son adresse ne mène plus à rien.",
}
#: What is about one parcel alone, on its page and in the list; see `own_parcel`.
_OF_ONE = (Action.RENAME, Action.RECEIVED, Action.CARRIER)
#: Whom to tell as well; see `own_invitations`.
_OF_INVITATIONS = (Action.INVITE, Action.TAKE_BACK, Action.LEAVE)
_ACTIONS = (*_SAVED, *_OF_ONE, *_OF_INVITATIONS, Action.CHOOSE, Action.POSTCODE)
_ON_TIMELINE = (*_OF_ONE, *_OF_INVITATIONS, Action.RESUME)
_USUAL = ListAddress()


class GoneError(PermanentError):
    """Raised when a link is ours but what it showed was erased."""


class PageService:
    """Answers for one token at a time; a token names a row, never an address.

    Each page reads its token first, which raises BadLink; whoever only looks changes nothing.
    A click acts in one transaction; one that comes twice finds the work of the first.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._links = services.links
        self.forward_to = services.settings.inbox.forward_to

    def ask_to_stop(self, token: str) -> StopPage:
        """Show what a link would stop; changes nothing, whoever looks (scanners do)."""
        purpose, key = self._links.read(token, *_STOPS)
        with self._services.store.read() as connection:
            stopped = (
                people.left_at(connection, subscriber_named(connection, key)) is not None
                if purpose is Purpose.STOP_ALL
                else subscription_named(connection, key).muted
            )
            state = StopState.ALREADY_DONE if stopped else StopState.CONFIRM
            return self._stop_page(connection, purpose, key, state)

    def stop(self, token: str) -> StopPage:
        """Stop one parcel or everything; a second click finds it done."""
        purpose, key = self._links.read(token, *_STOPS)

        def stop(connection: Connection) -> StopPage:
            stopping = Stopping(self._services, connection)
            if purpose is Purpose.STOP_ALL:
                done = stopping.stop_all(subscriber_named(connection, key))
            else:
                done = stopping.stop(subscription_named(connection, key))
            state = StopState.DONE if done else StopState.ALREADY_DONE
            return self._stop_page(connection, purpose, key, state)

        return self._services.store.transact(stop)

    def resume(self, token: str) -> StopPage:
        """Take a stop back."""
        purpose, key = self._links.read(token, *_STOPS)

        def resume(connection: Connection) -> StopPage:
            stopping = Stopping(self._services, connection)
            if purpose is Purpose.STOP_ALL:
                stopping.resume_all(subscriber_named(connection, key))
            else:
                stopping.resume(subscription_named(connection, key))
            return self._stop_page(connection, purpose, key, StopState.RESUMED)

        return self._services.store.transact(resume)

    def timeline(
        self, token: str, noted: str = "", *, wrong: bool = False, saved: Saved = NOTHING_SAVED
    ) -> TimelinePage:
        """Show one parcel, and what else the person follows; `noted`: what a form has done."""
        _, key = self._links.read(token, Purpose.TIMELINE)
        with self._services.store.read() as connection:
            mine = subscription_named(connection, key)
            links = self._links.for_reader(people.key_of(connection, mine.subscriber), key)
            newest = following.followed(connection, mine.subscriber, limit=OTHERS + 1)
            details = subscription_details.read(connection, [mine.id])[mine.id]
            others = [other for other in newest if other.subscription.id != mine.id][:OTHERS]
            now = self._services.clock.now()
            return TimelinePage(
                line=self._line(_followed(connection, mine)),
                action=self._links.link(Purpose.TIMELINE, key),
                stop=links.stop_parcel or links.stop_all,
                preferences=links.preferences,
                forward_to=self.forward_to,
                now=now,
                parcel=self._services.views.parcel_of(connection, details, now),
                order=self._services.views.order(details),
                others=self._lines(connection, others),
                more=following.tally(connection, mine.subscriber).total - len(others) - 1,
                dated_by_mail=details.mail_told_day,
                noted=noted,
                wrong=wrong,
                saved=saved,
                carriers=carrier_choices(details, self._services),
                invitations=self._invitations(connection, mine.subscriber, mine)
                if details.parcel
                else None,
                invited=details.shared is not None,
                inviter=details.shared.inviter if details.shared else "",
            )

    def change_one(self, token: str, form: Mapping[str, str]) -> TimelinePage:
        """Do what a button of the parcel's page asks for; one that is none of ours changes nothing.

        Raises BadLink, or GoneError where the row was erased.
        """
        _, key = self._links.read(token, Purpose.TIMELINE)
        action = next((a for a in _ON_TIMELINE if a == form.get("do")), None)
        if action is None:
            return self.tell_order_day(token, form)

        def act(connection: Connection) -> Saved:
            people.lock(connection, subscription_named(connection, key).subscriber)
            return self._change_own(connection, subscription_named(connection, key), action, form)

        return self.timeline(token, saved=self._services.store.transact(act))

    def tell_order_day(self, token: str, form: Mapping[str, str]) -> TimelinePage:
        """Note when somebody ordered, or forget it; a form that is none of ours changes nothing.

        Raises BadLink, or GoneError where the row was erased.
        """
        _, key = self._links.read(token, Purpose.TIMELINE)
        if form.get("do") != Action.ORDER_DAY:
            return self.timeline(token)
        typed = form.get("ordered_on", "")[:_MOST_TYPED].strip()
        today = local_day(self._services.clock.now())
        try:
            day = read_order_day(typed, today) if typed else None
        except ValueError as error:
            return self.timeline(token, str(error), wrong=True)

        def note(connection: Connection) -> None:
            mine = subscription_named(connection, key)
            people.lock(connection, mine.subscriber)
            numbers = subscription_details.read(connection, [mine.id])[mine.id].orders
            orders.tell_day(connection, mine.subscriber, numbers, day)

        self._services.store.transact(note)
        return self.timeline(token, _DAY_NOTED if day else _DAY_FORGOTTEN)

    def preferences(
        self, token: str, asked: ListAddress = _USUAL, saved: Saved = NOTHING_SAVED
    ) -> PreferencesPage:
        """Show one page of what one person follows, and which mails they want."""
        services = self._services
        _, key = self._links.read(token, Purpose.PREFERENCES)
        with services.store.read() as connection:
            owner = subscriber_named(connection, key)
            tally = following.tally(connection, owner)
            shown = tally.ended if asked.selection.ended else tally.total - tally.ended
            searched = asked.selection.search
            found = following.count(connection, owner, asked.selection) if searched else shown
            pages = max(1, -(-found // PER_PAGE))
            at = min(asked.page, pages)
            mine = following.followed(
                connection,
                owner,
                limit=PER_PAGE,
                offset=(at - 1) * PER_PAGE,
                selection=asked.selection,
            )
            links = self._links.for_reader(key)
            return PreferencesPage(
                action=asked.on_page(at).behind(links.preferences),
                forward_to=self.forward_to,
                parcels=self._lines(connection, mine),
                active=tally.active,
                left=people.left_at(connection, owner) is not None,
                refused=people.refuses_mail(connection, owner),
                newer=asked.on_page(at - 1).behind(links.preferences) if at > 1 else "",
                older=asked.on_page(at + 1).behind(links.preferences) if at < pages else "",
                saved=saved,
                data=links.data,
                preferences=people.preferences_of(connection, owner),
                postcode=people.postcode_of(connection, owner) or "",
                wants_postcode=any(services.declarations[code].postcode for code in services.on),
                under_way=tally.under_way,
                selection=asked.selection,
                list_address=links.preferences,
                found=found,
                searchable=shown >= SEARCHED_FROM,
                ended=ListAddress(ENDED_ALONE).behind(links.preferences),
                ended_count=tally.ended,
                kept_days=services.settings.keep.parcel_days,
                calendar=self._calendar_link(connection, owner),
                invitations=self._invitations(connection, owner),
                channels=self._links.link(Purpose.CHANNELS, key) if services.channel_kinds else "",
            )

    def change(
        self, token: str, form: Mapping[str, str], asked: ListAddress = _USUAL
    ) -> PreferencesPage:
        """Do what a button of the preferences asks for, to rows of its own person only.

        1. Read whose page it is, and which button; one that is none of ours changes nothing.
        2. Lock the person, and do it in one transaction.
        3. Show the page again, with what was done.

        Raises BadLink, or GoneError where the row was erased or is somebody else's.
        """
        # 1.
        _, key = self._links.read(token, Purpose.PREFERENCES)
        action = next((a for a in _ACTIONS if a == form.get("do")), None)
        if action is None:
            return self.preferences(token, asked)

        # 2.
        def act(connection: Connection) -> Saved:
            owner = subscriber_named(connection, key)
            people.lock(connection, owner)
            match action:
                case Action.CHOOSE:
                    chosen = preferences.chosen(form)
                    people.choose(connection, owner, chosen)
                    return Saved(preferences.in_words(chosen), choosing=True)
                case Action.POSTCODE:
                    return self._tell_postcode(connection, owner, form.get("postcode", ""))
                case Action.CALENDAR | Action.RENEW_CALENDAR | Action.DROP_CALENDAR:
                    self._change_calendar(connection, owner, action)
                case Action.STOP_ALL:
                    Stopping(self._services, connection).stop_all(owner)
                case Action.RESUME_ALL:
                    Stopping(self._services, connection).resume_all(owner)
                case _:
                    return self._change_listed(connection, owner, action, form)
            return Saved(_SAVED[action])

        saved = self._services.store.transact(act)

        # 3.
        return self.preferences(token, asked, saved)

    def _change_listed(
        self, connection: Connection, owner: SubscriberId, action: Action, form: Mapping[str, str]
    ) -> Saved:
        """Do what a form asks for about all parcels of its person, or one of the list."""
        if action in _OF_INVITATIONS:
            return OwnInvitations(self._services, connection, owner).change(action, form)
        return self._change_own(connection, _own(connection, owner, form), action, form)

    def _change_own(
        self, connection: Connection, mine: Subscription, action: Action, form: Mapping[str, str]
    ) -> Saved:
        """Do what a form asks for that is about one parcel alone; its person is locked."""
        if action in _OF_INVITATIONS:
            invitations = OwnInvitations(self._services, connection, mine.subscriber, mine.id)
            return invitations.change(action, form)
        if action in _OF_ONE:
            return own_parcel.change(OwnParcel(self._services, connection, mine), action, form)
        stopping = Stopping(self._services, connection)
        change = stopping.stop if action is Action.STOP else stopping.resume
        change(mine)
        return Saved(_SAVED[action])

    def _invitations(
        self, connection: Connection, owner: SubscriberId, about: Subscription | None = None
    ) -> InvitationLists | None:
        mine = about.id if about else None
        return OwnInvitations(self._services, connection, owner, mine).show()

    def _tell_postcode(self, connection: Connection, owner: SubscriberId, typed: str) -> Saved:
        """Note a person's postcode, or forget it; return what was done in words.

        Carriers that wait for one are asked at once.
        """
        postcode = "".join(typed[:_MOST_TYPED].split())
        if not postcode:
            people.tell_postcode(connection, owner, None)
            return Saved("C’est noté : nous avons effacé votre code postal.")
        if not _POSTCODE.fullmatch(postcode):
            return Saved("Un code postal français a cinq chiffres : rien n’est changé.", wrong=True)
        people.tell_postcode(connection, owner, postcode)
        parcels.ask_with_postcode(connection, owner, self._services.clock.now())
        return Saved("C’est noté : nous interrogeons les transporteurs avec votre code postal.")

    def _change_calendar(self, connection: Connection, owner: SubscriberId, action: Action) -> None:
        """Do what a button asks of somebody's calendar; a new one says all that is known."""
        if action is Action.RENEW_CALENDAR:
            calendars.renew(connection, owner)
        elif action is Action.DROP_CALENDAR:
            calendars.remove(connection, owner)
        else:
            now = self._services.clock.now()
            calendars.make(connection, owner, now)
            refresh(connection, owner, self._services.views, now)

    def _calendar_link(self, connection: Connection, owner: SubscriberId) -> str:
        key = calendars.key_of(connection, owner)
        return "" if key is None else self._links.link(Purpose.CALENDAR, key)

    def _stop_page(
        self, connection: Connection, purpose: Purpose, key: RowKey, state: StopState
    ) -> StopPage:
        """Return a page that leads nowhere else: its address stands in a header of each mail."""
        if purpose is Purpose.STOP_ALL:
            owner, line = subscriber_named(connection, key), None
        else:
            mine = subscription_named(connection, key)
            owner, line = mine.subscriber, self._line(_followed(connection, mine))
        return StopPage(
            state=state,
            action=self._links.link(purpose, key),
            parcel=line and replace(line, timeline=""),
            count=following.tally(connection, owner).active,
        )

    def _lines(self, connection: Connection, some: Sequence[Followed]) -> tuple[ParcelLine, ...]:
        """Return the rows of a list, with the days on which parcels are expected."""
        expected = self._services.views.expected(connection, some, self._services.clock.now())
        return tuple(
            replace(self._line(one), expected=expected.get(one.subscription.id)) for one in some
        )

    def _line(self, followed: Followed) -> ParcelLine:
        """Return one row of a list: a parcel, or an order that has none."""
        mine = followed.subscription
        return ParcelLine(
            subscription=mine.key,
            number=followed.number,
            name=mine.name,
            milestone=mine.milestone,
            milestone_at=mine.milestone_at,
            timeline=self._links.link(Purpose.TIMELINE, mine.key),
            stopped=mine.muted,
            is_order=mine.parcel is None,
            shop=followed.shop,
            own_name=mine.own_name,
            received_at=mine.received_at,
        )


def _own(connection: Connection, owner: SubscriberId, form: Mapping[str, str]) -> Subscription:
    """Return the subscription that a form names; raises GoneError where it is somebody else's."""
    mine = subscription_named(connection, RowKey(form.get("subscription", "")))
    if mine.subscriber != owner:
        raise GoneError("This subscription is somebody else's.")
    return mine


def _followed(connection: Connection, mine: Subscription) -> Followed:
    found = following.one_followed(connection, mine.id)
    if found is None:
        raise GoneError("This subscription was erased.")
    return found


def subscription_named(connection: Connection, key: RowKey) -> Subscription:
    """Return the subscription that a link names; raises GoneError."""
    found = subscriptions.by_key(connection, key)
    if found is None:
        raise GoneError("This subscription was erased.")
    return found


def subscriber_named(connection: Connection, key: RowKey) -> SubscriberId:
    """Return the subscriber whom a link names; raises GoneError."""
    found = people.by_key(connection, key)
    if found is None:
        raise GoneError("This subscriber was erased.")
    return found
