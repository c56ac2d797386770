"""Times as numbers in SQLite, which has no type for them and kept a text of 26 letters.

Every table that has such a column is made anew by the database itself. PostgreSQL keeps times in
eight bytes already.

A notice goes back to the mail that it answers, or to the first about its subscription: the id of
either is looked up.
"""

import re

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

#: Microseconds since 1970 of a time as SQLite had it ("2026-03-03 14:05:00.000000", UTC).
_INSTANT = "CAST(strftime('%s', {0}) AS INTEGER) * 1000000 + CAST(substr({0}, 21, 6) AS INTEGER)"


def upgrade() -> None:
    if op.get_context().dialect.name == "sqlite":
        for table in _ask("SELECT name FROM sqlite_master WHERE type = 'table'"):
            _keep_numbers(table)
    op.drop_column("notice", "trace")


def _keep_numbers(table: str) -> None:
    """Make a table with times anew, as sqlite.org/lang_altertable.html (7) has it."""
    times = _ask("SELECT name FROM pragma_table_info(?) WHERE type = 'DATETIME'", table)
    if not times:
        return
    columns = _ask("SELECT name FROM pragma_table_info(?)", table)
    values = (_INSTANT.format(name) if name in times else name for name in columns)
    (made,) = _ask("SELECT sql FROM sqlite_master WHERE name = ?", table)
    indexes = _ask("SELECT sql FROM sqlite_master WHERE tbl_name = ? AND type = 'index'", table)
    numbers = re.sub(r"\bDATETIME\b", "BIGINT", made)
    op.execute(re.sub(rf'"?\b{table}\b"?', f"{table}_anew", numbers, count=1))
    op.execute(
        f"INSERT INTO {table}_anew ({', '.join(columns)}) "  # noqa: S608 - names of ours
        f"SELECT {', '.join(values)} FROM {table}"
    )
    op.drop_table(table)
    op.rename_table(f"{table}_anew", table)
    for index in filter(None, indexes):  # those of unique keys come with the table
        op.execute(index)


def _ask(query: str, *asked: str) -> list[str]:
    return list(op.get_bind().exec_driver_sql(query, asked).scalars())
