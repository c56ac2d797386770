"""Channels: where news go besides mail, or in its place; which news, and when one is given up."""

from datetime import datetime, timedelta
from enum import StrEnum

from mailtrack.domain.milestones import Milestone


class ChannelKind(StrEnum):
    """How a channel is spoken to."""

    #: A signed HTTP request (Standard Webhooks).
    WEBHOOK = "webhook"
    #: By the library of that name: ntfy, Telegram, Home Assistant …
    APPRISE = "apprise"


class ChannelMode(StrEnum):
    """Whether the news of a channel go by mail, too."""

    BESIDE = "beside"
    INSTEAD = "instead"


class EndReason(StrEnum):
    """Why a channel is used no more."""

    #: It answered that there is nobody any more (410).
    GONE = "gone"
    #: It failed for as long as `GIVEN_UP_AFTER`.
    FAILING = "failing"
    #: The operator switched its kind off.
    SWITCHED_OFF = "switched_off"


#: News of a parcel or an order. What answers a mail, or is about the account, goes by mail alone.
CHANNEL_NEWS: frozenset[str] = frozenset(Milestone) | {
    "not_found",
    "stalled",
    "expired",
    "pickup_reminder",
    "protection_ending",
}

#: How many channels one person may have.
MOST_CHANNELS = 3
#: How long one waits for the click that proves it.
PROOF_KEPT = timedelta(days=7)
#: For how long one may fail before it is ended.
GIVEN_UP_AFTER = timedelta(days=3)
#: Waits after a first, second … failure in a row; the last one is repeated.
RETRY_WAITS = tuple(timedelta(minutes=m) for m in (1, 5, 15, 60, 240))
#: A message that failed so often is given up, while others go through; where it is alone, its
#: channel is ended before.
MOST_ATTEMPTS = 24
#: So often the message is tried that asks for the click: nobody there has asked for anything yet.
PROOF_ATTEMPTS = 3


def retry_wait(failures: int) -> timedelta:
    """Return how long a channel rests after so many failures in a row (1 is the first)."""
    return RETRY_WAITS[min(failures, len(RETRY_WAITS)) - 1]


def is_given_up(failing_since: datetime | None, now: datetime) -> bool:
    """Return True if a channel that has failed since a moment is to be ended."""
    return failing_since is not None and now - failing_since >= GIVEN_UP_AFTER
