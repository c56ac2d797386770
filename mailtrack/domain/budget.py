"""How much a carrier may be asked: a bucket by the second, a quota by the day.

Pure arithmetic over one row per carrier; the row is stored, so that a restart does not
refill what was spent.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from mailtrack.domain.scheduling import PRICE_H

#: How far the clocks of hosts may differ. A day that begins later than this from now, and a
#: bucket that was filled later, were written by a clock that was ahead and is right again.
SKEW = timedelta(minutes=5)

#: How far a refusal or the hourly feedback may move the price of a request.
PRICE_BOUNDS_H = (PRICE_H / 8, PRICE_H * 64)

#: Failures in a row after which a carrier counts as down: it is left alone for a minute,
#: then two, four … up to an hour, and asked one thing at a time until it answers.
BREAK_AFTER = 5
_FIRST_BREAK_S = 60.0
_LONGEST_BREAK_S = 3600.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left to ask of one carrier, and how often in a row it failed to answer.

    `price_h`: see `scheduling`.
    """

    day: date
    spent: int
    tokens: float
    filled_at: datetime
    blocked_until: datetime | None = None
    price_h: float = PRICE_H
    failures: int = 0


def fresh(now: datetime, per_second: float) -> Allowance:
    """Return the allowance of a carrier that was never asked."""
    return Allowance(now.date(), 0, _capacity(per_second), now)


def take(
    allowance: Allowance, wanted: int, per_second: float, per_day: int, now: datetime
) -> tuple[int, Allowance]:
    """Return how many of `wanted` requests may be made now, and what is left then."""
    current = _refilled(allowance, per_second, per_day, now)
    if current.blocked_until is not None and now < current.blocked_until:
        return 0, current
    probe = 1 if current.failures >= BREAK_AFTER else wanted
    granted = max(0, min(wanted, probe, int(current.tokens), per_day - current.spent))
    left = replace(
        current,
        tokens=current.tokens - granted,
        spent=current.spent + granted,
        blocked_until=None,
    )
    return granted, left


def overdraw(
    allowance: Allowance, per_second: float, per_day: int, now: datetime
) -> Allowance | None:
    """Return what is left after a request that cannot wait for the next second.

    None where the carrier is left alone, or the day's quota is used up.
    """
    current = _refilled(allowance, per_second, per_day, now)
    silent = current.blocked_until is not None and now < current.blocked_until
    if silent or current.spent >= per_day:
        return None
    return replace(current, tokens=current.tokens - 1, spent=current.spent + 1)


def spent_today(allowance: Allowance, now: datetime) -> int:
    """Return the requests of today; those of the day of the last request are not."""
    return allowance.spent if allowance.day == now.date() else 0


def refused(allowance: Allowance, retry_after_s: float, now: datetime) -> Allowance:
    """Return the allowance after a carrier said "too many": silence, then half the pace.

    A longer silence stays: an operator may have ordered it while the request was under way.
    """
    return replace(
        allowance,
        blocked_until=_later(allowance.blocked_until, now + timedelta(seconds=retry_after_s)),
        price_h=_bounded(allowance.price_h * 2),
    )


def failed(allowance: Allowance, now: datetime) -> Allowance:
    """Return the allowance after one more failure in a row; from the fifth on, silence."""
    failures = allowance.failures + 1
    broken = replace(allowance, failures=failures)
    if failures < BREAK_AFTER:
        return broken
    silence_s = min(_FIRST_BREAK_S * 2 ** min(failures - BREAK_AFTER, 10), _LONGEST_BREAK_S)
    until = _later(allowance.blocked_until, now + timedelta(seconds=silence_s))
    return replace(broken, blocked_until=until)


def _later(known: datetime | None, proposed: datetime) -> datetime:
    return proposed if known is None else max(known, proposed)


def _capacity(per_second: float) -> float:
    return max(1.0, per_second)


def _refilled(allowance: Allowance, per_second: float, per_day: int, now: datetime) -> Allowance:
    """Return an allowance as it is now.

    1. The bucket fills by the second.
    2. The silence that a clock which was ahead began keeps its length.
    3. A day that has not come was begun by such a clock, too: today begins anew.
    4. On a new day, yesterday's use moves the price towards the budget: θ·√(spent/allowed). A
       price that was raised falls back where little was used.
    """
    # 1.
    elapsed_s = max(0.0, (now - allowance.filled_at).total_seconds())
    tokens = min(_capacity(per_second), allowance.tokens + elapsed_s * per_second)
    # 2.
    ahead, blocked_until = allowance.filled_at - now, allowance.blocked_until
    if blocked_until is not None and ahead > SKEW:
        blocked_until -= ahead
    current = replace(allowance, tokens=tokens, filled_at=now, blocked_until=blocked_until)
    # 3.
    if now.date() <= allowance.day:
        begins = datetime.combine(allowance.day, time(), tzinfo=now.tzinfo)
        return replace(current, day=now.date(), spent=0) if begins - now > SKEW else current
    # 4.
    use, price_h = max(allowance.spent, 1) / per_day, allowance.price_h
    if use > 1 / 4:
        price_h = _bounded(price_h * use**0.5)
    elif price_h > PRICE_H:
        price_h = max(PRICE_H, price_h / 2)
    return replace(current, day=now.date(), spent=0, price_h=price_h)


def _bounded(price_h: float) -> float:
    low, high = PRICE_BOUNDS_H
    return min(max(price_h, low), high)
