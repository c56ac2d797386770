"""Between two ticks: what is announced is handed out at once, and a flood of it a few times."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event

from mailtrack.jobs.announcements import Announcements
from mailtrack.store.announcing import Due

#: Between two times that the same kind is handed out (seconds): what is announced meanwhile goes
#: together, as in a tick.
EVERY_S = 0.25


@dataclass(slots=True)
class AtOnce:
    """Waits for the next tick, and hands out what is announced meanwhile.

    `hand_out`: what to do of each kind. `seconds` counts them, and is never set.
    """

    announcements: Announcements
    hand_out: Mapping[Due, Callable[[], object]]
    seconds: Callable[[], float] = time.monotonic
    _heard: set[Due] = field(default_factory=set)
    _not_before: dict[Due, float] = field(default_factory=dict)

    def rest(self, stop: Event, seconds: float) -> None:
        """Wait for so long, or until told to stop; raises what handing out does."""
        ends_at = self.seconds() + seconds
        while not stop.is_set() and (now := self.seconds()) < ends_at:
            for due in [due for due in self._heard if self._not_before.get(due, now) <= now]:
                self._heard.discard(due)
                self._not_before[due] = now + EVERY_S
                self.hand_out[due]()
            wakes_at = min((self._not_before[due] for due in self._heard), default=ends_at)
            left = min(ends_at, wakes_at) - self.seconds()
            self._heard.update(self.announcements.wait(stop, max(0.0, left)))
