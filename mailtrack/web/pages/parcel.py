"""One parcel: as a line of a list, as a way with its steps, and as its subscriber's page."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar
from urllib.parse import urlencode

from mailtrack.domain.milestones import ENDED, STAGES, Milestone, Phase
from mailtrack.domain.tracking import told_by_carriers
from mailtrack.notify import progress
from mailtrack.notify.context import latest_event
from mailtrack.notify.customs_words import CustomsWords, customs_words
from mailtrack.notify.deadline_words import DeadlineLine, deadline_lines
from mailtrack.notify.expectation import Expectation
from mailtrack.notify.french import headline, local_day, task
from mailtrack.notify.maps import MapLinks, map_links
from mailtrack.notify.shops import ShopWords, words_for
from mailtrack.notify.view import OrderView, ParcelView
from mailtrack.web.pages.buttons import NOTHING_SAVED, Saved
from mailtrack.web.pages.invitations import InvitationLists

#: Lines of a chronology that a page shows.
MOST_EVENTS = 200


#: The colour of a page by where the parcel stands, or how the order ended; others are calm.
_TONES = {
    Milestone.DELIVERED: "good",
    Milestone.REFUNDED: "good",
    Milestone.CANCELLED: "alert",
    Milestone.ORDER_UNFULFILLABLE: "alert",
}


#: Where people ask themselves what customs cost.
_AT_CUSTOMS = (Milestone.ARRIVED_IN_COUNTRY, Milestone.CUSTOMS_STARTED, Milestone.CUSTOMS_HELD)


@dataclass(frozen=True, slots=True)
class CarrierChoice:
    """A carrier that a number may belong to; `chosen`: its reader, or a mail of theirs, says so."""

    code: str
    name: str
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class ParcelLine:
    """One parcel (or an order that has no parcel) in a list of a person's own.

    `subscription` is its key; `number` the tracking number, or the order's where `is_order`;
    `shop` is the code of that order's; `timeline` the address of its page, "" where none is to
    be shown; `stopped`: the person hears no more of it, `received_at`: since they said that they
    have it. `name`: what they call it (`own_name`), or the article's title.
    """

    subscription: str
    number: str
    name: str = ""
    milestone: Milestone | None = None
    milestone_at: datetime | None = None
    timeline: str = ""
    stopped: bool = False
    is_order: bool = False
    shop: str = ""
    expected: Expectation | None = None
    own_name: str = ""
    received_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Return True if nothing more is to come, or its reader said so."""
        return self.received_at is not None or self.milestone in ENDED

    @property
    def awaited(self) -> bool:
        """Return True if an order waits for its parcel's number: it is sent at most."""
        here = self.milestone
        early = here in (None, Milestone.SHIPPED) or STAGES[here].phase is Phase.ORDER
        return self.is_order and early and words_for(self.shop).names_parcels


