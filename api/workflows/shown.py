"""Workflows and versions as the API shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from api.access import Member
from api.workflows.schemas import Author, DiagnosticOut, VersionOut, WorkflowOut
from engine.diagnostics import Diagnostic
from storage.stores import Stores
from storage.tables import Workflow, WorkflowVersion
from storage.workflow_lists import state_of
from storage.workflows import VersionSummary, WorkflowSummary

Names = Mapping[int, str]
"""What accounts are called."""


async def names_in(
    member: Member, stores: Stores, rows: Iterable[Workflow | WorkflowSummary | VersionSummary | WorkflowVersion]
) -> Names:
    """What the accounts are called that made or changed these."""
    ids = {id_ for row in rows for id_ in (row.created_by, getattr(row, "updated_by", 0))}
    return await stores.workflows(member.org_id, member.space_id).names_of(ids)


def author(id_: int, names: Names) -> Author | None:
    """An account; None for nobody."""
    return Author(id=str(id_), name=names.get(id_, "")) if id_ else None


def _person(id_: int, names: Names) -> dict[str, str] | None:
    return {"id": str(id_), "name": names.get(id_, "")} if id_ else None


def shown(workflow: Workflow | WorkflowSummary, names: Names) -> dict[str, Any]:
    """The fields of a `WorkflowOut`."""
    tags = workflow.tags
    return {
        "id": str(workflow.id),
        "key": workflow.key,
        "name": workflow.name,
        "description": workflow.description,
        "revision": workflow.revision,
        "latest_version": workflow.latest_version,
        "state": state_of(workflow),
        "folder_id": str(workflow.folder_id),
        "tags": tags if isinstance(tags, list) else [],
        "created": workflow.created,
        "updated": workflow.updated,
        "created_by": _person(workflow.created_by, names),
        "updated_by": _person(workflow.updated_by, names),
    }


async def workflow_out(workflow: Workflow | WorkflowSummary, member: Member, stores: Stores) -> WorkflowOut:
    """One of them."""
    return WorkflowOut(**shown(workflow, await names_in(member, stores, [workflow])))


def version_out(workflow_id: int, version: VersionSummary | WorkflowVersion, names: Names) -> VersionOut:
    """One version."""
    return VersionOut(
        workflow_id=str(workflow_id),
        version=version.version,
        notes=version.notes,
        plan_hash=version.plan_hash,
        created=version.created,
        created_by=author(version.created_by, names),
        withdrawn=version.withdrawn,
    )


def listed(findings: Iterable[Diagnostic]) -> list[DiagnosticOut]:
    """Findings about a canvas."""
    return [DiagnosticOut.model_validate(one, from_attributes=True) for one in findings]
