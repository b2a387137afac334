"""Index the last like or skip of a user for each item."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

PREFERENCES = sa.text("event IN ('like', 'skip', 'unlike', 'unskip')")


def upgrade() -> None:
    """Create an index of likes and skips and their cancellations."""
    op.create_index(
        "feedback_events_said",
        "feedback_events",
        ["user_id", "item_id", "event"],
        sqlite_where=PREFERENCES,
        postgresql_where=PREFERENCES,
    )


def downgrade() -> None:
    """Drop the index."""
    op.drop_index("feedback_events_said", "feedback_events")
