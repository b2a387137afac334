"""Alembic environment: runs pending migrations on the connection of the caller."""

from alembic import context

from mmgcn.data.events import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="feedback_version",
)
with context.begin_transaction():
    context.run_migrations()
