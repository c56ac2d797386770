"""Who was invited to hear of somebody's parcels, and what is followed by that."""

from sqlalchemy import Boolean, Column, ForeignKey, String, Table

from mailtrack.store.schema.columns import Instant, metadata, row_id, row_key

#: An address that somebody invited to hear of a parcel of theirs, or of all of them; see
#: `domain.invitations`. It outlives who invited, for as long as it counts against quotas.
invitation = Table(
    "invitation",
    metadata,
    row_id(),
    row_key(),
    Column(
        "inviter_id", ForeignKey("subscriber.id", ondelete="SET NULL"), nullable=True, index=True
    ),
    Column(
        "subscription_id",
        ForeignKey("subscription.id", ondelete="SET NULL"),
        nullable=True,
        index=True,
    ),
    #: It is about all parcels of who invites, also those to come.
    Column("everything", Boolean, nullable=False),
    Column("address", String(320), nullable=False, index=True),
    #: The mailbox behind it: see `domain.invitations.mailbox_of`.
    Column("mailbox", String(320), nullable=False, index=True),
    Column("created_at", Instant, nullable=False, index=True),
    Column("mailed_at", Instant),
    Column("accepted_at", Instant),
    Column("ended_at", Instant),
    Column("refused_at", Instant),
)

#: What somebody follows by an invitation, and whose subscription tells them of the pick-up; see
#: `store.shared_subscriptions`.
shared_subscription = Table(
    "shared_subscription",
    metadata,
    Column("subscription_id", ForeignKey("subscription.id", ondelete="CASCADE"), primary_key=True),
    #: Null once either of them ended that.
    Column("source_id", ForeignKey("subscription.id", ondelete="SET NULL"), index=True),
    Column("invitation_id", ForeignKey("invitation.id", ondelete="SET NULL"), index=True),
)
