"""The rules around drafts: whatever is wrong with one is said, and it is kept all the same."""

from __future__ import annotations

from typing import Any

from api.access import Member
from api.workflows.catalogue import Catalogue
from api.workflows.schemas import DraftIn, WorkflowChange, WorkflowIn
from engine.diagnostics import Diagnostic
from storage.stores import Stores
from storage.tables import Workflow


async def create(
    body: WorkflowIn, member: Member, stores: Stores, catalogue: Catalogue
) -> tuple[Workflow, list[Diagnostic]]:
    """Make a workflow; gives it with what is wrong with its canvas."""
    draft: dict[str, Any] = {"nodes": [], "edges": []} if body.canvas is None else body.canvas
    workflow = await stores.workflows(member.org_id, member.space_id).create(
        body.name, draft, key=body.key, description=body.description
    )
    catalogue.forget(member)
    return workflow, await catalogue.diagnose(member, draft, str(workflow.id))


async def change(ref: str, body: WorkflowChange, member: Member, stores: Stores, catalogue: Catalogue) -> Workflow:
    """Change what people read; gives the workflow as it is then."""
    found = await catalogue.workflow(member, ref)
    await stores.workflows(member.org_id, member.space_id).rename(
        found.id, name=body.name, description=body.description
    )
    catalogue.forget(member)
    return await catalogue.workflow(member, str(found.id))


async def save_draft(
    ref: str, body: DraftIn, member: Member, stores: Stores, catalogue: Catalogue
) -> tuple[int, list[Diagnostic]]:
    """Keep a draft, if it was made from the stored one; gives its revision and what is wrong with it."""
    found = await catalogue.workflow(member, ref)
    workflows = stores.workflows(member.org_id, member.space_id)
    revision = await workflows.save_draft(found.id, body.canvas, revision=body.revision)
    return revision, await catalogue.diagnose(member, body.canvas, str(found.id))
