"""The price of a request, in the measure of the rule of polling that knows the age of a silence."""

from alembic import op

revision = "0022"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The least price was 0.3 hours of expected delay; as many requests are made now at 0.7.
    op.execute("UPDATE carrier SET price_h = price_h * 7 / 3")
