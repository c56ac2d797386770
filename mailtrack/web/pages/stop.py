"""The page behind the link that ends the mails."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from mailtrack.web.pages.parcel import ParcelLine


class StopState(StrEnum):
    """Where the unsubscribe page stands."""

    CONFIRM = "confirm"
    DONE = "done"
    ALREADY_DONE = "already_done"
    RESUMED = "resumed"


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
