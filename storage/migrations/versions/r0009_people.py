"""Accounts, the people of an organisation, what they may, and what was done."""

from alembic import op
from sqlalchemy import Column, Integer, PrimaryKeyConstraint, String, UniqueConstraint, text

from storage.migrations.guards import add_column, create_index, create_table
from storage.tables.columns import Id, JsonText, LongText, Millis, Word
from storage.tables.identity import APPEND_ONLY

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create them, and say more of organisations, spaces and tokens."""
    create_table(
        "account",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("email", Word(191), nullable=False),
        Column("unique_name", Word(64)),
        Column("name", String(200), nullable=False),
        Column("password", Word(255), nullable=False),
        Column("change_password", Integer(), nullable=False),
        Column("disabled", Integer(), nullable=False),
        Column("locale", Word(16), nullable=False),
        Column("avatar", String(500), nullable=False),
        Column("created", Millis, nullable=False),
        Column("updated", Millis, nullable=False),
        Column("created_by", Id, nullable=False),
        Column("last_login", Millis),
        Column("description", LongText(), nullable=False),
        PrimaryKeyConstraint("id", name="pk_account"),
        UniqueConstraint("email", name="uq_account_email"),
        UniqueConstraint("unique_name", name="uq_account_unique_name"),
    )
    create_index("ix_account_org", "account", ["org_id", "id"])
    create_table(
        "account_session",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("account_id", Id, nullable=False),
        Column("hash", Word(64), nullable=False),
        Column("created", Millis, nullable=False),
        Column("last_used", Millis, nullable=False),
        Column("expires", Millis, nullable=False),
        Column("ip", Word(64), nullable=False),
        Column("user_agent", String(500), nullable=False),
        PrimaryKeyConstraint("id", name="pk_account_session"),
        UniqueConstraint("hash", name="uq_account_session_hash"),
    )
    create_index("ix_account_session_account", "account_session", ["account_id"])
    create_index("ix_account_session_expires", "account_session", ["expires"])
    create_table(
        "rate_count",
        Column("name", Word(191), nullable=False),
        Column("started", Millis, nullable=False),
        Column("count", Integer(), nullable=False),
        PrimaryKeyConstraint("name", name="pk_rate_count"),
    )
    create_table(
        "department",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("parent_id", Id, nullable=False),
        Column("name", Word(100), nullable=False),
        Column("code", Word(32)),
        Column("leader_id", Id),
        Column("position", Integer(), nullable=False),
        Column("disabled", Integer(), nullable=False),
        Column("created", Millis, nullable=False),
        Column("updated", Millis, nullable=False),
        Column("description", LongText(), nullable=False),
        PrimaryKeyConstraint("id", name="pk_department"),
        UniqueConstraint("org_id", "code", name="uq_department_code"),
        UniqueConstraint("org_id", "parent_id", "name", name="uq_department_name"),
    )
    create_table(
        "employee",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("account_id", Id),
        Column("number", Word(64)),
        Column("email", Word(191)),
        Column("mobile", Word(32)),
        Column("name", String(100), nullable=False),
        Column("en_name", String(100), nullable=False),
        Column("nickname", String(100), nullable=False),
        Column("avatar", String(500), nullable=False),
        Column("state", Word(16), nullable=False),
        Column("created", Millis, nullable=False),
        Column("updated", Millis, nullable=False),
        Column("resigned", Millis),
        PrimaryKeyConstraint("id", name="pk_employee"),
        UniqueConstraint("account_id", name="uq_employee_account"),
        UniqueConstraint("org_id", "email", name="uq_employee_email"),
        UniqueConstraint("org_id", "mobile", name="uq_employee_mobile"),
        UniqueConstraint("org_id", "number", name="uq_employee_number"),
    )
    create_index("ix_employee_org", "employee", ["org_id", "id"])
    create_table(
        "employee_department",
        Column("employee_id", Id, nullable=False, autoincrement=False),
        Column("department_id", Id, nullable=False, autoincrement=False),
        Column("job_title", String(100), nullable=False),
        Column("is_primary", Integer(), nullable=False),
        Column("active", Integer(), nullable=False),
        Column("created", Millis, nullable=False),
        PrimaryKeyConstraint("employee_id", "department_id", name="pk_employee_department"),
    )
    create_index("ix_employee_department_department", "employee_department", ["department_id"])
    create_table(
        "space_member",
        Column("space_id", Id, nullable=False, autoincrement=False),
        Column("account_id", Id, nullable=False, autoincrement=False),
        Column("role", Word(16), nullable=False),
        Column("expires", Millis),
        Column("invited_by", Id, nullable=False),
        Column("created", Millis, nullable=False),
        Column("updated", Millis, nullable=False),
        PrimaryKeyConstraint("space_id", "account_id", name="pk_space_member"),
    )
    create_index("ix_space_member_account", "space_member", ["account_id"])
    create_table(
        "role",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("key", Word(64), nullable=False),
        Column("name", String(200), nullable=False),
        Column("domain", Word(16), nullable=False),
        Column("disabled", Integer(), nullable=False),
        Column("revision", Integer(), nullable=False),
        Column("created_by", Id, nullable=False),
        Column("created", Millis, nullable=False),
        Column("updated", Millis, nullable=False),
        Column("description", LongText(), nullable=False),
        Column("permissions", JsonText()),
        PrimaryKeyConstraint("id", name="pk_role"),
        UniqueConstraint("org_id", "key", name="uq_role_key"),
    )
    create_table(
        "role_grant",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("org_id", Id, nullable=False),
        Column("space_id", Id, nullable=False),
        Column("role_id", Id, nullable=False),
        Column("subject_kind", Word(16), nullable=False),
        Column("subject_id", Id, nullable=False),
        Column("expires", Millis),
        Column("granted_by", Id, nullable=False),
        Column("created", Millis, nullable=False),
        PrimaryKeyConstraint("id", name="pk_role_grant"),
        UniqueConstraint("subject_kind", "subject_id", "role_id", "org_id", "space_id", name="uq_role_grant_subject"),
    )
    create_index("ix_role_grant_role", "role_grant", ["role_id"])
    create_index("ix_role_grant_space", "role_grant", ["space_id"])
    create_table(
        "access_epoch",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("value", Millis, nullable=False),
        PrimaryKeyConstraint("id", name="pk_access_epoch"),
    )
    create_table(
        "audit_event",
        Column("id", Id, nullable=False, autoincrement=False),
        Column("at", Millis, nullable=False),
        Column("org_id", Id, nullable=False),
        Column("space_id", Id, nullable=False),
        Column("account_id", Id, nullable=False),
        Column("token_id", Id, nullable=False),
        Column("actor", String(200), nullable=False),
        Column("action", Word(64), nullable=False),
        Column("target_kind", Word(32), nullable=False),
        Column("target_id", Word(191), nullable=False),
        Column("target_name", String(200), nullable=False),
        Column("outcome", Word(16), nullable=False),
        Column("ip", Word(64), nullable=False),
        Column("user_agent", String(500), nullable=False),
        Column("request_id", Word(64), nullable=False),
        Column("before", JsonText()),
        Column("after", JsonText()),
        PrimaryKeyConstraint("id", name="pk_audit_event"),
    )
    create_index("ix_audit_event_actor", "audit_event", ["account_id", "id"])
    create_index("ix_audit_event_org", "audit_event", ["org_id", "id"])
    create_index("ix_audit_event_target", "audit_event", ["target_kind", "target_id", "id"])

    if op.get_bind().dialect.name == "sqlite":
        for statement in APPEND_ONLY:
            op.execute(statement)
    add_column("organisation", Column("parent_id", Id))
    add_column("organisation", Column("kind", Word(16), nullable=False, server_default="company"))
    add_column("organisation", Column("position", Integer(), nullable=False, server_default="0"))
    add_column("organisation", Column("updated", Millis))
    create_index("ix_organisation_parent", "organisation", ["parent_id"])
    add_column("space", Column("kind", Word(16), nullable=False, server_default="team"))
    add_column("space", Column("description", String(2_000), nullable=False, server_default=text("''")))
    add_column("space", Column("icon", String(500), nullable=False, server_default=text("''")))
    add_column("space", Column("created_by", Id, nullable=False, server_default="0"))
    add_column("space", Column("updated", Millis))
    add_column("space", Column("deleted_at", Millis))
    add_column("access_token", Column("kind", Word(16), nullable=False, server_default="instance"))
    add_column("access_token", Column("account_id", Id, nullable=False, server_default="0"))
    add_column("access_token", Column("app_id", Id, nullable=False, server_default="0"))
    add_column("access_token", Column("expires", Millis))
    add_column("access_token", Column("last_ip", Word(64), nullable=False, server_default=text("''")))
    add_column("access_token", Column("scopes", JsonText()))
    add_column("access_token", Column("spaces", JsonText()))
    add_column("access_token", Column("guest", JsonText()))
    create_index("ix_access_token_account", "access_token", ["account_id"])
