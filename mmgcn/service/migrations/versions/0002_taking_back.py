"""Add `unlike` and `unskip`, which cancel a like and a skip."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BEFORE = "event IN ('impression', 'play', 'like', 'skip')"
AFTER = "event IN ('impression', 'play', 'like', 'skip', 'unlike', 'unskip')"


def upgrade() -> None:
    """Allow the new kinds of events."""
    _change_check(BEFORE, AFTER)


def downgrade() -> None:
    """Delete cancelled events and their cancellations, so that they do not count again."""
    op.execute(
        "DELETE FROM feedback_events WHERE id IN ("
        " SELECT taken.id FROM feedback_events AS taken JOIN feedback_events AS back"
        " ON back.user_id = taken.user_id AND back.item_id = taken.item_id"
        " AND back.event = 'un' || taken.event AND back.id > taken.id)"
    )
    op.execute("DELETE FROM feedback_events WHERE event IN ('unlike', 'unskip')")
    _change_check(AFTER, BEFORE)


def _change_check(old: str, new: str) -> None:
    """Replace a constraint; SQLite copies the table for that."""
    table = sa.Table(
        "feedback_events",
        sa.MetaData(),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("item_id", sa.Text, nullable=False),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("seconds", sa.Double),
        sa.Column("run", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(old, name="feedback_events_kind"),
        sa.Index("feedback_events_pair", "user_id", "item_id"),
    )
    with op.batch_alter_table("feedback_events", copy_from=table) as batch:
        batch.drop_constraint("feedback_events_kind", type_="check")
        batch.create_check_constraint("feedback_events_kind", sa.text(new))
