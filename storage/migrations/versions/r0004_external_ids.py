"""What things are called in the systems they came from."""

from sqlalchemy import Column, PrimaryKeyConstraint

from storage.migrations.guards import create_table
from storage.tables.columns import Id, Millis, Word

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table."""
    create_table(
        "external_id",
        Column("org_id", Id, nullable=False, autoincrement=False),
        Column("space_id", Id, nullable=False, autoincrement=False),
        Column("source", Word(32), nullable=False),
        Column("kind", Word(32), nullable=False),
        Column("external", Word(191), nullable=False),
        Column("ours", Word(191), nullable=False),
        Column("updated", Millis, nullable=False),
        PrimaryKeyConstraint("org_id", "space_id", "source", "kind", "external", name="pk_external_id"),
    )
