"""One clock for the whole program, so that tests and the demo can move time.

Domain time (when a parcel is due, what a mail is dated) comes from `Clock.now`.
Waits on other programs (socket timeouts, leases on claimed rows) are real
seconds: `Clock.later` turns them into domain time.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time; every instant is aware and UTC."""

    def now(self) -> datetime: ...

    def later(self, real_seconds: float) -> datetime:
        """Return the domain time that it will be in `real_seconds` real seconds."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The time of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def later(self, real_seconds: float) -> datetime:
        return self.now() + timedelta(seconds=real_seconds)


@dataclass(frozen=True, slots=True)
class FastClock:
    """Runs `speed` times as fast as the machine since `epoch`; the same in every process."""

    epoch: datetime
    speed: float

    def now(self) -> datetime:
        return self.epoch + (datetime.now(UTC) - self.epoch) * self.speed

    def later(self, real_seconds: float) -> datetime:
        return self.now() + timedelta(seconds=real_seconds * self.speed)


@dataclass(slots=True)
class FakeClock:
    """Stands still until a test moves it."""

    instant: datetime = field(default_factory=lambda: datetime(2026, 3, 2, 8, 0, tzinfo=UTC))

    def now(self) -> datetime:
        return self.instant

    def later(self, real_seconds: float) -> datetime:
        return self.instant + timedelta(seconds=real_seconds)

    def advance(self, **delta: float) -> datetime:
        """Move on by a `timedelta(**delta)` and return the new time."""
        self.instant += timedelta(**delta)
        return self.instant
