"""The tables of feedback, from version to version (Alembic)."""
