"""Alembic's entry: runs the migrations on the connection that `migrate` opened."""

from typing import Any, Literal

from alembic import context

from mailtrack.store.schema import Instant, metadata


def _render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our column type as what the database holds: migrations outlive our classes."""
    if kind == "type" and isinstance(item, Instant):
        return "sa.DateTime(timezone=True).with_variant(sa.BigInteger(), 'sqlite')"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_item=_render,
    render_as_batch=True,  # SQLite cannot ALTER most things
)
with context.begin_transaction():
    context.run_migrations()
