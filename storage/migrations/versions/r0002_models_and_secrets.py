"""Models, what their calls cost, who may call them now, and the vault for what they are reached with."""

from sqlalchemy import Column, Integer, PrimaryKeyConstraint, String, UniqueConstraint

from storage.migrations.guards import create_index, create_table
from storage.tables.columns import Id, JsonText, LongBytes, LongText, Millis, Word

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create them."""
    create_table(
        "model",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("key", Word(191), nullable=False),
        Column("title", String(200), nullable=False),
        Column("kind", Word(16), nullable=False),
        Column("provider", Word(64), nullable=False),
        Column("vendor_model", Word(191), nullable=False),
        Column("secret_id", Id),
        Column("media", Word(8), nullable=False),
        Column("is_default", Integer(), nullable=False),
        Column("enabled", Integer(), nullable=False),
        Column("revision", Integer(), nullable=False),
        Column("created", Millis, nullable=False),
        Column("updated", Millis, nullable=False),
        Column("deleted_at", Millis),
        Column("base_url", LongText(), nullable=False),
        Column("options", JsonText(), nullable=False),
        Column("defaults", JsonText(), nullable=False),
        Column("capabilities", JsonText(), nullable=False),
        Column("quota", JsonText(), nullable=False),
        Column("patience", JsonText(), nullable=False),
        Column("prices", JsonText(), nullable=False),
        Column("fallback", JsonText(), nullable=False),
        PrimaryKeyConstraint("id", name="pk_model"),
        UniqueConstraint("org_id", "key", name="uq_model_key"),
    )
    create_table(
        "model_call",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("key", Word(64), nullable=False),
        Column("org_id", Id, nullable=False),
        Column("space_id", Id, nullable=False),
        Column("run_id", Id, nullable=False),
        Column("workflow_id", Id, nullable=False),
        Column("node", Word(64), nullable=False),
        Column("path", Word(700), nullable=False),
        Column("attempt", Integer(), nullable=False),
        Column("model", Word(191), nullable=False),
        Column("provider", Word(64), nullable=False),
        Column("vendor_model", Word(191), nullable=False),
        Column("outcome", Word(32), nullable=False),
        Column("input_tokens", Millis, nullable=False),
        Column("output_tokens", Millis, nullable=False),
        Column("cached_input_tokens", Millis, nullable=False),
        Column("reasoning_tokens", Millis, nullable=False),
        Column("cost", Millis, nullable=False),
        Column("currency", Word(8), nullable=False),
        Column("started", Millis, nullable=False),
        Column("milliseconds", Millis, nullable=False),
        Column("estimated", Integer(), nullable=False),
        PrimaryKeyConstraint("id", name="pk_model_call"),
        UniqueConstraint("key", name="uq_model_call_key"),
    )
    create_index("ix_model_call_org", "model_call", ["org_id", "started"])
    create_index("ix_model_call_run", "model_call", ["run_id"])
    create_table(
        "organisation_key",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("generation", Integer(), nullable=False),
        Column("kek_id", Word(63), nullable=False),
        Column("created", Millis, nullable=False),
        Column("wrap_nonce", LongBytes(), nullable=False),
        Column("wrapped", LongBytes(), nullable=False),
        PrimaryKeyConstraint("id", name="pk_organisation_key"),
        UniqueConstraint("org_id", "generation", name="uq_organisation_key_generation"),
    )
    create_table(
        "secret",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("kind", Word(32), nullable=False),
        Column("last4", String(4), nullable=False),
        Column("kek_id", Word(63), nullable=False),
        Column("created", Millis, nullable=False),
        Column("updated", Millis, nullable=False),
        Column("wrap_nonce", LongBytes(), nullable=False),
        Column("wrapped", LongBytes(), nullable=False),
        Column("nonce", LongBytes(), nullable=False),
        Column("data", LongBytes(), nullable=False),
        PrimaryKeyConstraint("id", name="pk_secret"),
    )
    create_index("ix_secret_org", "secret", ["org_id", "kind"])
    create_table(
        "throttle_lease",
        Column("name", Word(191), nullable=False),
        Column("lease", Word(191), nullable=False),
        Column("taken", Millis, nullable=False),
        Column("expires", Millis, nullable=False),
        PrimaryKeyConstraint("name", "lease", name="pk_throttle_lease"),
    )
    create_table(
        "throttle_use",
        Column("name", Word(191), nullable=False),
        Column("second", Id, nullable=False, autoincrement=False),
        Column("requests", Millis, nullable=False),
        Column("tokens", Millis, nullable=False),
        PrimaryKeyConstraint("name", "second", name="pk_throttle_use"),
    )
    create_table(
        "wrapping_key",
        Column("id", Word(63), nullable=False),
        Column("check_value", Word(64), nullable=False),
        Column("created", Millis, nullable=False),
        PrimaryKeyConstraint("id", name="pk_wrapping_key"),
    )
