"""The tables of the relational store. A row that belongs to an organisation and a space says to which."""

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
