"""What a person is asked: whether an address is theirs, whether a number is."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from mailtrack.domain.model import HeldMail


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
