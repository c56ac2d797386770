"""When to poll a parcel next: when the expected delay of its news is worth a request.

The goal is a short time between a scan and the mail about it, under a budget of
requests. A scan is expected at rate λ(t) = age(t)·profile(hour, weekday) / mean(stage); a
subscriber who waits since t₀ has lost A(t) = w·∫λ(u)(t−u)du hours in expectation, and
we ask as soon as A reaches the price θ of a request. For constant λ this is the square
root law τ = √(2θ/(wλ)), the optimum of Σ wλτ/2 under a budget of Σ 1/τ; at night A
hardly grows, so polls move by themselves to just after the hours of scanning, and the
longer nothing has come, the rarer they are.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from random import Random
from zoneinfo import ZoneInfo

from mailtrack.domain.milestones import STAGES, Milestone, Phase
from mailtrack.domain.stage_times import times_of

PARIS = ZoneInfo("Europe/Paris")

#: Width of the steps in which expected delay is summed.
SLOT = timedelta(minutes=15)
SHORTEST = timedelta(minutes=15)
LONGEST = timedelta(hours=24)
#: Polls are spread by this share, so that parcels of one mail do not stay in step.
JITTER = 0.10
#: Hours of weighted delay that one request may cost; carriers under pressure raise it.
PRICE_H = 0.7

#: A request that has room takes numbers along from this share of their wait on: more than
#: half of the delay that would pay for a request of their own has then accrued.
NEARLY = 3 / 4

#: An alarm that waits for a second witness is asked about again within this.
DOUBTFUL = timedelta(hours=3)

#: A parcel that is delivered is polled once more, for a return that follows at once.
CONFIRMATION = timedelta(hours=24)
#: No poll comes earlier than this.
EARLIEST = CONFIRMATION * (1 - NEARLY)
#: No carrier ever knew the number: polling stops.
NEVER_KNOWN = timedelta(days=30)
#: Nothing has happened since the last event: polling stops.
SILENT = timedelta(days=60)

#: Share of the day's scans by hour in France (mean 1): few at night, many in the morning.
_BY_HOUR = (
    *(0.25, 0.2, 0.2, 0.2, 0.35, 0.7, 1.2, 1.8, 2.0, 1.9, 1.7, 1.5),
    *(1.3, 1.4, 1.4, 1.3, 1.2, 1.1, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5),
)
_BY_WEEKDAY = (1.1, 1.15, 1.15, 1.15, 1.1, 0.85, 0.5)
#: How the hope of a scan falls with the silence: from each of these ages on, in mean times of the
#: stage, the rate is the next of so many times that of the mean. Scans come in bursts, and
#: what lies still goes on lying.
#: Fitted to documented itineraries by events over exposure, five of each added at rate 1.
_AGES = (0.02, 0.05, 0.25, 0.5, 2.0, 4.0)
_HOPES = (5.0, 2.5, 2.1, 1.65, 1.0, 0.85, 0.33)


@dataclass(frozen=True, slots=True)
class PollContext:
    """What the next poll depends on.

    `milestone` is None while no carrier knows the number. `since` is the last event,
    or the first answer where there is none. `weight` below 1 makes polls rarer: the
    first carrier after a hand-over, news that few wait for. `is_doubtful`: it told an
    alarm of which nobody else knows yet.
    """

    milestone: Milestone | None
    since: datetime
    weight: float = 1.0
    price_h: float = PRICE_H
    is_doubtful: bool = False


def next_poll(context: PollContext, now: datetime, rng: Random) -> datetime | None:
    """Return when to ask again, or None where there is nothing left to wait for."""
    silence = now - context.since
    if context.milestone is None:
        is_final, patience = False, NEVER_KNOWN
    else:
        is_final = STAGES[context.milestone].phase is Phase.END
        patience = CONFIRMATION if is_final else SILENT
    if silence >= patience:
        return None
    if is_final:
        # Never before its time: a poll that comes early would have to be made again.
        return now + max(CONFIRMATION, _jittered(CONFIRMATION, rng))
    wait = _until_worth_a_request(context, now)
    longest = DOUBTFUL if context.is_doubtful else LONGEST
    return now + _jittered(min(max(wait, SHORTEST), longest), rng)


def is_nearly_due(asked_at: datetime, due_at: datetime, now: datetime) -> bool:
    """Return True if a poll may come early, where it costs nothing: in another poll's request.

    Waits of a day are kept to: the one that confirms an end is among them.
    """
    wait, waited = due_at - asked_at, now - asked_at
    return waited >= SHORTEST and waited >= wait * NEARLY and wait < CONFIRMATION


def _until_worth_a_request(context: PollContext, now: datetime) -> timedelta:
    """Return the wait after which the delay that has accrued pays for a request."""
    stage = times_of(context.milestone)
    step_h = SLOT / timedelta(hours=1)
    rate = context.weight * stage.importance / stage.mean_h
    silent_h = (now - context.since) / timedelta(hours=1)
    epoch_h = now.timestamp() / 3600
    hazard = delay = waited_h = 0.0
    longest_h = LONGEST / timedelta(hours=1)
    while delay < context.price_h and waited_h < longest_h:
        hope = _HOPES[bisect_right(_AGES, (silent_h + waited_h) / stage.mean_h)]
        hazard += rate * hope * _profile(int(epoch_h + waited_h)) * step_h
        delay += hazard * step_h
        waited_h += step_h
    return timedelta(hours=waited_h)


@lru_cache(maxsize=1024)
def _profile(epoch_h: int) -> float:
    """Return how many scans an hour has (mean 1), named by the hours since 1970 in UTC.

    Clocks in France differ from UTC by whole hours.
    """
    local = datetime.fromtimestamp(epoch_h * 3600, PARIS)
    return _BY_HOUR[local.hour] * _BY_WEEKDAY[local.weekday()]


def _jittered(wait: timedelta, rng: Random) -> timedelta:
    return wait * (1 + rng.uniform(-JITTER, JITTER))
