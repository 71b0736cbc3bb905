"""Accounts, the people of an organisation, and what they may."""

from __future__ import annotations

from typing import Final, Literal

from sqlalchemy import DDL, Index, String, UniqueConstraint, event
from sqlmodel import Field

from engine.values import Json
from storage.tables.columns import KEY_LENGTH, NAME_LENGTH, Id, LongText, Millis, Row, Word, id_column, json_column

SpaceRole = Literal["owner", "admin", "editor", "viewer"]
RoleDomain = Literal["organisation", "space"]
SubjectKind = Literal["account", "department"]

EMAIL_LENGTH = 191


class Account(Row, table=True):
    """Somebody who can log in. `org_id` is the organisation he is at home in."""

    __tablename__ = "account"
    __table_args__ = (Index("ix_account_org", "org_id", "id"),)

    id: int = id_column()
    org_id: int = Field(sa_type=Id)
    email: str = Field(sa_type=Word(EMAIL_LENGTH), unique=True)
    """NFC, in small letters."""
    unique_name: str | None = Field(default=None, sa_type=Word(64), unique=True)
    name: str = Field(sa_type=String(NAME_LENGTH))
    password: str = Field(default="", sa_type=Word(255))
    """The argon2id hash with its parameters; empty: nobody can log in with a password."""
    change_password: int = 0
    """1: the password was given by somebody else, and opens nothing but its own change."""
    disabled: int = 0
    locale: str = Field(default="", sa_type=Word(16))
    avatar: str = Field(default="", sa_type=String(500))
    created: int = Field(sa_type=Millis)
    updated: int = Field(sa_type=Millis)
    created_by: int = Field(default=0, sa_type=Id)
    last_login: int | None = Field(default=None, sa_type=Millis)
    description: str = Field(default="", sa_type=LongText)


class AccountSession(Row, table=True):
    """A browser that is logged in. Only the hash of its cookie is kept."""

    __tablename__ = "account_session"
    __table_args__ = (Index("ix_account_session_account", "account_id"), Index("ix_account_session_expires", "expires"))

    id: int = id_column()
    account_id: int = Field(sa_type=Id)
    hash: str = Field(sa_type=Word(64), unique=True)
    created: int = Field(sa_type=Millis)
    last_used: int = Field(sa_type=Millis)
    expires: int = Field(sa_type=Millis)
    """The end that no use moves."""
    ip: str = Field(default="", sa_type=Word(64))
    user_agent: str = Field(default="", sa_type=String(500))


class RateCount(Row, table=True):
    """How often something was tried in a span of time that began at `started`."""

    __tablename__ = "rate_count"

    name: str = Field(primary_key=True, sa_type=Word(KEY_LENGTH))
    started: int = Field(sa_type=Millis)
    count: int


class Department(Row, table=True):
    """A part of an organisation; departments stand in a tree below it."""

    __tablename__ = "department"
    __table_args__ = (
        UniqueConstraint("org_id", "code", name="uq_department_code"),
        UniqueConstraint("org_id", "parent_id", "name", name="uq_department_name"),
    )

    id: int = id_column()
    org_id: int = Field(sa_type=Id)
    parent_id: int = Field(default=0, sa_type=Id)
    """0 for those that stand right below the organisation."""
    name: str = Field(sa_type=Word(100))
    code: str | None = Field(default=None, sa_type=Word(32))
    leader_id: int | None = Field(default=None, sa_type=Id)
    """An employee."""
    position: int = 0
    disabled: int = 0
    created: int = Field(sa_type=Millis)
    updated: int = Field(sa_type=Millis)
    description: str = Field(default="", sa_type=LongText)


class Employee(Row, table=True):
    """A person of an organisation, who may have an account. `state` is `active` or `resigned`."""

    __tablename__ = "employee"
    __table_args__ = (
        UniqueConstraint("org_id", "number", name="uq_employee_number"),
        UniqueConstraint("org_id", "email", name="uq_employee_email"),
        UniqueConstraint("org_id", "mobile", name="uq_employee_mobile"),
        UniqueConstraint("account_id", name="uq_employee_account"),
        Index("ix_employee_org", "org_id", "id"),
    )

    id: int = id_column()
    org_id: int = Field(sa_type=Id)
    account_id: int | None = Field(default=None, sa_type=Id)
    number: str | None = Field(default=None, sa_type=Word(64))
    email: str | None = Field(default=None, sa_type=Word(EMAIL_LENGTH))
    mobile: str | None = Field(default=None, sa_type=Word(32))
    name: str = Field(sa_type=String(100))
    en_name: str = Field(default="", sa_type=String(100))
    nickname: str = Field(default="", sa_type=String(100))
    avatar: str = Field(default="", sa_type=String(500))
    state: str = Field(default="active", sa_type=Word(16))
    created: int = Field(sa_type=Millis)
    updated: int = Field(sa_type=Millis)
    resigned: int | None = Field(default=None, sa_type=Millis)
    closed_account: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """1: resigning has disabled the account, so that coming back enables it."""


