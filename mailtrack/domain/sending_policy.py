"""When a mail may be sent: nights are quiet, and a day has only so many mails.

A day's mails are counted twice: those to one reader, so that nobody is pestered, and those of
the whole service, where the relay takes no more.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mailtrack.domain.milestones import Milestone

PARIS = ZoneInfo("Europe/Paris")

#: What a person must know at once to be at home, or to go somewhere.
URGENT = frozenset(
    {Milestone.OUT_FOR_DELIVERY, Milestone.DELIVERY_FAILED, Milestone.PICKUP_AVAILABLE}
)

#: What is of no use on the next day, besides: the last day at a pick-up point.
_PERISHABLE = URGENT | {"pickup_reminder"}

#: How providers count a day: Gmail and Microsoft 365 both look back from each mail.
DAY = timedelta(days=1)
#: The share of the service's mails of a day that is kept for what cannot wait: urgent news and
#: answers to people who have just written.
RESERVED = 1 / 5


def goes_first(kind: str) -> bool:
    """Return True if news of a kind go before others, where not all can go at once."""
    return kind in _PERISHABLE


@dataclass(frozen=True, slots=True)
class DayLimit:
    """How many mails the whole service sends within 24 hours; 0 is no limit."""

    per_day: int = 0

    def left(self, taken: int, *, urgent: bool) -> int:
        """Return how many more may be sent after `taken`; all but urgent ones leave a share."""
        most = self.per_day if urgent else self.per_day - int(self.per_day * RESERVED)
        return max(0, most - taken)


@dataclass(frozen=True, slots=True)
class SendingPolicy:
    """What subscribers may expect. Hours are those of a clock in France; equal ones: no quiet."""

    quiet_from: int = 22
    quiet_until: int = 7
    per_day: int = 6

    def hold_until(self, now: datetime) -> datetime | None:
        """Return when the present quiet ends, None where it is day."""
        local = now.astimezone(PARIS)
        hour = local.hour
        if self.quiet_from <= self.quiet_until:
            is_quiet = self.quiet_from <= hour < self.quiet_until
        else:
            is_quiet = hour >= self.quiet_from or hour < self.quiet_until
        if not is_quiet:
            return None
        morning = local.replace(hour=self.quiet_until, minute=0, second=0, microsecond=0)
        if morning <= local:
            morning += timedelta(days=1)
        return morning.astimezone(now.tzinfo)

    def next_morning(self, now: datetime) -> datetime:
        """Return when the next day begins for mails: after the quiet, never now."""
        local = now.astimezone(PARIS)
        morning = local.replace(hour=self.quiet_until, minute=0, second=0, microsecond=0)
        return (morning + timedelta(days=1)).astimezone(now.tzinfo)

    def day_began(self, now: datetime) -> datetime:
        """Return the midnight in France since which today's mails count."""
        local = now.astimezone(PARIS)
        return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(now.tzinfo)
