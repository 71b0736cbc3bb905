"""The tables of the relational store. A row that belongs to an organisation and a space says to which."""

from storage.tables.conversations import (
    ConversationMessage,
    ConversationRow,
    ConversationTemplate,
    ConversationWrite,
    MessageFeedback,
)
from storage.tables.external_ids import ExternalId
from storage.tables.files import FileRow, FileSpace
from storage.tables.identity import (
    AccessEpoch,
    Account,
    AccountSession,
    AuditEvent,
    Department,
    Employee,
    EmployeeDepartment,
    RateCount,
    Role,
    RoleGrant,
    SpaceMember,
)
from storage.tables.knowledge import KnowledgeBaseRow, KnowledgeChunkRow, KnowledgeDocumentRow
from storage.tables.models import Model, ModelCallRow, ThrottleLease, ThrottleUse
from storage.tables.oauth import OAuthApp, OAuthKey, OAuthUse
from storage.tables.plugins import Plugin, PluginToolRow, PluginVersion
from storage.tables.runs import NodeRecord, OpenWaitRow, Run, RunEventRow
from storage.tables.tenancy import AccessToken, Organisation, Space
from storage.tables.variables import Variable, VariableDefinitionRow
from storage.tables.vault import OrganisationKey, Secret, WrappingKey
from storage.tables.workflows import Folder, KeptDraft, PlanRow, Workflow, WorkflowReference, WorkflowVersion

__all__ = [
    "AccessEpoch",
    "AccessToken",
    "Account",
    "AccountSession",
    "AuditEvent",
    "ConversationMessage",
    "ConversationRow",
    "ConversationTemplate",
    "ConversationWrite",
    "Department",
    "Employee",
    "EmployeeDepartment",
    "ExternalId",
    "FileRow",
    "FileSpace",
    "Folder",
    "KeptDraft",
    "KnowledgeBaseRow",
    "KnowledgeChunkRow",
    "KnowledgeDocumentRow",
    "MessageFeedback",
    "Model",
    "ModelCallRow",
    "NodeRecord",
    "OAuthApp",
    "OAuthKey",
    "OAuthUse",
    "OpenWaitRow",
    "Organisation",
    "OrganisationKey",
    "PlanRow",
    "Plugin",
    "PluginToolRow",
    "PluginVersion",
    "RateCount",
    "Role",
    "RoleGrant",
    "Run",
    "RunEventRow",
    "Secret",
    "Space",
    "SpaceMember",
    "ThrottleLease",
    "ThrottleUse",
    "Variable",
    "VariableDefinitionRow",
    "Workflow",
    "WorkflowReference",
    "WorkflowVersion",
    "WrappingKey",
]
