"""« Mes colis »: everything that one person follows, and which mails they get."""

from dataclasses import dataclass, field
from typing import ClassVar

from mailtrack.domain.notice_preferences import NoticePreferences
from mailtrack.store.following import NOT_ENDED, Selection
from mailtrack.web.pages.buttons import NOTHING_SAVED, Saved
from mailtrack.web.pages.invitations import InvitationLists
from mailtrack.web.pages.parcel import ParcelLine
from mailtrack.web.preferences import GROUPS, ChoiceGroup


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
    `calendar` is the address of their calendar, "" while they have none. `invitations` is None
    where nobody can be invited. `channels` leads to where their news go besides mail, "" where
    the operator offers nothing.
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
    invitations: InvitationLists | None = None
    channels: str = ""

    @property
    def calendar_subscription(self) -> str:
        """Return the address that a calendar program opens by itself to subscribe."""
        return f"webcal:{self.calendar.partition(':')[2]}"

    @property
    def choices(self) -> tuple[ChoiceGroup, ...]:
        """Return what there is to choose from."""
        return GROUPS
