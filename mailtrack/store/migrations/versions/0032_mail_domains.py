"""The mail domain of each subscriber, by which quotas find who shares one."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0030"
branch_labels = None
depends_on = None

#: What stands behind the last "@": all other letters of the address are cut off its end first.
_DOMAIN = "substr(address, length(rtrim(address, replace(address, '@', ''))) + 1)"


def upgrade() -> None:
    op.add_column(
        "subscriber",
        sa.Column("mail_domain", sa.String(length=320), nullable=False, server_default=""),
    )
    op.execute(f"UPDATE subscriber SET mail_domain = {_DOMAIN}")  # noqa: S608 - words of ours
    op.create_index("ix_subscriber_mail_domain", "subscriber", ["mail_domain"])
