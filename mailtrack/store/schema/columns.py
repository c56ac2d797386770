"""What tables are made of: kinds of columns, and the columns that several tables have."""

import secrets
import zlib
from base64 import b32encode
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy.types import TypeEngine

from mailtrack.domain.harmless import without_addresses

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: What zlib's data begin with at its usual level.
_ZLIB = b"x\x9c"


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime; in SQLite, which has no such type, microseconds since 1970.

    A value inside a function has to be told its type, else SQLite keeps it as a text:
    `func.coalesce(column, literal(now, Instant))`.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        sqlite = dialect.name == "sqlite"
        return dialect.type_descriptor(BigInteger() if sqlite else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | int | None:
        if value is None or dialect.name != "sqlite":
            return value and value.astimezone(UTC)
        return (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(
        self,
        value: datetime | int | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy passes it by name
    ) -> datetime | None:
        if isinstance(value, int):
            return _EPOCH + timedelta(microseconds=value)
        return value and value.astimezone(UTC)


class Compressed(TypeDecorator[bytes]):
    """Bytes that are kept compressed (zlib, RFC 1950); those of former versions are not.

    No mail begins as zlib's data do, at the level that is used here.
    """

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(
        self,
        value: bytes | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> bytes | None:
        return None if value is None else zlib.compress(value)

    def process_result_value(
        self,
        value: bytes | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> bytes | None:
        return zlib.decompress(value) if value and value.startswith(_ZLIB) else value


class Names(TypeDecorator[frozenset[str]]):
    """A set of short names, as one text with commas between."""

    impl = Text
    cache_ok = True

    def process_bind_param(
        self,
        value: frozenset[str] | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> str:
        return ",".join(sorted(value or ()))

    def process_result_value(
        self,
        value: str | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> frozenset[str]:
        return frozenset((value or "").split(",")) - {""}


def new_key() -> str:
    """Return a name for a row that nobody can guess and no other row ever gets (80 bits)."""
    return b32encode(secrets.token_bytes(10)).decode("ascii").lower()


class Words(TypeDecorator[str]):
    """Why something failed or ended: quotes servers and strangers, names no address of a person."""

    impl = Text
    cache_ok = True

    def process_bind_param(
        self,
        value: str | None,
        dialect: Dialect,  # noqa: ARG002
    ) -> str | None:
        return None if value is None else without_addresses(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def partial_index(name: str, *columns_and_where: ColumnElement[Any]) -> None:
    """Keep an index over some columns of the rows for which the last expression holds."""
    *columns, where = columns_and_where
    Index(name, *columns, sqlite_where=where, postgresql_where=where)


def row_id() -> Column[int]:
    return Column("id", Integer, primary_key=True, autoincrement=True)


def row_key() -> Column[str]:
    """Make the column by which links and addresses name a row.

    Its number may come to mean somebody else: after a restore, or in another database.
    """
    return Column("key", String(16), nullable=False, unique=True, default=new_key)


def state_columns() -> tuple[Column[Any], ...]:
    """Make the columns for where a parcel stands, and since when."""
    return (
        Column("milestone", String(24)),
        Column("milestone_at", Instant),
        Column("reason", String(24)),
    )


def lane_columns(*, primary_key: bool = False) -> tuple[Column[Any], ...]:
    """Make the columns for by whom a parcel goes; see `domain.stage_times.Lane`."""
    return tuple(
        Column(name, String(24), nullable=False, server_default="", primary_key=primary_key)
        for name in ("first_carrier", "last_carrier", "service")
    )


def belongs_to(target: str, *, nullable: bool = False, index: bool = True) -> Column[Any]:
    """Make a column for the row without which another is not; no index: it begins another one."""
    return Column(
        f"{target}_id",
        ForeignKey(f"{target}.id", ondelete="CASCADE"),
        nullable=nullable,
        index=index,
    )