@dataclass(frozen=True, slots=True)
class Journey:
    """A parcel's way, as a page draws it; `now` decides what still lies ahead."""

    forward_to: str
    now: datetime
    parcel: ParcelView | None = None

    @property
    def shop(self) -> ShopWords:
        """Return how to speak of who sold it."""
        return words_for(self.parcel.shop if self.parcel else "")

    @property
    def milestone(self) -> Milestone | None:
        """Return where it stands."""
        return self.parcel.milestone if self.parcel else None

    @property
    def headline(self) -> str:
        """Name where the parcel is, in the carrier's words where there is no milestone."""
        latest = latest_event(self.parcel) if self.parcel else None
        return headline(latest) if latest else ""

    @property
    def tone(self) -> str:
        """Return the colour of the page: "alert", "good" or "calm"."""
        if self.milestone in progress.TROUBLES:
            return "alert"
        return _TONES.get(self.milestone, "calm") if self.milestone else "calm"

    @property
    def today(self) -> date:
        """Return the day in Paris."""
        return local_day(self.now)

    @property
    def steps(self) -> tuple[progress.ProgressStep, ...]:
        """Return the five steps, or none where there is nothing to deliver."""
        return progress.steps(self.parcel) if self.parcel else ()

    @property
    def days(self) -> tuple[progress.Day, ...]:
        """Return the chronology, newest day first; no carrier scans a parcel so often."""
        return progress.days(self.parcel.events, MOST_EVENTS) if self.parcel else ()

    @property
    def place(self) -> str:
        """Return the newest place that an event names, while the parcel is under way."""
        if self.parcel and self.parcel.milestone in (Milestone.DELIVERED, Milestone.RETURNED):
            return ""
        events = self.parcel.events if self.parcel else ()
        return next((event.place for event in events if event.place), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelinePage(Journey):
    """GET and POST /c/<token>: one parcel, and what else its subscriber follows.

    `parcel` is None for an `order` that has none; `line` always names what is
    shown. `action` (the page's own address), `stop` and `preferences` are links; `others` are the
    newest of the rest, and `more` is how many there are besides. `dated_by_mail`: the order's day
    is known from a mail. `noted` says in French what became of a day that was typed, "" at first;
    `wrong`: it was refused. `saved`: what another button has done. `carriers`: among which its
    reader may choose, none where there is no choice. `invitations` is None where nobody can be
    invited; `invited`: they follow it by an invitation, of `inviter` ("" once that has ended).
    """

    template: ClassVar[str] = "web/timeline.html"

    line: ParcelLine
    action: str
    stop: str
    preferences: str
    order: OrderView | None = None
    dated_by_mail: bool = False
    noted: str = ""
    wrong: bool = False
    saved: Saved = NOTHING_SAVED
    carriers: tuple[CarrierChoice, ...] = ()
    others: tuple[ParcelLine, ...] = ()
    more: int = 0
    invitations: InvitationLists | None = None
    invited: bool = False
    inviter: str = ""

    @property
    def shop(self) -> ShopWords:
        """Return how to speak of who sold it."""
        seller = self.order or self.parcel
        return words_for(seller.shop if seller else "")

    @property
    def milestone(self) -> Milestone | None:
        """Return where the parcel or the order stands."""
        return self.line.milestone

    @property
    def days(self) -> tuple[progress.Day, ...]:
        """Return the chronology, newest day first, also of an order that has no parcel."""
        shown = self.order or self.parcel
        return progress.days(shown.events, MOST_EVENTS) if shown else ()

    @property
    def over(self) -> bool:
        """Return True if nothing more is to come."""
        return self.milestone in ENDED

    @property
    def shared(self) -> str:
        """Return the address where anybody sees the parcel, "" while there is nothing to see."""
        if self.parcel is None or not told_by_carriers(self.parcel.events):
            return ""
        return f"/suivi?{urlencode({'number': self.parcel.public_number or self.parcel.number})}"

    @property
    def task(self) -> str:
        """Return what the person does now, "" where the parcel waits for nobody."""
        return task(self.milestone, self.shop, is_order=self.order is not None)

    @property
    def deadlines(self) -> tuple[DeadlineLine, ...]:
        """Return until when its reader can act."""
        shown = self.order or self.parcel
        return deadline_lines(shown, self.today) if shown else ()

    @property
    def ordered_on(self) -> date | None:
        """Return the day of the order, as far as anybody told it."""
        shown = self.order or self.parcel
        return shown.ordered_on if shown else None

    @property
    def asks_order_day(self) -> bool:
        """Return True if its reader may say when they ordered: the protection depends on it."""
        has_order = self.order is not None or bool(self.parcel and self.parcel.orders)
        return has_order and self.shop.protects and not self.dated_by_mail and not self.over

    @property
    def pickup_map(self) -> MapLinks | None:
        """Return where its pick-up point is on a map."""
        return map_links(self.parcel.pickup_point) if self.parcel else None

    @property
    def customs(self) -> CustomsWords | None:
        """Return what customs cost on the day of the page, while it stands there."""
        return customs_words(self.today) if self.milestone in _AT_CUSTOMS else None
