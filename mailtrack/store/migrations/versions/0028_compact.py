"""The same history in half the room: shared wordings, short keys and times, fewer indexes.

Events and notices are copied into new tables by the database itself. Mails that are kept raw stay
as they are until they are forgotten; new ones are compressed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_SAID = ("source", "code", "text", "place", "milestone", "reason", "certainty")
#: Indexes that begin another one, or that most rows are in without a value.
_SUPERFLUOUS = (
    ("leg", "ix_leg_parcel_id"),
    ("subscription", "ix_subscription_subscriber_id"),
    ("subscription", "ix_subscription_local_parcel_id"),
    ("subscription", "ix_subscription_shop_order_id"),
)
#: Each over the rows for which its condition holds: table, name, columns, condition.
_INDEXES: Sequence[tuple[str, str, Sequence[str], str]] = (
    *(
        ("subscription", f"ix_subscription_{name}", [name], f"{name} IS NOT NULL")
        for name in ("local_parcel_id", "shop_order_id")
    ),
    ("notice", "ix_notice_message", ["message_id"], "message_id IS NOT NULL"),
    ("notice", "ix_notice_digest", ["digest_id"], "digest_id IS NOT NULL"),
    ("notice", "ix_notice_due", ["next_attempt_at"], "state = 'due'"),
    ("notice", "ix_notice_urgent", ["next_attempt_at"], "state = 'due' AND urgent"),
    ("notice", "ix_notice_sent_at", ["sent_at"], "sent_at IS NOT NULL"),
)  # fmt: skip


def upgrade() -> None:
    sqlite = op.get_context().dialect.name == "sqlite"
    words = _on_sqlite() if sqlite else _ON_POSTGRESQL
    _add_wordings()
    _set_aside("tracking_event", ["parcel_id"])
    _copy_events(words)
    for index in ("subscriber_id", "subscription_id", "inbound_id", "message_id", "digest_id"):
        op.drop_index(f"ix_notice_{index}", "notice")
    for name in ("due", "urgent", "sent_at"):
        op.drop_index(f"ix_notice_{name}", "notice")
    _set_aside("notice", ["subscriber_id", "subscription_id", "inbound_id"])
    _copy_notices(words)
    for table, index in _SUPERFLUOUS:
        op.drop_index(index, table)
    for table, name, columns, where in _INDEXES:
        which = sa.text(where)
        op.create_index(name, table, columns, sqlite_where=which, postgresql_where=which)
    answers = sa.text("inbound_id IS NOT NULL")
    op.create_index(
        "uq_notice_inbound_id_kind_occurrence",
        "notice",
        ["inbound_id", "kind", "occurrence"],
        unique=True,
        sqlite_where=answers,
        postgresql_where=answers,
    )
    for table in ("tracking_event", "notice"):
        op.drop_table(f"{table}_before")
        if not sqlite:
            op.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), "  # noqa: S608
                f"(SELECT coalesce(max(id), 0) + 1 FROM {table}), false)"
            )


def _on_sqlite() -> Mapping[str, str]:
    """Teach SQLite the two hashes; return how it says what is new of a row."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.create_function("fingerprint_key", 1, _fingerprint_key, deterministic=True)
    driver.create_function("digest_of", len(_SAID), _digest_of, deterministic=True)
    # strftime rounds to milliseconds: it is asked about the whole seconds alone.
    whole = "CAST(strftime('%s', substr({0}, 1, 19)) AS INTEGER) * 1000000"
    return {
        "key": "fingerprint_key({0})",
        "digest": f"digest_of({', '.join(_SAID)})",
        "instant": f"{whole} + CAST(substr({{0}}, 21, 6) AS INTEGER)",
    }


