"""The calendar that programs fetch again and again: `/k/<token>.ics`."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType

from mailtrack.notify.calendar_file import write_calendar
from mailtrack.notify.links import Purpose
from mailtrack.runtime.services import Services
from mailtrack.store import calendars
from mailtrack.web.service import GoneError

MEDIA_TYPE = "text/calendar"
_HEADERS = MappingProxyType(
    {
        "Content-Disposition": 'inline; filename="mes-colis.ics"',
        # Kept by the program alone, which asks each time whether it still holds.
        "Cache-Control": "private, no-cache",
    }
)


@dataclass(frozen=True, slots=True)
class CalendarFile:
    """A calendar, and the tag that changes with any of its bytes (RFC 9110, 8.8.3)."""

    content: bytes
    tag: str

    @property
    def headers(self) -> Mapping[str, str]:
        return {**_HEADERS, "ETag": self.tag}

    def is_known(self, if_none_match: str) -> bool:
        """Return True if who asks has it already, by the tags that they name (13.1.2)."""
        named = (one.strip().removeprefix("W/") for one in if_none_match.split(","))
        return any(one in ("*", self.tag) for one in named)


@dataclass(frozen=True, slots=True)
class CalendarFeed:
    """Shows calendars as they are kept; asking for one changes nothing."""

    services: Services

    def show(self, token: str) -> CalendarFile:
        """Return the calendar of a link; raises BadLink, or GoneError where it was renewed."""
        _, key = self.services.links.read(token, Purpose.CALENDAR)
        with self.services.store.read() as connection:
            owner = calendars.owner_of(connection, key)
            if owner is None:
                raise GoneError("This calendar was given another link, or erased.")
            kept = calendars.heard_of(connection, owner)
        content = write_calendar((one.uid, one.event) for one in kept)
        return CalendarFile(content, f'"{sha256(content).hexdigest()[:32]}"')
