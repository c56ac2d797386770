"""What is said on a channel: a title, one sentence, one link; and what may come of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mailtrack.errors import PermanentError
from mailtrack.notify.view import NoticeView


class ChannelGoneError(PermanentError):
    """Raised when a channel says that there is nobody any more (410): it is ended at once."""


@dataclass(frozen=True, slots=True)
class ChannelMessage:
    """One message; `id` is the same whenever it is sent, so that a double is known by it.

    `about` is what its notice tells, None for the message that asks for the click.
    """

    id: str
    at: datetime
    title: str
    text: str
    url: str
    about: NoticeView | None = None


class ChannelSender(Protocol):
    """Brings messages to one kind of channel."""

    def send(self, address: str, secret: str, message: ChannelMessage) -> None:
        """Bring one message; raises ChannelGoneError, or another MailtrackError to try later.

        What it raises names no address: it is kept, logged and shown.
        """
        ...