def _fingerprint_key(fingerprint: str | None) -> int | None:
    if fingerprint is None:
        return None
    digest = hashlib.sha256(fingerprint.encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _digest_of(*said: str | None) -> bytes:
    return hashlib.sha256("\x1f".join(word or "" for word in said).encode()).digest()[:16]


_SHA256 = "sha256(convert_to({0}, 'UTF8'))"
_JOINED = " || E'\\x1f' || ".join(f"coalesce({name}, '')" for name in _SAID)
_ON_POSTGRESQL: Mapping[str, str] = {
    "key": f"('x' || encode(substr({_SHA256}, 1, 8), 'hex'))::bit(64)::bigint",
    "digest": f"substr({_SHA256.format(_JOINED)}, 1, 16)",
    "instant": "{0}",
}


def _set_aside(table: str, owners: Sequence[str]) -> None:
    """Give a table, and on PostgreSQL what bears its name, another one."""
    if op.get_context().dialect.name == "postgresql":
        names = [f"pk_{table}", *(f"fk_{table}_{owner}" for owner in owners)]
        names += _UNIQUE[table]
        for name in names:
            op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {name} TO {name}_before")
        op.execute(f"ALTER SEQUENCE {table}_id_seq RENAME TO {table}_before_id_seq")
    op.rename_table(table, f"{table}_before")


_UNIQUE = {
    "tracking_event": ["uq_tracking_event_parcel_id_fingerprint"],
    "notice": [
        "uq_notice_subscription_id_kind_occurrence",
        "uq_notice_inbound_id_kind_occurrence",
    ],
}


def _add_wordings() -> None:
    op.create_table(
        "wording",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("source", sa.String(length=24), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("milestone", sa.String(length=24), nullable=False),
        sa.Column("reason", sa.String(length=24)),
        sa.Column("certainty", sa.String(length=8), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wording")),
        sa.UniqueConstraint("digest", name=op.f("uq_wording_digest")),
    )


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    sqlite = op.get_context().dialect.name == "sqlite"
    kind: Any = sa.BigInteger() if sqlite else sa.DateTime(timezone=True)
    return sa.Column(name, kind, nullable=nullable)


def _copy_events(words: Mapping[str, str]) -> None:
    op.create_table(
        "tracking_event",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("parcel_id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.BigInteger(), nullable=False),
        sa.Column("wording_id", sa.Integer(), nullable=False),
        _instant("at"),
        _instant("seen_at"),
        sa.Column("at_certain", sa.Boolean(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parcel_id"],
            ["parcel.id"],
            name=op.f("fk_tracking_event_parcel_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["wording_id"], ["wording.id"], name=op.f("fk_tracking_event_wording_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tracking_event")),
        sa.UniqueConstraint(
            "parcel_id", "fingerprint", name=op.f("uq_tracking_event_parcel_id_fingerprint")
        ),
    )
    said = ", ".join(_SAID)
    op.execute(
        f"INSERT INTO wording (digest, {said}) "  # noqa: S608
        f"SELECT DISTINCT {words['digest']}, {said} FROM tracking_event_before"
    )
    instant = words["instant"]
    op.execute(
        f"""
        INSERT INTO tracking_event
            (id, parcel_id, fingerprint, wording_id, at, seen_at, at_certain, mark)
        SELECT told.id, told.parcel_id, told.key, wording.id, told.at, told.seen_at,
            told.at_certain, told.mark
        FROM (
            SELECT id, parcel_id, {words["key"].format("fingerprint")} AS key,
                {words["digest"]} AS digest, {instant.format("at")} AS at,
                {instant.format("seen_at")} AS seen_at, at_certain, mark
            FROM tracking_event_before
        ) AS told JOIN wording ON wording.digest = told.digest ORDER BY told.id
        """  # noqa: S608
    )
    op.create_index(op.f("ix_tracking_event_wording_id"), "tracking_event", ["wording_id"])


def _copy_notices(words: Mapping[str, str]) -> None:
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("subscription_id", sa.Integer()),
        sa.Column("inbound_id", sa.Integer()),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("occurrence", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("skip", sa.String(length=24)),
        _instant("event_at", nullable=True),
        sa.Column("event_fingerprint", sa.BigInteger()),
        _instant("created_at"),
        _instant("next_attempt_at"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claim", sa.String(length=32)),
        _instant("sent_at", nullable=True),
        sa.Column("message_id", sa.Text()),
        sa.Column("prompt", sa.Boolean(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("digest_id", sa.Integer()),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("trace", sa.String(length=16), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [f"{owner}_id"],
                [f"{owner}.id"],
                name=op.f(f"fk_notice_{owner}_id"),
                ondelete="CASCADE",
            )
            for owner in ("subscriber", "subscription", "inbound")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint(
            "subscription_id",
            "kind",
            "occurrence",
            name=op.f("uq_notice_subscription_id_kind_occurrence"),
        ),
    )
    same = (
        *("id", "subscriber_id", "subscription_id", "inbound_id", "kind", "occurrence", "state"),
        *("skip", "attempts", "claim", "message_id", "prompt", "urgent", "digest_id"),
        *("last_error", "trace"),
    )
    times = ("event_at", "created_at", "next_attempt_at", "sent_at")
    new = {name: words["instant"].format(name) for name in times}
    new["event_fingerprint"] = words["key"].format("event_fingerprint")
    columns = ", ".join((*same, *new))
    op.execute(
        f"INSERT INTO notice ({columns}) "  # noqa: S608
        f"SELECT {', '.join((*same, *new.values()))} FROM notice_before ORDER BY id"
    )
    op.create_index(op.f("ix_notice_subscriber_id"), "notice", ["subscriber_id"])
