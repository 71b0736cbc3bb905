"""Organisations that are deleted, and employees whose account closed when they resigned."""

from sqlalchemy import Column, Integer

from storage.migrations.guards import add_column
from storage.tables.columns import Millis

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the columns."""
    add_column("organisation", Column("deleted_at", Millis))
    add_column("employee", Column("closed_account", Integer(), nullable=False, server_default="0"))
