"""What an author's code printed, in the record of its step."""

from sqlalchemy import Column

from storage.migrations.guards import add_column
from storage.tables.columns import JsonText

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column."""
    add_column("node_record", Column("logs", JsonText()))
