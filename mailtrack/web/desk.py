"""What the pages do: reads what a token may see, stops and resumes, in one transaction."""

import re
from collections.abc import Mapping

from sqlalchemy import Connection

from mailtrack.bootstrap import Services
from mailtrack.carriers.pages import pages_for
from mailtrack.domain import numbers
from mailtrack.domain.model import SubscriberId, SubscriptionId
from mailtrack.errors import PermanentError
from mailtrack.notify.links import Purpose
from mailtrack.store import parcels, people
from mailtrack.store.people import Subscription
from mailtrack.views import orders_of
from mailtrack.web.views import (
    Action,
    CarrierLine,
    LookupPage,
    ParcelLine,
    PreferencesPage,
    StopPage,
    StopState,
    TimelinePage,
)

#: No carrier's numbers are longer.
_LONGEST_NUMBER = 40
#: A row's number as a form of ours holds it: what a database takes for one.
_NUMBER = re.compile(r"[0-9]{1,9}")
_STOPS = (Purpose.STOP_PARCEL, Purpose.STOP_ALL)
_SAVED = {
    Action.STOP: "C’est noté : plus aucun mail sur ce colis.",
    Action.RESUME: "C’est noté : le suivi reprend.",
    Action.STOP_ALL: "C’est noté : plus aucun mail de notre part.",
    Action.RESUME_ALL: "C’est noté : les suivis reprennent.",
}


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
            others = people.subscriptions_of(connection, mine.subscriber)
            return TimelinePage(
                line=self._line(connection, mine),
                stop=links.stop_parcel or links.stop_all,
                preferences=links.preferences,
                forward_to=self.forward_to,
                now=self._services.clock.now(),
                parcel=self._services.views.parcel(connection, mine),
                others=tuple(self._line(connection, o) for o in others if o.id != mine.id),
            )

    def look_up(self, number: str) -> LookupPage:
        """Tell whose number this is, from its form alone; who follows it is told to nobody."""
        wanted = numbers.normalise(number)[:_LONGEST_NUMBER]
        pages = pages_for(wanted, self._services.declarations)
        lines = dict.fromkeys(CarrierLine(page.name, page.address) for page in pages)
        return LookupPage(self.forward_to, wanted, tuple(lines))

    def preferences(self, token: str, saved: str = "") -> PreferencesPage:
        """Show everything that one person follows."""
        _, number = self._links.read(token, Purpose.PREFERENCES)
        with self._services.store.read() as connection:
            owner = _subscriber(connection, SubscriberId(number))
            links = self._links.for_subscription(owner, None)
            mine = people.subscriptions_of(connection, owner)
            lines = tuple(self._line(connection, s) for s in mine)
        return PreferencesPage(links.preferences, self.forward_to, lines, saved, links.data)

    def change(self, token: str, form: Mapping[str, str]) -> PreferencesPage:
        """Do what a button of the preferences asks for, to rows of its own person only."""
        _, number = self._links.read(token, Purpose.PREFERENCES)
        action = next((a for a in Action if a == form.get("do")), None)
        if action is None:
            return self.preferences(token)
        with self._services.store.write() as connection:
            owner = _subscriber(connection, SubscriberId(number))
            if action is Action.STOP_ALL:
                people.unsubscribe(connection, owner, self._services.clock.now())
            elif action is Action.RESUME_ALL:
                self._resume_all(connection, owner)
            else:
                self._change_one(connection, owner, action, form.get("subscription", ""))
        return self.preferences(token, _SAVED[action])

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

    def _resume_all(self, connection: Connection, owner: SubscriberId) -> None:
        now = self._services.clock.now()
        for parcel_id in people.undo_unsubscribe(connection, owner):
            parcels.wake(connection, parcel_id, now)

    def _stop_page(
        self, connection: Connection, purpose: Purpose, number: int, state: StopState
    ) -> StopPage:
        if purpose is Purpose.STOP_ALL:
            owner, line = _subscriber(connection, SubscriberId(number)), None
        else:
            mine = _subscription(connection, SubscriptionId(number))
            owner, line = mine.subscriber, self._line(connection, mine)
        following = people.subscriptions_of(connection, owner)
        return StopPage(
            state=state,
            action=self._links.link(purpose, number),
            preferences=self._links.for_subscription(owner, None).preferences,
            parcel=line,
            count=sum(not mine.muted for mine in following),
        )

    def _line(self, connection: Connection, mine: Subscription) -> ParcelLine:
        """Return one row of a list: a parcel, or an order that awaits its parcel."""
        links = self._links.for_subscription(mine.subscriber, mine.id)
        name = mine.items[0] if mine.items else ""
        if mine.parcel is None:
            number = next(iter(orders_of(connection, mine)), "")
            return ParcelLine(
                mine.id,
                number,
                name,
                timeline=links.timeline or "",
                stopped=mine.muted,
                awaited=True,
            )
        row = parcels.parcel_row(connection, mine.parcel)
        return ParcelLine(
            subscription=mine.id,
            number=row.number,
            name=name,
            milestone=row.milestone,
            milestone_at=row.milestone_at,
            timeline=links.timeline or "",
            stopped=mine.muted,
        )


def _subscription(connection: Connection, number: SubscriptionId) -> Subscription:
    found = people.subscription_row(connection, number)
    if found is None:
        raise GoneError("This subscription was erased.")
    return found


def _subscriber(connection: Connection, number: SubscriberId) -> SubscriberId:
    if people.is_unsubscribed(connection, number) is None:
        raise GoneError("This subscriber was erased.")
    return number
