"""What a step has to tell beside its output, in its record."""

from sqlalchemy import Column

from storage.migrations.guards import add_column
from storage.tables.columns import JsonText

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column."""
    add_column("node_record", Column("details", JsonText()))
