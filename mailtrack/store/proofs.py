"""Proofs as they were made: whoever opens the link of one sees what it said that day."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, insert, select

from mailtrack.domain.model import RowKey, SubscriptionId
from mailtrack.domain.proof import Proof
from mailtrack.store.schema import new_key, proof

_CONTENT: TypeAdapter[Proof] = TypeAdapter(Proof)


@dataclass(frozen=True, slots=True)
class KeptProof:
    """A proof, and the key that its public link holds."""

    key: RowKey
    proof: Proof


def keep(connection: Connection, mine: SubscriptionId, made: Proof) -> RowKey:
    """Keep a proof of what somebody follows; return its key."""
    key = RowKey(new_key())
    content = _CONTENT.dump_json(made, exclude_defaults=True).decode()
    connection.execute(
        insert(proof).values(key=key, subscription_id=mine, made_at=made.at, content=content)
    )
    return key


def newest(connection: Connection, mine: SubscriptionId) -> KeptProof | None:
    """Return the last proof of a subscription, None where there is none."""
    return next(of_subscription(connection, mine), None)


def of_subscription(connection: Connection, mine: SubscriptionId) -> Iterator[KeptProof]:
    """Yield the proofs of a subscription, newest first."""
    query = select(proof).where(proof.c.subscription_id == mine).order_by(proof.c.id.desc())
    yield from map(_kept, connection.execute(query))


def by_key(connection: Connection, key: RowKey) -> Proof | None:
    """Return the proof that a link names, None where it was erased."""
    row = connection.execute(select(proof).where(proof.c.key == key)).one_or_none()
    return None if row is None else _kept(row).proof


def as_json(made: Proof) -> dict[str, Any]:
    """Return all that a proof holds, for whom it is about."""
    shown: dict[str, Any] = _CONTENT.dump_python(made, mode="json", exclude_defaults=True)
    return shown


def _kept(row: Row[Any]) -> KeptProof:
    return KeptProof(RowKey(row.key), _CONTENT.validate_json(row.content))
