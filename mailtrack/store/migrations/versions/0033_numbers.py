"""Less room: numbers for what was kept as texts (times in SQLite, words of notices), fewer indexes.

SQLite has no type for times and kept a text of 26 letters; PostgreSQL takes eight bytes already.
Of a notice the kind, the state and the reason to leave it out are words of short lists, which
`store.schema.codes` has (0: a word that is in none). A notice goes back to the mail that it
answers, or to the first about its subscription: the id of either is looked up. When to send what
was left out is forgotten, and which event it told, unless `mailtrack resend` may send it still.

A leg's number begins its unique key in place of an index of its own.

SQLite's tables are made anew by the database itself, as sqlite.org/lang_altertable.html (7) has
it.
"""

import re
from collections.abc import Mapping

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

#: Microseconds since 1970 of a time as SQLite had it ("2026-03-03 14:05:00.000000", UTC), whose
#: strftime rounds to milliseconds: it is asked about the whole seconds alone.
_INSTANT = (
    "CAST(strftime('%s', substr({0}, 1, 19)) AS INTEGER) * 1000000"
    " + CAST(substr({0}, 21, 6) AS INTEGER)"
)

#: The words of a notice, by column; each one's number is its place, from 1 on.
_WORDS: Mapping[str, str] = {
    "kind": (
        "order_received details_awaited order_processing amount_updated order_paid "
        "invoice_available order_prepared order_consolidated shipped carrier_accepted in_transit "
        "arrived_in_country customs_started customs_held customs_cleared local_transit "
        "out_for_delivery delivery_failed pickup_available delivered returning returned exception "
        "order_unfulfillable cancelled refunded abandoned registered order_registered not_found "
        "stalled expired nothing_found read_summary too_many confirm_address help goodbye "
        "forwarding_request pickup_reminder protection_ending channel_ended digest invitation"
    ),
    "state": "due sent skipped failed",
    "skip": (
        "first_answer superseded late repeated not_wanted unwanted muted unsubscribed bounced "
        "elsewhere digested too_late nothing_left"
    ),
}
#: What is kept of a notice that was left out, by column.
_STILL_ASKED: Mapping[str, str] = {
    "next_attempt_at": "CASE WHEN state <> 'skipped' THEN next_attempt_at END",
    "event_fingerprint": (
        "CASE WHEN state <> 'skipped' OR skip IN ('bounced', 'elsewhere', 'digested') "
        "THEN event_fingerprint END"
    ),
}
#: The indexes over what is due, which is 1 from now on.
_DUE = {"ix_notice_due": "state = 1", "ix_notice_urgent": "state = 1 AND urgent"}


def upgrade() -> None:
    sqlite = op.get_context().dialect.name == "sqlite"
    if sqlite:
        _count_times()
    _find_legs_by_number(sqlite=sqlite)
    _index_less(sqlite=sqlite)
    _shorten_notices(sqlite=sqlite)


def _shorten_notices(*, sqlite: bool) -> None:
    for index in _DUE:
        op.drop_index(index, "notice")
    op.drop_column("notice", "trace")
    numbers = {column: _number_of(column, words.split()) for column, words in _WORDS.items()}
    if sqlite:
        short = {rf"\b{column} VARCHAR\(\d+\)": f"{column} SMALLINT" for column in numbers}
        short["next_attempt_at BIGINT NOT NULL"] = "next_attempt_at BIGINT"
        _make_anew("notice", short, {**numbers, **_STILL_ASKED})
    else:
        changes = [
            *(f"ALTER {column} TYPE smallint USING {number}" for column, number in numbers.items()),
            "ALTER next_attempt_at DROP NOT NULL",
            "ALTER next_attempt_at TYPE timestamptz USING " + _STILL_ASKED["next_attempt_at"],
            "ALTER event_fingerprint TYPE bigint USING " + _STILL_ASKED["event_fingerprint"],
        ]
        op.execute(f"ALTER TABLE notice {', '.join(changes)}")
    op.execute("DELETE FROM row_count WHERE table_name = 'notice'")  # each upgrade counts anew
    for index, where in _DUE.items():
        which = sa.text(where)
        op.create_index(
            index, "notice", ["next_attempt_at"], sqlite_where=which, postgresql_where=which
        )


def _find_legs_by_number(*, sqlite: bool) -> None:
    former, present = ("parcel_id", "carrier", "number"), ("number", "carrier", "parcel_id")
    before, after = (f"uq_leg_{'_'.join(columns)}" for columns in (former, present))
    op.drop_index("ix_leg_number", "leg")
    if sqlite:
        unique = rf"{before} UNIQUE \({', '.join(former)}\)"
        _make_anew("leg", {unique: f"{after} UNIQUE ({', '.join(present)})"}, {})
    else:
        op.drop_constraint(before, "leg")
        op.create_unique_constraint(after, "leg", present)
    op.create_index("ix_leg_parcel_id", "leg", ["parcel_id"])


def _index_less(*, sqlite: bool) -> None:
    """Keep no parcel without a local number in an index, nor the key of a table twice."""
    op.drop_index("ix_parcel_local_number", "parcel")
    is_told = sa.text("local_number IS NOT NULL")
    op.create_index(
        "ix_parcel_local_number",
        "parcel",
        ["local_number"],
        sqlite_where=is_told,
        postgresql_where=is_told,
    )
    if sqlite:
        _make_anew("parcel_order", {r"\)$": ") WITHOUT ROWID"}, {})


def _number_of(column: str, words: list[str]) -> str:
    """Return the number of a column's word in SQL, null where it is."""
    cases = " ".join(f"WHEN '{word}' THEN {place}" for place, word in enumerate(words, 1))
    return f"CASE {column} {cases} ELSE CASE WHEN {column} IS NOT NULL THEN 0 END END"


def _count_times() -> None:
    """Keep the times of every table as numbers."""
    for table in _ask("SELECT name FROM sqlite_master WHERE type = 'table'"):
        times = _ask("SELECT name FROM pragma_table_info(?) WHERE type = 'DATETIME'", table)
        if times:
            numbers = {name: _INSTANT.format(name) for name in times}
            _make_anew(table, {r"\bDATETIME\b": "BIGINT"}, numbers)


def _make_anew(table: str, types: Mapping[str, str], values: Mapping[str, str]) -> None:
    """Make a table of SQLite anew with other types, by pattern, and other values, by column."""
    columns = _ask("SELECT name FROM pragma_table_info(?)", table)
    (made,) = _ask("SELECT sql FROM sqlite_master WHERE name = ?", table)
    indexes = _ask("SELECT sql FROM sqlite_master WHERE tbl_name = ? AND type = 'index'", table)
    for former, present in types.items():
        made = re.sub(former, present, made)
    op.execute(re.sub(rf'"?\b{table}\b"?', f"{table}_anew", made, count=1))
    op.execute(
        f"INSERT INTO {table}_anew ({', '.join(columns)}) "  # noqa: S608 - names of ours
        f"SELECT {', '.join(values.get(name, name) for name in columns)} FROM {table}"
    )
    op.drop_table(table)
    op.rename_table(f"{table}_anew", table)
    for index in filter(None, indexes):  # those of unique keys come with the table
        op.execute(index)


def _ask(query: str, *asked: str) -> list[str]:
    return list(op.get_bind().exec_driver_sql(query, asked).scalars())
