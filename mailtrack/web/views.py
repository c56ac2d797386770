"""What each page is made of, and how a page is drawn.

The templates in `templates/web/` see one of these as `page`, and nothing else.
Forms are plain HTML: the field `do` names an `Action`, `subscription` (on the
preferences) the parcel; a page needs no script and fetches nothing.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, Protocol
from urllib.parse import urlencode

from jinja2 import Environment

from mailtrack.domain.milestones import ENDED, STAGES, Milestone, Phase
from mailtrack.domain.model import HeldMail
from mailtrack.domain.notice_preferences import NoticePreferences
from mailtrack.domain.tracking import told_by_carriers
from mailtrack.notify import progress
from mailtrack.notify.context import latest_event
from mailtrack.notify.customs_words import CustomsWords, customs_words
from mailtrack.notify.deadline_words import DeadlineLine, deadline_lines
from mailtrack.notify.expectation import Expectation
from mailtrack.notify.french import headline, local_day, task
from mailtrack.notify.maps import MapLinks, map_links
from mailtrack.notify.shops import ShopWords, words_for
from mailtrack.notify.tidy import tidy
from mailtrack.notify.view import OrderView, ParcelView
from mailtrack.store.following import NOT_ENDED, Selection
from mailtrack.web.preferences import GROUPS, ChoiceGroup
from mailtrack.web.proof_document import ProofDocument

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


class Action(StrEnum):
    """What a button asks for; the value of the form field `do`."""

    STOP = "stop"
    RESUME = "resume"
    STOP_ALL = "stop_all"
    RESUME_ALL = "resume_all"
    #: Which mails to get: a box for each.
    CHOOSE = "choose"
    #: Where their parcels go; an empty field takes it back.
    POSTCODE = "postcode"
    #: What to call a parcel; an empty field takes it back.
    RENAME = "rename"
    #: They have it: its following ends, for them alone.
    RECEIVED = "received"
    #: Whose number it is; an empty choice takes it back.
    CARRIER = "carrier"
    #: A number that they type.
    ADD = "add"
    #: When they ordered, where no mail told it; an empty field takes it back.
    ORDER_DAY = "order_day"
    #: Have a calendar; give it another link, so that the one before leads nowhere; or have none.
    CALENDAR = "calendar"
    RENEW_CALENDAR = "renew_calendar"
    DROP_CALENDAR = "drop_calendar"
    CONFIRM = "confirm"
    #: A number is the reader's parcel's.
    FOLLOW = "follow"
    #: No mail that the page showed is theirs.
    DISOWN = "disown"
    #: All that is known of a parcel, dated, to be shown to its seller.
    PROVE = "prove"
    EXPORT = "export"
    #: Asks for the page that asks again.
    ERASE = "erase"
    ERASE_FOR_GOOD = "erase_for_good"


@dataclass(frozen=True, slots=True)
class Saved:
    """What to say in French after a button was pressed, "" for nothing; `wrong`: it was refused.

    `choosing`: the choice of mails stays unfolded.
    """

    words: str = ""
    wrong: bool = False
    choosing: bool = False


NOTHING_SAVED = Saved()


@dataclass(frozen=True, slots=True)
class CarrierChoice:
    """A carrier that a number may belong to; `chosen`: its reader, or a mail of theirs, says so."""

    code: str
    name: str
    chosen: bool = False


class StopState(StrEnum):
    """Where the unsubscribe page stands."""

    CONFIRM = "confirm"
    DONE = "done"
    ALREADY_DONE = "already_done"
    RESUMED = "resumed"


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


class Page(Protocol):
    """Anything that has a template in `templates/web/`."""

    @property
    def template(self) -> str: ...


@dataclass(frozen=True, slots=True)
class StopPage:
    """GET and POST /d/<token>. `action` is the page's own address; `parcel` is None for all.

    `count` is how many parcels "all" would stop. A header of each mail leads here, and mail
    programs hand it on: nothing else of the person is within reach.
    """

    template: ClassVar[str] = "web/unsubscribe.html"

    state: StopState
    action: str
    parcel: ParcelLine | None = None
    count: int = 0


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
    reader may choose, none where there is no choice.
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


@dataclass(frozen=True, slots=True)
class ProofWay:
    """A link beside a proof: to it in the other language (`lang`), or as a file ("")."""

    path: str
    words: str
    lang: str = ""


@dataclass(frozen=True, slots=True)
class ProofPage:
    """GET /l/<token>: a proof as anybody sees it who has its address; it leads nowhere else."""

    template: ClassVar[str] = "web/proof.html"

    proof: ProofDocument
    ways: tuple[ProofWay, ...] = ()


@dataclass(frozen=True, slots=True)
class PreferencesPage:
    """GET and POST /p/<token>: everything that one person follows.

    `parcels` are those of one page of many; `newer` and `older` lead to the pages beside
    it, "" where there are none. `active` counts what they hear of, on all pages, `under_way` what
    of that is not over; `left`: they stopped everything; `refused`: their address refuses our
    mails. `saved`: what a button has just done. `data` is the page of their own data.
    `preferences`: which mails they chose. `postcode`: what they told, "" for nothing;
    `wants_postcode`: a carrier that is on asks for it.

    `selection`: which parcels the list has; `list_address` is that of the page without a query,
    `found` how many they are, and `searchable` whether there are so many that one looks for them.
    `ended` leads to what is over (`ended_count`), `kept_days` after which that is erased, 0 for
    never.
    `calendar` is the address of their calendar, "" while they have none.
    """

    template: ClassVar[str] = "web/preferences.html"

    action: str
    forward_to: str
    parcels: tuple[ParcelLine, ...] = ()
    active: int = 0
    left: bool = False
    refused: bool = False
    newer: str = ""
    older: str = ""
    saved: Saved = NOTHING_SAVED
    data: str = ""
    preferences: NoticePreferences = field(default_factory=NoticePreferences)
    postcode: str = ""
    wants_postcode: bool = False
    under_way: int = 0
    selection: Selection = NOT_ENDED
    list_address: str = ""
    found: int = 0
    searchable: bool = False
    ended: str = ""
    ended_count: int = 0
    kept_days: int = 0
    calendar: str = ""

    @property
    def calendar_subscription(self) -> str:
        """Return the address that a calendar program opens by itself to subscribe."""
        return f"webcal:{self.calendar.partition(':')[2]}"

    @property
    def choices(self) -> tuple[ChoiceGroup, ...]:
        """Return what there is to choose from."""
        return GROUPS


@dataclass(frozen=True, slots=True)
class HomePage:
    """GET /: what this is, and where to forward to."""

    template: ClassVar[str] = "web/home.html"

    forward_to: str


@dataclass(frozen=True, slots=True)
class CarrierLine:
    """A carrier that a number may belong to, and its own tracking page for that number."""

    name: str
    page: str


@dataclass(frozen=True, slots=True)
class LookupPage(Journey):
    """GET /suivi?number=…: where is this parcel, or whose number is it?

    `number` is "" before anybody asked; `carriers` are those that it may belong to.
    """

    template: ClassVar[str] = "web/lookup.html"

    number: str = ""
    carriers: tuple[CarrierLine, ...] = ()


@dataclass(frozen=True, slots=True)
class BusyPage:
    """429: somebody asks for more than people do; `wait_s` is how long to wait (seconds).

    `file`: they ask for files, or else look numbers up.
    """

    template: ClassVar[str] = "web/busy.html"

    forward_to: str
    wait_s: int
    file: bool = False


class ConfirmState(StrEnum):
    """Where the page that confirms an address stands."""

    CONFIRM = "confirm"
    DONE = "done"
    ALREADY = "already"
    #: None of what waited was theirs.
    DISOWNED = "disowned"


@dataclass(frozen=True, slots=True)
class ConfirmPage:
    """GET and POST /a/<token>: the person says that the address is theirs.

    `action` is the page's own address, `preferences` the person's own page. `mails`: what is
    held in their name; the form names those that it showed (`listed`, by their numbers, with
    commas between), and for each whose box is ticked a field `mail-<number>`. `read`: mails
    that are read upon that click.
    """

    template: ClassVar[str] = "web/confirm.html"

    state: ConfirmState
    action: str
    preferences: str
    forward_to: str
    personal_address: str = ""
    mails: tuple[HeldMail, ...] = ()
    read: int = 0


class FollowState(StrEnum):
    """Where the page stands that asks whether a number is the reader's parcel's."""

    ASK = "ask"
    DONE = "done"
    ALREADY = "already"
    #: More new parcels than one day takes; the link is good for tomorrow.
    TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True)
class FollowPage:
    """GET and POST /f/<token>: is this number your parcel's?

    `action` is the page's own address; `carrier` a name, "" where unknown; `why` it is asked:
    "uncertain", or "check_digit" where it was miscopied. `timeline` is the parcel's page, ""
    while nobody follows it, `preferences` the person's own page.
    """

    template: ClassVar[str] = "web/follow.html"

    state: FollowState
    action: str
    forward_to: str
    number: str
    carrier: str = ""
    why: str = ""
    timeline: str = ""
    preferences: str = ""


@dataclass(frozen=True, slots=True)
class HelpPage:
    """GET /aide: how to forward, by hand and automatically; what comes; what can be said.

    `today` decides what customs ask for; `personal_address` is "" where the page is asked for
    without a person's own link.
    """

    template: ClassVar[str] = "web/help.html"

    forward_to: str
    today: date
    personal_address: str = ""

    @property
    def customs(self) -> CustomsWords:
        """Return what customs cost."""
        return customs_words(self.today)

    @property
    def shop(self) -> ShopWords:
        """Return the shop that most of its readers buy from."""
        return words_for("aliexpress")


class DataState(StrEnum):
    """Where the page of a person's own data stands."""

    SHOW = "show"
    CONFIRM = "confirm"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class DataPage:
    """GET and POST /m/<token>: what is kept about one person, to take along or to erase.

    `action` is the page's own address. The numbers count rows: parcels and orders that
    the person follows or followed, mails that came from them, mails that went to them.
    ERASED needs none of them, and its links lead nowhere any more.
    """

    template: ClassVar[str] = "web/data.html"

    state: DataState
    action: str
    forward_to: str
    preferences: str = ""
    mailbox: str = ""
    personal_address: str = ""
    since: datetime | None = None
    parcels: int = 0
    orders: int = 0
    received: int = 0
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who runs this service, from the settings; "" where they say nothing.

    `contact` is a mail address; `host` names who hosts the servers, with address and
    telephone (LCEN, article 6).
    """

    name: str = ""
    postal_address: str = ""
    contact: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class LegalPage:
    """GET /mentions-legales."""

    template: ClassVar[str] = "web/legal.html"

    publisher: Publisher


@dataclass(frozen=True, slots=True)
class PrivacyPage:
    """GET /confidentialite: what is kept, why, how long, and how to have it erased.

    Days after which a forwarded mail and an ended parcel are forgotten, 0 where never.
    """

    template: ClassVar[str] = "web/privacy.html"

    publisher: Publisher
    forward_to: str
    mails_kept_days: int = 0
    parcels_kept_days: int = 0


@dataclass(frozen=True, slots=True)
class BadLinkPage:
    """404 (a link that is none of ours) and 410 (`gone`: its data was erased).

    `question`: what is gone is a number that somebody was asked about.
    """

    template: ClassVar[str] = "web/bad_link.html"

    forward_to: str
    gone: bool = False
    question: bool = False


@dataclass(frozen=True, slots=True)
class AwayPage:
    """503 (the store is away) and 500 (what nobody expected): come back in a few minutes."""

    template: ClassVar[str] = "web/away.html"

    forward_to: str


def draw(environment: Environment, page: Page, nonce: str) -> str:
    """Return the HTML of a page; `nonce` is the one of its Content-Security-Policy."""
    return environment.get_template(page.template).render(page=tidy(page), nonce=nonce)
