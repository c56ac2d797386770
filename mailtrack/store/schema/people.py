"""Who follows, and what they sent: mailboxes, subscribers and their mails."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine.default import DefaultExecutionContext

from mailtrack.store.schema.columns import (
    Compressed,
    Instant,
    Names,
    Words,
    belongs_to,
    metadata,
    partial_index,
    row_id,
    row_key,
)

mailbox = Table(
    "mailbox",
    metadata,
    Column("account", String(320), primary_key=True),
    Column("folder", String(255), primary_key=True),
    Column("uidvalidity", BigInteger, nullable=False, default=0),
    Column("last_uid", BigInteger, nullable=False, default=0),
    Column("state", String(16), nullable=False, default=""),
    Column("detail", Words, nullable=False, default=""),
    Column("state_at", Instant),
    Column("last_ok_at", Instant),
)


def _mail_domain(context: DefaultExecutionContext) -> str:
    """Return the mail domain of a row that is inserted."""
    parameters = context.get_current_parameters()  # type: ignore[no-untyped-call]
    return str(parameters["address"]).rpartition("@")[2]


subscriber = Table(
    "subscriber",
    metadata,
    row_id(),
    row_key(),
    Column("address", String(320), nullable=False, unique=True),
    #: What stands behind its last "@": the addresses of a domain share quotas.
    Column(
        "mail_domain",
        String(320),
        nullable=False,
        server_default="",
        default=_mail_domain,
        index=True,
    ),
    Column("created_at", Instant, nullable=False),
    #: When they clicked in a mail of ours, so that the address is theirs.
    Column("confirmed_at", Instant),
    Column("unsubscribed_at", Instant),
    Column("bounced_at", Instant),
    #: Temporary failures reported since the last mail that came from them.
    Column("soft_bounces", Integer, nullable=False, default=0),
    #: Kinds of notices that they chose not to get, by name, with commas between.
    Column("unwanted", Names, nullable=False, default=frozenset()),
    #: Kinds that go to those who ask for them, and that they asked for.
    Column("also_wanted", Names, nullable=False, default=frozenset()),
    #: Where their parcels go, as they told it: half of the key that some carriers ask for.
    Column("postcode", String(5)),
    #: When to look whether anything proves that they wrote to us; null once something does.
    Column("review_at", Instant),
)
partial_index("ix_subscriber_review", subscriber.c.review_at, subscriber.c.review_at.is_not(None))


#: Addresses that asked for no more mail, or refuse it, and were then erased: a keyed hash
#: is enough to leave them in peace.
suppressed = Table(
    "suppressed",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("why", String(16), nullable=False),
    Column("at", Instant, nullable=False),
)


inbound = Table(
    "inbound",
    metadata,
    row_id(),
    Column("account", String(320), nullable=False),
    Column("folder", String(255), nullable=False),
    Column("uidvalidity", BigInteger, nullable=False),
    Column("uid", BigInteger, nullable=False),
    #: SHA-256 of the raw mail: the same mail again, after the server renumbered it.
    Column("content_key", String(64), nullable=False),
    Column("raw", Compressed),
    Column("received_at", Instant, nullable=False),
    Column("stored_at", Instant, nullable=False),
    #: Null while the mail waits to be read.
    Column("outcome", String(24)),
    Column("reason", Words, nullable=False, default=""),
    Column("read_at", Instant),
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", Instant, nullable=False),
    Column("claim", String(32)),
    belongs_to("subscriber", nullable=True),
    Column("subject", Text, nullable=False, default=""),
    Column("message_id", Text, nullable=False, default=""),
    Column("shop", String(32)),
    Column("kind", String(32)),
    #: The numbers of parcels, or else of orders or of what is asked about, with commas between.
    Column("names", Text, nullable=False, default=""),
    #: Where it came from, as far as our own server tells: a network, or else a domain.
    Column("source", String(64), nullable=False, default=""),
    #: Since when it waits for its sender's word that it is theirs; null where it does not.
    Column("held_at", Instant),
    #: When its sender was asked about it, and when they said that it is theirs.
    Column("asked_at", Instant),
    Column("vouched_at", Instant),
    #: What was read of each mail that it holds, where its answer tells that.
    Column("mails_read", JSON(none_as_null=True)),
    UniqueConstraint("account", "folder", "uidvalidity", "uid"),
    UniqueConstraint("account", "content_key"),
)
partial_index("ix_inbound_due", inbound.c.due_at, inbound.c.outcome.is_(None))
partial_index("ix_inbound_held", inbound.c.asked_at, inbound.c.held_at.is_not(None))
partial_index("ix_inbound_raw", inbound.c.read_at, inbound.c.raw.is_not(None))
