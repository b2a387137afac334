"""What Alembic runs: the steps that are missing, on the connection that it was given."""

from alembic import context

from mmgcn.data.events import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="feedback_version",
)
with context.begin_transaction():
    context.run_migrations()
