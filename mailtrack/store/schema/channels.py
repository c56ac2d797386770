"""Where people's news go besides mail, and what is owed there."""

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from mailtrack.store.schema.columns import (
    Instant,
    Words,
    belongs_to,
    metadata,
    row_id,
    row_key,
)

#: Where somebody's news go besides mail, or in its place; see `domain.channels`.
channel = Table(
    "channel",
    metadata,
    row_id(),
    row_key(),
    belongs_to("subscriber"),
    #: webhook, apprise; beside or instead of mail.
    Column("kind", String(16), nullable=False),
    Column("mode", String(16), nullable=False),
    #: Its address and what signs, for us alone; what people see of the address.
    Column("sealed", LargeBinary, nullable=False),
    Column("masked", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    #: When somebody clicked in the message that came there: nothing else goes there before.
    Column("proven_at", Instant),
    Column("ended_at", Instant),
    Column("ended_why", String(16), nullable=False, default=""),
    #: Failures in a row, and when the first of them was.
    Column("failures", Integer, nullable=False, default=0),
    Column("failing_since", Instant),
    Column("last_error", Words, nullable=False, default=""),
)

#: A notice on one channel, before, while and after it is sent there; without a notice, the
#: message that asks for the click.
channel_notice = Table(
    "channel_notice",
    metadata,
    row_id(),
    belongs_to("channel"),
    belongs_to("notice", nullable=True),
    #: The channel's, by which they are counted.
    Column("kind", String(16), nullable=False),
    #: due, sent, skipped or failed.
    Column("state", String(8), nullable=False),
    Column("skip", String(24)),
    #: As the notice's own, which it is taken from.
    Column("next_attempt_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("claim", String(32)),
    Column("sent_at", Instant),
    Column("last_error", Words, nullable=False, default=""),
    UniqueConstraint("notice_id", "channel_id"),
)
Index(
    "ix_channel_notice_due",
    channel_notice.c.next_attempt_at,
    sqlite_where=channel_notice.c.state == "due",
    postgresql_where=channel_notice.c.state == "due",
)
