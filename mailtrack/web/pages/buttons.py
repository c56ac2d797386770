"""What the buttons of the pages ask for, and what is said after one was pressed.

Forms are plain HTML: the field `do` names an `Action`, `subscription` (on the preferences) the
parcel.
"""

from dataclasses import dataclass
from enum import StrEnum


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
    #: Invite an address to hear of it as well; take an invitation back; hear of somebody's parcels
    #: no more by theirs.
    INVITE = "invite"
    TAKE_BACK = "take_back"
    LEAVE = "leave"
    #: The answers of who is invited; a refusal is for good, until they resume.
    ACCEPT = "accept"
    REFUSE = "refuse"
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
