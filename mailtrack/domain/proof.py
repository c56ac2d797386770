"""What a proof for a dispute holds: all that was known of a parcel at one moment.

It names nobody. It is kept as it was made, so that who is shown it later sees the same.
"""

from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise

from mailtrack.domain.milestones import ENDED, Milestone
from mailtrack.domain.model import Reason
from mailtrack.domain.tracking import PARIS

#: Scans that a proof holds; no carrier scans a parcel so often.
MOST_SCANS = 200


@dataclass(frozen=True, slots=True)
class ProvenScan:
    """One scan: `source` is the name of who told it, `by_mail` in a mail."""

    at: datetime
    milestone: Milestone
    source: str
    text: str = ""
    place: str = ""
    at_certain: bool = True
    reason: Reason | None = None
    by_mail: bool = False


@dataclass(frozen=True, slots=True)
class CarrierAnswers:
    """What one carrier answered about one number: how often, when last, and what (a state)."""

    carrier: str
    number: str
    answers: int
    last_at: datetime | None = None
    state: str = ""


@dataclass(frozen=True, slots=True)
class PromisedDelivery:
    """Between which days somebody, by name, promised the delivery; one day is both.

    `by` is "" where a mail does not tell who wrote it, and for us. `made_on` and `milestone` are
    of our own estimates: the day that we made one, and where the parcel was then.
    """

    by: str
    earliest: date
    latest: date
    milestone: Milestone | None = None
    made_on: date | None = None

    @property
    def is_ours(self) -> bool:
        """Return True if it is our own estimate: nobody else tells at which milestone."""
        return self.milestone is not None


@dataclass(frozen=True, slots=True)
class Quiet:
    """Days without news: between two scans, or since the last one (`until` is None)."""

    days: int
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """A parcel at one moment, `at`; `scans` oldest first.

    `left_out` counts scans that were older still. `orders` and `number` are as the shop and the
    carrier write them; `shop` and `carrier` are names, "" where unknown. `followed_since`: when
    somebody first asked us about the number.
    """

    at: datetime
    number: str
    followed_since: datetime
    orders: tuple[str, ...] = ()
    local_number: str = ""
    shop: str = ""
    carrier: str = ""
    milestone: Milestone | None = None
    milestone_at: datetime | None = None
    reason: Reason | None = None
    scans: tuple[ProvenScan, ...] = ()
    left_out: int = 0
    answers: tuple[CarrierAnswers, ...] = ()
    promises: tuple[PromisedDelivery, ...] = ()

    @property
    def pauses(self) -> tuple[int | None, ...]:
        """Return the days between each scan and the one before it; None for the first."""
        days = (days_between(before.at, scan.at) for before, scan in pairwise(self.scans))
        return (None, *days) if self.scans else ()

    @property
    def longest_quiet(self) -> Quiet | None:
        """Return the longest time without news, the present one included; None where none."""
        quiet = [
            Quiet(days_between(before.at, scan.at), before.at, scan.at)
            for before, scan in pairwise(self.scans)
        ]
        if self.quiet_now:
            quiet.append(self.quiet_now)
        longest = max(quiet, key=lambda one: one.days, default=None)
        return longest if longest and longest.days else None

    @property
    def quiet_now(self) -> Quiet | None:
        """Return for how long there has been no news; None once none is awaited."""
        if not self.scans or self.milestone in ENDED:
            return None
        last = self.scans[-1].at
        return Quiet(days_between(last, self.at), last)


def days_between(earlier: datetime, later: datetime) -> int:
    """Count the days of the calendar in Paris from one moment to another.

    >>> from datetime import UTC
    >>> days_between(datetime(2026, 3, 1, 22, 59, tzinfo=UTC), datetime(2026, 3, 1, 23, tzinfo=UTC))
    1
    """
    return max(0, (later.astimezone(PARIS).date() - earlier.astimezone(PARIS).date()).days)
