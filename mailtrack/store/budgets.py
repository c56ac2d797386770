"""What each carrier may still be asked, and how it answered; survives every restart."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from mailtrack.domain import budget
from mailtrack.domain.budget import Allowance
from mailtrack.domain.scheduling import PRICE_H
from mailtrack.store.engine import locked
from mailtrack.store.schema import carrier, unmapped
from mailtrack.store.upsert import insert_ignoring

#: Built once: every answer asks it (see `store.upsert`).
_PRICES = select(carrier.c.code, carrier.c.price_h).where(
    carrier.c.code.in_(bindparam("asked", expanding=True))
)
_NOTE_OK = (
    update(carrier)
    .where(carrier.c.code == bindparam("asked"))
    .values(requests=carrier.c.requests + 1, failures=0, last_ok_at=bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class CarrierHealth:
    """How a carrier has answered lately."""

    allowance: Allowance
    requests: int
    last_ok_at: datetime | None
    last_error: str
    last_error_at: datetime | None


def take(
    connection: Connection,
    code: str,
    wanted: int,
    *,
    per_second: float,
    per_day: int,
    now: datetime,
) -> int:
    """Take requests out of a carrier's budget; return how many of `wanted` were left."""
    allowance = _locked(connection, code, per_second, now)
    granted, left = budget.take(allowance, wanted, per_second, per_day, now)
    if left != allowance:
        _save(connection, code, left)
    return granted


def overdraw(
    connection: Connection, code: str, *, per_second: float, per_day: int, now: datetime
) -> bool:
    """Take one request that cannot wait out of a carrier's budget; tell if it may be made."""
    left = budget.overdraw(_locked(connection, code, per_second, now), per_second, per_day, now)
    if left is not None:
        _save(connection, code, left)
    return left is not None


def prices_h(connection: Connection, codes: Collection[str]) -> dict[str, float]:
    """Return the prices of requests to carriers, by their codes (see `domain.scheduling`)."""
    known = connection.execute(_PRICES, {"asked": list(codes)})
    return dict.fromkeys(codes, PRICE_H) | {row.code: float(row.price_h) for row in known}


def note_ok(connection: Connection, code: str, now: datetime) -> None:
    """Record that a carrier answered."""
    connection.execute(_NOTE_OK, {"asked": code, "now": now})


def note_error(
    connection: Connection,
    code: str,
    error: str,
    now: datetime,
    *,
    silence_s: float = 0.0,
    down: bool = True,
) -> None:
    """Record that a carrier failed; with `silence_s` it is not asked for so long.

    `down`: it gave no answer at all, which counts towards the breaker.
    """
    query = locked(select(carrier).where(carrier.c.code == code))
    row = connection.execute(query).one_or_none()
    if row is None:
        return
    allowance = budget.failed(_allowance(row), now) if down else _allowance(row)
    if silence_s > 0:
        allowance = budget.refused(allowance, silence_s, now)
    _save(connection, code, allowance)
    connection.execute(
        update(carrier)
        .where(carrier.c.code == code)
        .values(requests=carrier.c.requests + 1, last_error=error, last_error_at=now)
    )


def leave_alone(
    connection: Connection, code: str, until: datetime | None, *, per_second: float, now: datetime
) -> None:
    """Ask a carrier nothing until a moment, None for asking it at once, as if it never failed."""
    current = _locked(connection, code, per_second, now)
    failures = current.failures if until else 0
    _save(connection, code, replace(current, blocked_until=until, failures=failures))


def health(connection: Connection) -> dict[str, CarrierHealth]:
    """Return how every carrier that was ever asked is doing."""
    return {
        row.code: CarrierHealth(
            allowance=_allowance(row),
            requests=row.requests,
            last_ok_at=row.last_ok_at,
            last_error=row.last_error,
            last_error_at=row.last_error_at,
        )
        for row in connection.execute(select(carrier).order_by(carrier.c.code))
    }


def note_unmapped(
    connection: Connection, code: str, event_code: str, text: str, now: datetime
) -> None:
    """Count a code or text that no phrase file knows."""
    key = {"carrier": code, "code": event_code[:128], "text": text[:500]}
    if not insert_ignoring(
        connection, unmapped, {**key, "times": 1, "first_at": now, "last_at": now}
    ):
        connection.execute(
            update(unmapped)
            .where(*(unmapped.c[name] == value for name, value in key.items()))
            .values(times=unmapped.c.times + 1, last_at=now)
        )


def _locked(connection: Connection, code: str, per_second: float, now: datetime) -> Allowance:
    new = budget.fresh(now, per_second)
    insert_ignoring(connection, carrier, {"code": code, **asdict(new)})
    row = connection.execute(locked(select(carrier).where(carrier.c.code == code))).one()
    return _allowance(row)


def _allowance(row: Row[Any]) -> Allowance:
    return Allowance(
        day=row.day,
        spent=row.spent,
        tokens=row.tokens,
        filled_at=row.filled_at,
        blocked_until=row.blocked_until,
        price_h=row.price_h,
        failures=row.failures,
    )


def _save(connection: Connection, code: str, allowance: Allowance) -> None:
    connection.execute(update(carrier).where(carrier.c.code == code).values(**asdict(allowance)))