class EmployeeDepartment(Row, table=True):
    """An employee's place in a department; one place is the primary one. Resigning takes all of them out of force."""

    __tablename__ = "employee_department"
    __table_args__ = (Index("ix_employee_department_department", "department_id"),)

    employee_id: int = id_column()
    department_id: int = id_column()
    job_title: str = Field(default="", sa_type=String(100))
    is_primary: int = 0
    active: int = 1
    created: int = Field(sa_type=Millis)


class SpaceMember(Row, table=True):
    """An account that works in a space, until `expires` when that is set."""

    __tablename__ = "space_member"
    __table_args__ = (Index("ix_space_member_account", "account_id"),)

    space_id: int = id_column()
    account_id: int = id_column()
    role: str = Field(sa_type=Word(16))
    """`owner`, `admin`, `editor` or `viewer`."""
    expires: int | None = Field(default=None, sa_type=Millis)
    invited_by: int = Field(default=0, sa_type=Id)
    created: int = Field(sa_type=Millis)
    updated: int = Field(sa_type=Millis)


class Role(Row, table=True):
    """A role that an organisation made itself; the built-in ones are code (`api.permissions`), with ids below 100."""

    __tablename__ = "role"
    __table_args__ = (UniqueConstraint("org_id", "key", name="uq_role_key"),)

    id: int = id_column()
    org_id: int = Field(sa_type=Id)
    key: str = Field(sa_type=Word(64))
    name: str = Field(sa_type=String(NAME_LENGTH))
    domain: str = Field(sa_type=Word(16))
    """`organisation` or `space`: where its permissions mean something."""
    disabled: int = 0
    revision: int = 1
    created_by: int = Field(default=0, sa_type=Id)
    created: int = Field(sa_type=Millis)
    updated: int = Field(sa_type=Millis)
    description: str = Field(default="", sa_type=LongText)
    permissions: list[Json] = json_column()
    """The permissions, as texts."""


class RoleGrant(Row, table=True):
    """A role given to an account, or to everybody of a department and of those below it.

    `org_id` is where it holds, with all organisations below; 0 is the instance. `space_id` 0: not one space alone.
    """

    __tablename__ = "role_grant"
    __table_args__ = (
        UniqueConstraint("subject_kind", "subject_id", "role_id", "org_id", "space_id", name="uq_role_grant_subject"),
        Index("ix_role_grant_role", "role_id"),
        Index("ix_role_grant_space", "space_id"),
    )

    id: int = id_column()
    org_id: int = Field(sa_type=Id)
    space_id: int = Field(default=0, sa_type=Id)
    role_id: int = Field(sa_type=Id)
    subject_kind: str = Field(sa_type=Word(16))
    subject_id: int = Field(sa_type=Id)
    expires: int | None = Field(default=None, sa_type=Millis)
    granted_by: int = Field(default=0, sa_type=Id)
    created: int = Field(sa_type=Millis)


class AccessEpoch(Row, table=True):
    """One row, whose number grows with every change of who may do what: what was remembered before is asked again."""

    __tablename__ = "access_epoch"

    id: int = id_column()
    value: int = Field(sa_type=Millis)


class AuditEvent(Row, table=True):
    """Who did what. Rows are added and never changed: triggers refuse it."""

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("ix_audit_event_org", "org_id", "id"),
        Index("ix_audit_event_actor", "account_id", "id"),
        Index("ix_audit_event_target", "target_kind", "target_id", "id"),
    )

    id: int = id_column()
    at: int = Field(sa_type=Millis)
    org_id: int = Field(sa_type=Id)
    space_id: int = Field(default=0, sa_type=Id)
    account_id: int = Field(default=0, sa_type=Id)
    token_id: int = Field(default=0, sa_type=Id)
    actor: str = Field(default="", sa_type=String(NAME_LENGTH))
    """What he was called then."""
    action: str = Field(sa_type=Word(64))
    target_kind: str = Field(default="", sa_type=Word(32))
    target_id: str = Field(default="", sa_type=Word(KEY_LENGTH))
    target_name: str = Field(default="", sa_type=String(NAME_LENGTH))
    outcome: str = Field(default="done", sa_type=Word(16))
    """`done` or `refused`."""
    ip: str = Field(default="", sa_type=Word(64))
    user_agent: str = Field(default="", sa_type=String(500))
    request_id: str = Field(default="", sa_type=Word(64))
    before: Json = json_column()
    after: Json = json_column()


APPEND_ONLY: Final = tuple(
    f"CREATE TRIGGER IF NOT EXISTS audit_event_no_{verb.lower()} BEFORE {verb} ON audit_event"
    " BEGIN SELECT RAISE(ABORT, 'audit events are never changed'); END"
    for verb in ("UPDATE", "DELETE")
)
"""For SQLite. Elsewhere the server's account has no right to update or delete in that table."""

for _statement in APPEND_ONLY:
    event.listen(
        AuditEvent.__table__,  # type: ignore[attr-defined]
        "after_create",
        DDL(_statement).execute_if(dialect="sqlite"),  # type: ignore[no-untyped-call]
    )
