"""`mailtrack pause`: a carrier that is left alone for a while, at the operator's word."""

from datetime import datetime

from sqlalchemy import Connection

from mailtrack.carriers.base import Declaration
from mailtrack.store import budgets


def pause(connection: Connection, declaration: Declaration, until: datetime, now: datetime) -> str:
    """Ask a carrier nothing until a moment; say so. What is due there waits, nothing is lost."""
    per_second = declaration.budget.per_second
    budgets.leave_alone(connection, declaration.code, until, per_second=per_second, now=now)
    return f"{declaration.code} is left alone until {until:%Y-%m-%d %H:%M} UTC."


def resume(connection: Connection, declaration: Declaration, now: datetime) -> str:
    """Let a carrier be asked again at once, also where it had refused us; say so."""
    per_second = declaration.budget.per_second
    budgets.leave_alone(connection, declaration.code, None, per_second=per_second, now=now)
    return f"{declaration.code} is asked again."
