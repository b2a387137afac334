"""Create the table of events."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "feedback_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("item_id", sa.Text, nullable=False),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("seconds", sa.Double),
        sa.Column("run", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "event IN ('impression', 'play', 'like', 'skip')", name="feedback_events_kind"
        ),
    )
    op.create_index("feedback_events_pair", "feedback_events", ["user_id", "item_id"])


def downgrade() -> None:
    """Drop the table and its rows."""
    op.drop_index("feedback_events_pair", "feedback_events")
    op.drop_table("feedback_events")
