"""How work is done: carriers, jobs, notices, what is kept, the clock."""

import os
from enum import StrEnum

from pydantic import (
    AwareDatetime,
    Field,
    SecretStr,
)

from mailtrack.settings.section import Section
from mailtrack.settings.types import (
    Count,
    CountOrNone,
    Days,
    Hour,
    Seconds,
    Url,
    Workers,
)


class LogLevel(StrEnum):
    """What is worth a line in the log, and everything graver."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class CarrierSettings(Section):
    """One carrier's address and credentials."""

    #: Whether it is asked at all; unset leaves it to the carrier, most of which are on.
    enabled: bool | None = None
    #: Use the carrier's undocumented service without credentials, where it has one.
    keyless: bool = False
    url: Url = ""
    key: SecretStr = SecretStr("")
    client_id: SecretStr = SecretStr("")
    client_secret: SecretStr = SecretStr("")
    #: Requests a day, where the contract grants other than the published budget.
    per_day: Count | None = None
    #: By which what the carrier sends of itself is proven, where that is not its key.
    webhook_secret: SecretStr = SecretStr("")
    #: The destination's, where all parcels go to one place: some carriers ask for it.
    postcode: str = Field(default="", pattern=r"^([A-Z0-9 -]*[0-9][A-Z0-9 -]*)?$", max_length=10)


def _cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class JobSettings(Section):
    """How work is handed out."""

    threads: Workers = 8
    #: Processes of a worker that read mails.
    readers: Workers = Field(default_factory=_cores)
    #: Real seconds between two ticks of the dispatcher.
    tick_s: Seconds = 1.0
    #: Real seconds after which work that nobody finished is handed out again.
    lease_s: Seconds = 90.0
    #: Real seconds without a heartbeat after which a worker counts as dead.
    heartbeat_s: Seconds = 60.0
    #: Real seconds without a sign of life after which another watcher or dispatcher takes over.
    takeover_s: Seconds = 30.0


class NoticeSettings(Section):
    """When mails may go out; hours of a clock in France, equal ones for no quiet at all."""

    quiet_from: Hour = 22
    quiet_until: Hour = 7
    #: Mails to one address in a day; the rest goes into one mail on the next morning.
    per_day: Count = 6
    #: Invitations of everybody together in a day; 0 offers none.
    invitations_per_day: CountOrNone = 500


class KeepSettings(Section):
    """How long personal data is kept (days)."""

    raw_mail_days: Days = 30
    parcel_days: Days = 90


class ClockSettings(Section):
    """Sped-up time for the demo: `speed` times as fast since `epoch`."""

    speed: float = Field(default=1.0, gt=0, le=1_000_000, allow_inf_nan=False)
    epoch: AwareDatetime | None = None
