"""Columns that speak of polls and answers, as the code and the metrics do."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_RENAMED = (
    ("parcel", "first_look_at", "first_answer_at"),
    ("parcel", "last_look_at", "last_answer_at"),
    ("leg", "last_look_at", "last_answer_at"),
)


def upgrade() -> None:
    for table, old, new in _RENAMED:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    op.execute("UPDATE housekeeping SET name = 'all' WHERE name = 'chores'")
