"""Applications that ask for tokens themselves, and more about tokens: how they begin, who issued them, their rates."""

from sqlalchemy import Column, Integer, PrimaryKeyConstraint, String, UniqueConstraint, text

from storage.migrations.guards import add_column, create_index, create_table
from storage.tables.columns import Id, JsonText, LongText, Millis, Word

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Create the tables, and add the columns."""
    create_table(
        "oauth_app",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("client_id", Word(64), nullable=False),
        Column("name", String(200), nullable=False),
        Column("account_id", Id, nullable=False),
        Column("space_id", Id, nullable=False),
        Column("disabled", Integer(), nullable=False),
        Column("created", Millis, nullable=False),
        Column("updated", Millis, nullable=False),
        Column("created_by", Id, nullable=False),
        Column("last_used", Millis),
        Column("scopes", JsonText()),
        Column("spaces", JsonText()),
        PrimaryKeyConstraint("id", name="pk_oauth_app"),
        UniqueConstraint("client_id", name="uq_oauth_app_client"),
    )
    create_index("ix_oauth_app_org", "oauth_app", ["org_id", "id"])
    create_index("ix_oauth_app_account", "oauth_app", ["account_id"])
    create_table(
        "oauth_key",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("app_id", Id, nullable=False),
        Column("kid", Word(64), nullable=False),
        Column("name", String(200), nullable=False),
        Column("pem", LongText(), nullable=False),
        Column("created", Millis, nullable=False),
        Column("created_by", Id, nullable=False),
        Column("last_used", Millis),
        PrimaryKeyConstraint("id", name="pk_oauth_key"),
        UniqueConstraint("app_id", "kid", name="uq_oauth_key_kid"),
    )
    create_table(
        "oauth_use",
        Column("hash", Word(64), nullable=False),
        Column("expires", Millis, nullable=False),
        PrimaryKeyConstraint("hash", name="pk_oauth_use"),
    )
    create_index("ix_oauth_use_expires", "oauth_use", ["expires"])
    add_column("access_token", Column("prefix", Word(48), nullable=False, server_default=text("''")))
    add_column("access_token", Column("issuer_id", Id, nullable=False, server_default="0"))
    add_column("access_token", Column("requests_per_minute", Integer()))
    add_column("access_token", Column("runs_per_minute", Integer()))
    create_index("ix_access_token_app", "access_token", ["app_id"])
    create_index("ix_access_token_issuer", "access_token", ["issuer_id"])
    create_index("ix_access_token_expires", "access_token", ["expires"])
