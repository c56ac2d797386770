"""What the pages show of invitations: to who invites, and to who is invited."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from mailtrack.domain.invitations import InvitationState
from mailtrack.domain.model import RowKey


@dataclass(frozen=True, slots=True)
class InvitationLine:
    """One invitation in a list; `mailbox` is the address at its other end.

    `until`: how long it waits for its answer. `everything`: it is about all parcels.
    """

    key: RowKey
    mailbox: str
    state: InvitationState
    until: datetime
    everything: bool = False


@dataclass(frozen=True, slots=True)
class InvitationLists:
    """« Prévenir aussi … », on the page of a parcel or (`everything`) of all parcels.

    `invited`: whom the reader invited; `inviting`: whose parcels they agreed to hear of.
    """

    everything: bool
    invited: tuple[InvitationLine, ...] = ()
    inviting: tuple[InvitationLine, ...] = ()


class InvitedState(StrEnum):
    """Where the page of an invitation stands."""

    ASK = "ask"
    ACCEPTED = "accepted"
    ALREADY = "already"
    #: The page of the link that only ends invitations.
    ASK_TO_REFUSE = "ask_to_refuse"
    REFUSED = "refused"
    #: They take invitations again.
    RESUMED = "resumed"


@dataclass(frozen=True, slots=True)
class InvitedPage:
    """GET and POST /i/<token>: what an invited person agrees to, or refuses for good.

    `action` is the page's own address. `inviter` (an address), `everything` and `until` are those
    of the invitation, where the page is about one. Once accepted, `followed` counts the parcels
    that are followed by it, `timeline` is the page of the only one; `full`: the day takes no more
    new parcels of theirs, the rest follows.
    """

    template: ClassVar[str] = "web/invitation.html"

    state: InvitedState
    action: str
    forward_to: str
    inviter: str = ""
    everything: bool = False
    until: datetime | None = None
    followed: int = 0
    full: bool = False
    timeline: str = ""
    preferences: str = ""
