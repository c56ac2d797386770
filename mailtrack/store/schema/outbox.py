"""The outbox, and how the relay takes what leaves it."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
)

from mailtrack.store.schema.codes import NoticeKinds, NoticeStates, SkipReasons
from mailtrack.store.schema.columns import (
    Instant,
    Words,
    belongs_to,
    metadata,
    partial_index,
    row_id,
)

#: The outbox: one mail owed to one subscriber, before, while and after it is sent.
notice = Table(
    "notice",
    metadata,
    row_id(),
    belongs_to("subscriber"),
    belongs_to("subscription", nullable=True, index=False),
    belongs_to("inbound", nullable=True, index=False),
    Column("kind", NoticeKinds, nullable=False),
    Column("occurrence", String(32), nullable=False),
    Column("state", NoticeStates, nullable=False),
    Column("skip", SkipReasons),
    #: When what it tells happened, by the carrier's clock; null where it tells no event.
    Column("event_at", Instant),
    #: Which event that is; null, too, where it was left out for good.
    Column("event_fingerprint", BigInteger),
    Column("created_at", Instant, nullable=False),
    #: Null where it was left out from the start.
    Column("next_attempt_at", Instant),
    Column("attempts", Integer, nullable=False, default=0),
    Column("claim", String(32)),
    Column("sent_at", Instant),
    #: By which a report names it; null where a return address of its own does.
    Column("message_id", Text),
    #: It answers somebody who has just written: it goes out by night, too.
    Column("prompt", Boolean, nullable=False, default=False),
    #: It goes before the others, where not all can go at once.
    Column("urgent", Boolean, nullable=False, default=False),
    #: The digest that tells this instead.
    Column("digest_id", Integer),
    Column("last_error", Words, nullable=False, default=""),
    UniqueConstraint("subscription_id", "kind", "occurrence"),
)
Index(
    "uq_notice_inbound_id_kind_occurrence",
    notice.c.inbound_id,
    notice.c.kind,
    notice.c.occurrence,
    unique=True,
    sqlite_where=notice.c.inbound_id.is_not(None),
    postgresql_where=notice.c.inbound_id.is_not(None),
)
partial_index("ix_notice_message", notice.c.message_id, notice.c.message_id.is_not(None))
partial_index("ix_notice_digest", notice.c.digest_id, notice.c.digest_id.is_not(None))
partial_index("ix_notice_due", notice.c.next_attempt_at, notice.c.state == "due")

partial_index(
    "ix_notice_urgent", notice.c.next_attempt_at, and_(notice.c.state == "due", notice.c.urgent)
)

partial_index("ix_notice_sent_at", notice.c.sent_at, notice.c.sent_at.is_not(None))


#: How the relay takes our mails, for all workers: see `domain.relay`. A row appears with the
#: first refusal; another relay or account has a row of its own.
relay = Table(
    "relay",
    metadata,
    Column("name", String(400), primary_key=True),
    Column("refusals", Integer, nullable=False, default=0),
    Column("doubts", Integer, nullable=False, default=0),
    Column("since", Instant),
    Column("blocked_until", Instant),
    Column("whose", String(16), nullable=False, default=""),
    Column("said", Text, nullable=False, default=""),
    Column("probe", String(32), nullable=False, default=""),
    Column("probe_until", Instant),
)
