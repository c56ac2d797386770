"""Silences of carriers: a number that nobody knows, a parcel of which nothing more is to come."""

from datetime import datetime, timedelta
from enum import StrEnum

from mailtrack.domain.milestones import ENDED, Milestone
from mailtrack.domain.scheduling import NEVER_KNOWN, SILENT

#: How long a number may be unknown before its subscriber is told, once.
UNKNOWN_IS_NORMAL = timedelta(days=3)


class Silence(StrEnum):
    """How a silence is to be judged."""

    USUAL = "usual"
    NOT_FOUND = "not_found"
    EXPIRED = "expired"


def assess_silence(milestone: Milestone | None, since: datetime, now: datetime) -> Silence:
    """Return what the time since the last event (or the first answer) means."""
    silence = now - since
    if milestone is None:
        if silence >= NEVER_KNOWN:
            return Silence.EXPIRED
        return Silence.NOT_FOUND if silence >= UNKNOWN_IS_NORMAL else Silence.USUAL
    return Silence.EXPIRED if milestone not in ENDED and silence >= SILENT else Silence.USUAL
