"""The tables of the relational store. Every row says which organisation and space it belongs to, where it belongs to one."""

from storage.tables.runs import NodeRecord, OpenWaitRow, Run, RunEventRow
from storage.tables.tenancy import AccessToken, Organisation, Space
from storage.tables.variables import Variable
from storage.tables.workflows import PlanRow, Workflow, WorkflowVersion

__all__ = [
    "AccessToken",
    "NodeRecord",
    "OpenWaitRow",
    "Organisation",
    "PlanRow",
    "Run",
    "RunEventRow",
    "Space",
    "Variable",
    "Workflow",
    "WorkflowVersion",
]
