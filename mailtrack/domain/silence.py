"""States that no carrier tells: a number nobody knows, a parcel that stands still."""

from datetime import datetime, timedelta
from enum import StrEnum

from mailtrack.domain.milestones import STAGES, Milestone, Phase
from mailtrack.domain.scheduling import NEVER_KNOWN, SILENT

#: How long a number may be unknown before its subscriber is told, once.
UNKNOWN_IS_NORMAL = timedelta(days=3)

#: Silences longer than these are told once; itineraries show 15 to 50 days at sea or in
#: the air as normal, a few days on the last kilometres.
_USUAL: dict[Phase, timedelta] = {
    Phase.ORDER: timedelta(days=15),
    Phase.ROAD: timedelta(days=30),
    Phase.ARRIVAL: timedelta(days=15),
    Phase.DELIVERY: timedelta(days=7),
    Phase.RETURN: timedelta(days=45),
    Phase.NONE: timedelta(days=15),
}


class Silence(StrEnum):
    """How a silence is to be judged."""

    USUAL = "usual"
    NOT_FOUND = "not_found"
    STALLED = "stalled"
    EXPIRED = "expired"


def assess_silence(milestone: Milestone | None, since: datetime, now: datetime) -> Silence:
    """Return what the time since the last event (or the first answer) means."""
    silence = now - since
    if milestone is None:
        if silence >= NEVER_KNOWN:
            return Silence.EXPIRED
        return Silence.NOT_FOUND if silence >= UNKNOWN_IS_NORMAL else Silence.USUAL
    phase = STAGES[milestone].phase
    if phase is Phase.END:
        return Silence.USUAL
    if silence >= SILENT:
        return Silence.EXPIRED
    return Silence.STALLED if silence >= _USUAL[phase] else Silence.USUAL
