"""What the pages do: reads what a token may see, stops and resumes, in one transaction."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from mailtrack.bootstrap import Services
from mailtrack.domain.model import SubscriberId, SubscriptionId
from mailtrack.errors import PermanentError
from mailtrack.jobs.looking import NOBODY_FOLLOWS
from mailtrack.notify.links import Purpose
from mailtrack.store import dossiers, following, parcels, people
from mailtrack.store.following import Followed
from mailtrack.store.people import Subscription
from mailtrack.web import wishes
from mailtrack.web.views import (
    Action,
    ParcelLine,
    PreferencesPage,
    StopPage,
    StopState,
    TimelinePage,
)

#: Lines on one page of the preferences, and beside a timeline.
PER_PAGE = 50
OTHERS = 8
#: A row's number as a form of ours holds it: what a database takes for one.
_NUMBER = re.compile(r"[0-9]{1,9}")
_STOPS = (Purpose.STOP_PARCEL, Purpose.STOP_ALL)
_SAVED = {
    Action.STOP: "C’est noté : plus aucun mail sur ce colis.",
    Action.RESUME: "C’est noté : le suivi reprend.",
    Action.STOP_ALL: "C’est noté : plus aucun mail de notre part.",
    Action.RESUME_ALL: "C’est noté : vos suivis reprennent.",
}


_ACTIONS = (*_SAVED, Action.CHOOSE)


@dataclass(frozen=True, slots=True)
class Saved:
    """What to say after a button was pressed, and whether the choices stay unfolded."""

    words: str = ""
    choosing: bool = False


_NOTHING = Saved()


class GoneError(PermanentError):
    """Raised when a link is ours but what it showed was erased."""


class Desk:
    """Answers for one token at a time; a token names a row, never an address."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._links = services.links
        self.forward_to = services.settings.inbox.forward_to

    def ask_to_stop(self, token: str) -> StopPage:
        """Show what a link would stop; changes nothing, whoever looks (scanners do)."""
        purpose, number = self._links.read(token, *_STOPS)
        with self._services.store.read() as connection:
            stopped = (
                people.is_unsubscribed(connection, SubscriberId(number))
                if purpose is Purpose.STOP_ALL
                else _subscription(connection, SubscriptionId(number)).muted
            )
            state = StopState.ALREADY_DONE if stopped else StopState.CONFIRM
            return self._stop_page(connection, purpose, number, state)

    def stop(self, token: str) -> StopPage:
        """Stop one parcel or everything; a second click finds it done."""

        purpose, number = self._links.read(token, *_STOPS)
        with self._services.store.write() as connection:
            if purpose is Purpose.STOP_ALL:
                owner = _subscriber(connection, SubscriberId(number))
                done = people.unsubscribe(connection, owner, self._services.clock.now())
            else:
                done = self._mute(connection, SubscriptionId(number))
            state = StopState.DONE if done else StopState.ALREADY_DONE
            return self._stop_page(connection, purpose, number, state)

    def resume(self, token: str) -> StopPage:
        """Take a stop back."""

        purpose, number = self._links.read(token, *_STOPS)
        with self._services.store.write() as connection:
            if purpose is Purpose.STOP_ALL:
                self._resume_all(connection, _subscriber(connection, SubscriberId(number)))
            else:
                self._unmute(connection, SubscriptionId(number))
            return self._stop_page(connection, purpose, number, StopState.RESUMED)

    def timeline(self, token: str) -> TimelinePage:
        """Show one parcel, and what else the person follows."""
        _, number = self._links.read(token, Purpose.TIMELINE)
        with self._services.store.read() as connection:
            mine = _subscription(connection, SubscriptionId(number))
            links = self._links.for_subscription(mine.subscriber, mine.id)
            newest = following.followed(connection, mine.subscriber, limit=OTHERS + 1)
            others = [other for other in newest if other.subscription.id != mine.id][:OTHERS]
            return TimelinePage(
                line=self._line(_followed(connection, mine.id)),
                stop=links.stop_parcel or links.stop_all,
                preferences=links.preferences,
                forward_to=self.forward_to,
                now=self._services.clock.now(),
                parcel=self._services.views.parcel(dossiers.read(connection, [mine.id])[mine.id]),
                others=tuple(self._line(other) for other in others),
                more=following.tally(connection, mine.subscriber).total - len(others) - 1,
            )

    def preferences(self, token: str, page: str = "", saved: Saved = _NOTHING) -> PreferencesPage:
        """Show one page of everything that one person follows, and which mails they want."""
        _, number = self._links.read(token, Purpose.PREFERENCES)
        at = int(page) if _NUMBER.fullmatch(page) and int(page) else 1
        with self._services.store.read() as connection:
            owner = _subscriber(connection, SubscriberId(number))
            tally = following.tally(connection, owner)
            pages = max(1, -(-tally.total // PER_PAGE))
            at = min(at, pages)
            mine = following.followed(connection, owner, limit=PER_PAGE, offset=(at - 1) * PER_PAGE)
            links = self._links.for_subscription(owner, None)
            return PreferencesPage(
                action=_page(links.preferences, at),
                forward_to=self.forward_to,
                parcels=tuple(self._line(followed) for followed in mine),
                active=tally.active,
                left=bool(people.is_unsubscribed(connection, owner)),
                refused=people.refuses_mail(connection, owner),
                newer=_page(links.preferences, at - 1) if at > 1 else "",
                older=_page(links.preferences, at + 1) if at < pages else "",
                saved=saved.words,
                data=links.data,
                wishes=people.wishes_of(connection, owner),
                choosing=saved.choosing,
            )

    def change(self, token: str, form: Mapping[str, str], page: str = "") -> PreferencesPage:
        """Do what a button of the preferences asks for, to rows of its own person only."""
        _, number = self._links.read(token, Purpose.PREFERENCES)
        action = next((a for a in _ACTIONS if a == form.get("do")), None)
        if action is None:
            return self.preferences(token, page)
        with self._services.store.write() as connection:
            owner = _subscriber(connection, SubscriberId(number))
            words = self._do(connection, owner, action, form)
        return self.preferences(token, page, Saved(words, choosing=action is Action.CHOOSE))

    def _do(
        self,
        connection: Connection,
        owner: SubscriberId,
        action: Action,
        form: Mapping[str, str],
    ) -> str:
        """Do what one button asks for; return what to say about it."""
        match action:
            case Action.CHOOSE:
                chosen = wishes.chosen(form)
                people.choose(connection, owner, chosen)
                return wishes.in_words(chosen)
            case Action.STOP_ALL:
                people.unsubscribe(connection, owner, self._services.clock.now())
            case Action.RESUME_ALL:
                self._resume_all(connection, owner)
            case _:
                self._change_one(connection, owner, action, form.get("subscription", ""))
        return _SAVED[action]

    def _change_one(
        self, connection: Connection, owner: SubscriberId, action: Action, number: str
    ) -> None:
        if not _NUMBER.fullmatch(number):
            raise GoneError("No subscription is named.")
        mine = _subscription(connection, SubscriptionId(int(number)))
        if mine.subscriber != owner:
            raise GoneError("This subscription is somebody else's.")
        if action is Action.STOP:
            self._mute(connection, mine.id)
        else:
            self._unmute(connection, mine.id)

    def _mute(self, connection: Connection, mine: SubscriptionId) -> bool:
        if _subscription(connection, mine).muted:
            return False
        return people.mute(connection, mine, self._services.clock.now())

    def _unmute(self, connection: Connection, mine: SubscriptionId) -> None:
        row = _subscription(connection, mine)
        people.mute(connection, mine, None)
        people.welcome_back(connection, row.subscriber)
        if row.parcel is not None:
            parcels.wake(connection, row.parcel, self._services.clock.now())
        self._hear(connection, row.subscriber)

    def _resume_all(self, connection: Connection, owner: SubscriberId) -> None:
        now = self._services.clock.now()
        for parcel_id in people.undo_unsubscribe(connection, owner):
            parcels.wake(connection, parcel_id, now)
        self._hear(connection, owner)

    def _hear(self, connection: Connection, owner: SubscriberId) -> None:
        """Send mails again to an address that had refused them: its owner reads them.

        Nobody was asked about their parcels in the meantime.
        """
        people.heard_from(connection, owner)
        for parcel_id in following.ended(connection, owner, NOBODY_FOLLOWS):
            parcels.wake(connection, parcel_id, self._services.clock.now())

    def _stop_page(
        self, connection: Connection, purpose: Purpose, number: int, state: StopState
    ) -> StopPage:
        if purpose is Purpose.STOP_ALL:
            owner, line = _subscriber(connection, SubscriberId(number)), None
        else:
            mine = _subscription(connection, SubscriptionId(number))
            owner, line = mine.subscriber, self._line(_followed(connection, mine.id))
        return StopPage(
            state=state,
            action=self._links.link(purpose, number),
            preferences=self._links.for_subscription(owner, None).preferences,
            parcel=line,
            count=following.tally(connection, owner).active,
        )

    def _line(self, followed: Followed) -> ParcelLine:
        """Return one row of a list: a parcel, or an order that has none."""
        mine = followed.subscription
        return ParcelLine(
            subscription=mine.id,
            number=followed.number,
            name=mine.items[0] if mine.items else "",
            milestone=followed.milestone,
            milestone_at=followed.milestone_at,
            timeline=self._links.link(Purpose.TIMELINE, mine.id),
            stopped=mine.muted,
            is_order=mine.parcel is None,
        )


def _page(preferences: str, number: int) -> str:
    return f"{preferences}?page={number}" if number > 1 else preferences


def _followed(connection: Connection, number: SubscriptionId) -> Followed:
    found = following.one_followed(connection, number)
    if found is None:
        raise GoneError("This subscription was erased.")
    return found


def _subscription(connection: Connection, number: SubscriptionId) -> Subscription:
    found = people.subscription_row(connection, number)
    if found is None:
        raise GoneError("This subscription was erased.")
    return found


def _subscriber(connection: Connection, number: SubscriberId) -> SubscriberId:
    if people.is_unsubscribed(connection, number) is None:
        raise GoneError("This subscriber was erased.")
    return number
