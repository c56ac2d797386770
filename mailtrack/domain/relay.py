"""When a relay that refused us is tried again: pauses that grow, and one mail to end them.

Pure arithmetic over one row, shared by all workers. Only what is about us or about the relay
comes here; a reader's mailbox that is full is no reason to leave the relay alone.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

#: The first pause, and the longest of those that double from it: after a limit, a password or
#: a policy (Gmail lifts its limit after hours), and after what passes by itself.
_PAUSES = {
    True: (timedelta(minutes=15), timedelta(hours=2)),
    False: (timedelta(minutes=1), timedelta(minutes=15)),
}
#: No pause ends later than this; one that does was set by a clock that was ahead.
LONGEST_PAUSE = max(longest for _, longest in _PAUSES.values())
#: Mails in a row that nobody can tell the fault of: from this one on it is the relay's.
MOST_DOUBTS = 3


@dataclass(frozen=True, slots=True)
class RelayState:
    """How a relay takes our mails.

    `refusals` and `doubts` are counted in a row: a mail that is taken ends both. `probe` is
    the token of the claim on the one mail that may be tried, until `probe_until`.
    """

    refusals: int = 0
    doubts: int = 0
    since: datetime | None = None
    blocked_until: datetime | None = None
    whose: str = ""
    said: str = ""
    probe: str = ""
    probe_until: datetime | None = None

    @property
    def is_suspect(self) -> bool:
        """Return True if the last mail was not taken, for a reason that may be ours."""
        return self.refusals > 0 or self.doubts > 0

    def is_blocked(self, now: datetime) -> bool:
        """Return True while the relay is left alone."""
        until = self.blocked_until
        return until is not None and now < until <= now + LONGEST_PAUSE

    def may_try(self, token: str, now: datetime) -> bool:
        """Return True if mails under a claim may be sent now."""
        return not self.is_blocked(now) and (self.refusals == 0 or self.probe == token)

    def wants_probe(self, now: datetime, longest: timedelta) -> bool:
        """Return True if one mail is to be tried; `longest`: how long a claim may hold."""
        until = self.probe_until
        is_out = until is not None and now < until <= now + longest
        return self.refusals > 0 and not self.is_blocked(now) and not is_out


def refused(
    state: RelayState, whose: str, said: str, now: datetime, *, lasting: bool
) -> RelayState:
    """Return the state after a refusal of us; several mails that meet one at once count once."""
    if state.is_blocked(now):
        return state
    first, longest = _PAUSES[lasting]
    pause = min(first * 2 ** min(state.refusals, 10), longest)
    return RelayState(
        refusals=state.refusals + 1,
        since=state.since if state.refusals else now,
        blocked_until=now + pause,
        whose=whose,
        said=said,
    )


def doubted(state: RelayState, whose: str, said: str, now: datetime) -> RelayState:
    """Return the state after a refusal that may be about the mail or about us."""
    doubts = state.doubts + 1
    if state.refusals or doubts >= MOST_DOUBTS:
        return refused(state, whose, said, now, lasting=False)
    return replace(state, doubts=doubts)
