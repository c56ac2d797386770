"""Where anybody looks a number up."""

from dataclasses import dataclass
from typing import ClassVar

from mailtrack.web.pages.parcel import Journey


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

    `file`: they ask for files or add channels, or else look numbers up.
    """

    template: ClassVar[str] = "web/busy.html"

    forward_to: str
    wait_s: int
    file: bool = False
