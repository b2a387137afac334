"""Migrations of the feedback tables (Alembic)."""
