"""Store the share of a video that was played."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column."""
    op.add_column("feedback_events", sa.Column("share", sa.Double))


def downgrade() -> None:
    """Drop the column and its values."""
    op.drop_column("feedback_events", "share")
