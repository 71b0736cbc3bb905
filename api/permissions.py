"""What there is to be allowed, and the roles that are always there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

Domain = Literal["self", "space", "organisation", "instance"]


class Permission(StrEnum):
    """What a route may ask for: a resource and an action."""

    # --- of a space ---------------------------------------------------------------------------------------------------
    WORKFLOW_VIEW = "workflow.view"
    WORKFLOW_EDIT = "workflow.edit"
    WORKFLOW_PUBLISH = "workflow.publish"
    WORKFLOW_DELETE = "workflow.delete"
    RUN_VIEW = "run.view"
    RUN_START = "run.start"
    RUN_ANSWER = "run.answer"
    RUN_CANCEL = "run.cancel"
    CONVERSATION_VIEW = "conversation.view"
    CONVERSATION_EDIT = "conversation.edit"
    VARIABLE_VIEW = "variable.view"
    VARIABLE_EDIT = "variable.edit"
    PLUGIN_VIEW = "plugin.view"
    PLUGIN_EDIT = "plugin.edit"
    PLUGIN_PUBLISH = "plugin.publish"
    KNOWLEDGE_VIEW = "knowledge.view"
    KNOWLEDGE_EDIT = "knowledge.edit"
    DATABASE_VIEW = "database.view"
    DATABASE_EDIT = "database.edit"
    FILE_VIEW = "file.view"
    FILE_EDIT = "file.edit"
    MODEL_VIEW = "model.view"
    SPACE_VIEW = "space.view"
    SPACE_EDIT = "space.edit"
    SPACE_DELETE = "space.delete"
    SPACE_TRANSFER = "space.transfer"
    SPACE_LEAVE = "space.leave"
    MEMBER_VIEW = "member.view"
    MEMBER_INVITE = "member.invite"
    MEMBER_REMOVE = "member.remove"
    MEMBER_CHANGE_ROLE = "member.change_role"
    GUEST_ADMIT = "guest.admit"
    # --- of an organisation, and those below it -----------------------------------------------------------------------
    ORGANISATION_VIEW = "organisation.view"
    ORGANISATION_CREATE = "organisation.create"
    ORGANISATION_EDIT = "organisation.edit"
    ORGANISATION_DELETE = "organisation.delete"
    DEPARTMENT_CREATE = "department.create"
    DEPARTMENT_EDIT = "department.edit"
    DEPARTMENT_DELETE = "department.delete"
    EMPLOYEE_VIEW = "employee.view"
    EMPLOYEE_CREATE = "employee.create"
    EMPLOYEE_EDIT = "employee.edit"
    EMPLOYEE_DELETE = "employee.delete"
    EMPLOYEE_CHANGE_DEPARTMENT = "employee.change_department"
    EMPLOYEE_RESIGN = "employee.resign"
    ACCOUNT_VIEW = "account.view"
    ACCOUNT_CREATE = "account.create"
    ACCOUNT_DISABLE = "account.disable"
    ACCOUNT_RESET_PASSWORD = "account.reset_password"  # noqa: S105
    ROLE_VIEW = "role.view"
    ROLE_CREATE = "role.create"
    ROLE_EDIT = "role.edit"
    ROLE_DELETE = "role.delete"
    ROLE_GRANT = "role.grant"
    SPACE_MANAGE = "space.manage"
    MODEL_EDIT = "model.edit"
    USAGE_VIEW = "usage.view"
    OAUTH_APP_VIEW = "oauth_app.view"
    OAUTH_APP_EDIT = "oauth_app.edit"
    AUDIT_VIEW = "audit.view"
    # --- of the instance ----------------------------------------------------------------------------------------------
    MODEL_EDIT_INSTANCE = "model.edit_instance"
    ORGANISATION_CREATE_ROOT = "organisation.create_root"
    # --- of everybody who is known ------------------------------------------------------------------------------------
    CATALOGUE_VIEW = "catalogue.view"
    PROFILE_VIEW = "profile.view"
    PROFILE_EDIT = "profile.edit"
    TOKEN_VIEW = "token.view"  # noqa: S105
    TOKEN_EDIT = "token.edit"  # noqa: S105
    SPACE_CREATE = "space.create"

    @property
    def resource(self) -> str:
        """What it is about."""
        return self.value.partition(".")[0]

    @property
    def action(self) -> str:
        """What may be done with it."""
        return self.value.partition(".")[2]

    @property
    def domain(self) -> Domain:
        """Where it means something."""
        return _DOMAINS[self]


def _between(first: Permission, last: Permission) -> frozenset[Permission]:
    every = [*Permission]
    return frozenset(every[every.index(first) : every.index(last) + 1])


EVERYTHING: Final = frozenset(Permission)
OF_SPACES: Final = _between(Permission.WORKFLOW_VIEW, Permission.GUEST_ADMIT)
OF_ORGANISATIONS: Final = _between(Permission.ORGANISATION_VIEW, Permission.AUDIT_VIEW)
OF_THE_INSTANCE: Final = _between(Permission.MODEL_EDIT_INSTANCE, Permission.ORGANISATION_CREATE_ROOT)
OF_EVERYBODY: Final = _between(Permission.CATALOGUE_VIEW, Permission.SPACE_CREATE)

_DOMAINS: Final[Mapping[Permission, Domain]] = {
    **dict.fromkeys(OF_SPACES, "space"),
    **dict.fromkeys(OF_ORGANISATIONS, "organisation"),
    **dict.fromkeys(OF_THE_INSTANCE, "instance"),
    **dict.fromkeys(OF_EVERYBODY, "self"),
}

_VIEWS: Final = frozenset(one for one in OF_SPACES if one.action == "view")
_ADMINISTERS: Final = frozenset(
    {
        Permission.SPACE_EDIT,
        Permission.MEMBER_INVITE,
        Permission.MEMBER_REMOVE,
        Permission.MEMBER_CHANGE_ROLE,
        Permission.GUEST_ADMIT,
    }
)
_OWNS: Final = frozenset({Permission.SPACE_DELETE, Permission.SPACE_TRANSFER})

SPACE_ROLES: Final[Mapping[str, frozenset[Permission]]] = {
    "viewer": _VIEWS | {Permission.SPACE_LEAVE},
    "editor": OF_SPACES - _ADMINISTERS - _OWNS,
    "admin": OF_SPACES - _OWNS,
    "owner": OF_SPACES,
}
"""What the members of a space may there."""
RANKS: Final = ("viewer", "editor", "admin", "owner")
"""Of the roles in a space, the lowest first."""


@dataclass(frozen=True, slots=True)
class BuiltInRole:
    """A role that no organisation made, and none can change."""

    id: int
    key: str
    name: str
    domain: Literal["instance", "organisation", "space"]
    permissions: frozenset[Permission]


BUILT_IN: Final[Mapping[int, BuiltInRole]] = {
    role.id: role
    for role in (
        # Neither sees what is inside a space without being a member of it: who may manage spaces may become one, and
        # that is written down.
        BuiltInRole(1, "instance_admin", "Instance administrator", "instance", OF_ORGANISATIONS | OF_THE_INSTANCE),
        BuiltInRole(2, "organisation_admin", "Organisation administrator", "organisation", OF_ORGANISATIONS),
        BuiltInRole(
            3,
            "auditor",
            "Auditor",
            "organisation",
            frozenset(
                {
                    Permission.ORGANISATION_VIEW,
                    Permission.EMPLOYEE_VIEW,
                    Permission.ACCOUNT_VIEW,
                    Permission.ROLE_VIEW,
                    Permission.USAGE_VIEW,
                    Permission.AUDIT_VIEW,
                }
            ),
        ),
        BuiltInRole(11, "space_viewer", "Viewer", "space", SPACE_ROLES["viewer"]),
        BuiltInRole(12, "space_editor", "Editor", "space", SPACE_ROLES["editor"]),
        BuiltInRole(13, "space_admin", "Space administrator", "space", SPACE_ROLES["admin"]),
    )
}
INSTANCE_ADMIN: Final = 1
ORGANISATION_ADMIN: Final = 2


def read_permissions(texts: Iterable[str]) -> frozenset[Permission]:
    """The permissions among the texts of a stored role. One that a newer version knew means nothing here."""
    known = Permission._value2member_map_
    return frozenset(Permission(one) for one in texts if one in known)


def in_scope(scopes: Iterable[str]) -> frozenset[Permission]:
    """What the scopes of a token let through: `*`, everything of a resource (`workflow.*`), or a permission."""
    allowed: set[Permission] = set()
    for scope in scopes:
        if scope == "*":
            return EVERYTHING
        resource, _, action = scope.partition(".")
        allowed |= {one for one in Permission if one.resource == resource and action in {"*", one.action}}
    return frozenset(allowed)
