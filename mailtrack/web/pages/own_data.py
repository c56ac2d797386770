"""What is kept about one person."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar


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
