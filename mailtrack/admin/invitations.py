"""Invitations, as an operator sees and ends them: people by number, as everywhere in lists."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, case, literal, or_, select

from mailtrack.admin.filters import Filter, owner_of
from mailtrack.admin.states import ACCEPTED, OVER, REFUSED, WAITING
from mailtrack.admin.table import Table
from mailtrack.domain.invitations import LASTS
from mailtrack.domain.model import RowKey
from mailtrack.errors import PermanentError
from mailtrack.store import invitations
from mailtrack.store.schema import invitation, subscriber

_COLUMNS = ("id", "inviter", "invited", "to", "state", "made", "mailed", "accepted")


def invitation_list(connection: Connection, wanted: Filter, now: datetime) -> Table:
    """Return invitations, newest first; of whom `wanted` names, those that they made or got."""
    chosen = wanted.of(invitation.c.id, invitation.c.created_at)
    if wanted.address:
        owner = owner_of(connection, wanted.address)
        theirs = select(subscriber.c.address).where(subscriber.c.id == owner)
        chosen.append(or_(invitation.c.inviter_id == owner, invitation.c.address.in_(theirs)))
    if wanted.state:
        chosen.append(_state(now) == wanted.state)
    query = (
        select(
            invitation.c.id,
            invitation.c.inviter_id,
            subscriber.c.id.label("invited"),  # empty where no mail of ours went there
            case((invitation.c.everything, literal("everything")), else_=literal("a parcel")),
            _state(now),
            invitation.c.created_at,
            invitation.c.mailed_at,
            invitation.c.accepted_at,
        )
        .outerjoin(subscriber, subscriber.c.address == invitation.c.address)
        .where(*chosen)
        .order_by(invitation.c.id.desc())
        .limit(wanted.limit)
    )
    return Table("Invitations", _COLUMNS, [tuple(row) for row in connection.execute(query)])


def end(connection: Connection, wanted: Filter, now: datetime) -> str:
    """End invitations by their numbers, and all that one person made; say how many.

    Nobody is told; what was accepted goes on, but for what was still to come by it.
    """
    if not (wanted.ids or wanted.address):
        raise PermanentError("Say which: `mailtrack uninvite NUMBER …` or --address.")
    chosen = wanted.of(invitation.c.id, invitation.c.created_at)
    if wanted.address:
        chosen.append(invitation.c.inviter_id == owner_of(connection, wanted.address))
    meant = select(invitation.c.key).where(*chosen, invitation.c.ended_at.is_(None))
    ended = 0
    for key in connection.scalars(meant.order_by(invitation.c.id)).all():
        one = invitations.by_key(connection, RowKey(key))
        if one is not None:
            invitations.end(connection, one, now)
            ended += 1
    return f"{ended} {'invitation is' if ended == 1 else 'invitations are'} over."


def _state(now: datetime) -> ColumnElement[str]:
    """Return the state in SQL, as `Invitation.state` has it; a refusal is no secret here."""
    over = or_(
        invitation.c.ended_at.is_not(None),
        invitation.c.inviter_id.is_(None),
        invitations.HAS_NO_OBJECT,
        invitation.c.accepted_at.is_(None) & (invitation.c.created_at <= now - LASTS),
    )
    return case(
        (over, literal(OVER)),
        (invitation.c.accepted_at.is_not(None), literal(ACCEPTED)),
        (invitation.c.refused_at.is_not(None), literal(REFUSED)),
        else_=literal(WAITING),
    )
