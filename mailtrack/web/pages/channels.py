"""What the pages about channels are made of: a person's own page, and that of the proof."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from mailtrack.domain.channels import GIVEN_UP_AFTER, MOST_CHANNELS, ChannelKind
from mailtrack.web.pages.buttons import NOTHING_SAVED, Saved


class ChannelAction(StrEnum):
    """What a button of these pages asks for; the value of the form field `do`."""

    ADD = "add_channel"
    REMOVE = "remove_channel"
    #: Whether its news come by mail, too.
    BESIDE = "channel_beside"
    INSTEAD = "channel_instead"
    #: News may come to where the question was read.
    PROVE = "prove_channel"


class ChannelState(StrEnum):
    """Where a channel stands."""

    #: Nothing goes there but the question, until somebody clicks in it.
    WAITING = "waiting"
    ON = "on"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ChannelLine:
    """One channel in the list of its person's; `masked` is what is shown of its address.

    `channel` is its key; `failing`: it did not take what was sent last; `why` it has ended, an
    `EndReason`.
    """

    channel: str
    masked: str
    state: ChannelState
    instead: bool
    failing: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class ChannelsPage:
    """GET and POST /o/<token>: where a person's news go besides mail, or in its place.

    `action` is the page's own address, `preferences` that of their parcels. `kinds`: what the
    operator offers, and `hosts` the names of the hosts that may be called, none where all may be.
    `secret`: what signs the requests of a webhook that was just added, "" where none was.
    """

    template: ClassVar[str] = "web/channels.html"

    action: str
    preferences: str
    lines: tuple[ChannelLine, ...]
    kinds: frozenset[ChannelKind]
    hosts: tuple[str, ...] = ()
    saved: Saved = NOTHING_SAVED
    secret: str = ""
    most: int = MOST_CHANNELS
    given_up_days: int = GIVEN_UP_AFTER.days

    @property
    def is_full(self) -> bool:
        """Return True if no other channel may be added."""
        return len(self.lines) >= self.most

    @property
    def takes_webhooks(self) -> bool:
        """Return True if webhooks may be added."""
        return ChannelKind.WEBHOOK in self.kinds

    @property
    def takes_apprise(self) -> bool:
        """Return True if what Apprise knows may be added."""
        return ChannelKind.APPRISE in self.kinds


class ChannelProofState(StrEnum):
    """Where the page stands that asks whether news may come to where its link was read."""

    ASK = "ask"
    DONE = "done"
    ALREADY = "already"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ChannelProofPage:
    """GET and POST /n/<token>: may news come here? It leads nowhere else, to nobody's parcels.

    `action` is the page's own address; `masked` is what is shown of where the link was sent.
    """

    template: ClassVar[str] = "web/channel_proof.html"

    state: ChannelProofState
    action: str
    masked: str
