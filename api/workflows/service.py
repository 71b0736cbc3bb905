"""The rules around drafts: whatever is wrong with one is said, and it is kept all the same."""

from __future__ import annotations

from typing import Any

from api.access import Member
from api.workflows.catalogue import Catalogue
from api.workflows.schemas import DraftIn, WorkflowChange, WorkflowIn
from engine.diagnostics import Diagnostic
from engine.errors import InvalidInput
from storage.audit import Actor, Deed, Note
from storage.ids import parse_id
from storage.stores import Stores
from storage.tables import Workflow
from storage.workflows import Match


async def create(
    body: WorkflowIn, member: Member, actor: Actor, stores: Stores, catalogue: Catalogue
) -> tuple[Workflow, list[Diagnostic]]:
    """Make a workflow; gives it with what is wrong with its canvas."""
    draft: dict[str, Any] = {"nodes": [], "edges": []} if body.canvas is None else body.canvas
    workflow = await stores.workflows(member.org_id, member.space_id).create(
        body.name,
        draft,
        key=body.key,
        description=body.description,
        folder_id=folder_number(body.folder_id),
        tags=body.tags,
        note=Note(actor, Deed("workflow.create")),
    )
    catalogue.forget(member)
    return workflow, await catalogue.diagnose(member, draft, str(workflow.id))


async def change(
    ref: str,
    body: WorkflowChange,
    member: Member,
    actor: Actor,
    stores: Stores,
    catalogue: Catalogue,
    match: Match | None,
) -> Workflow:
    """Change what people read, and where it is filed; gives the workflow as it is then."""
    found = await catalogue.workflow(member, ref)
    await stores.workflows(member.org_id, member.space_id).change(
        found.id,
        name=body.name,
        description=body.description,
        folder_id=None if body.folder_id is None else folder_number(body.folder_id),
        tags=body.tags,
        match=match,
        note=Note(actor, Deed("workflow.change")),
    )
    catalogue.forget(member)
    return await catalogue.workflow(member, str(found.id))


async def save_draft(
    ref: str, body: DraftIn, member: Member, stores: Stores, catalogue: Catalogue, match: Match | None
) -> tuple[int, list[Diagnostic]]:
    """Keep a draft, if it was made from the stored one; gives its revision and what is wrong with it."""
    if body.revision is None and match is None:
        raise InvalidInput("Say which draft you opened: by its revision, or with If-Match.", field="revision")
    found = await catalogue.workflow(member, ref)
    workflows = stores.workflows(member.org_id, member.space_id)
    revision = await workflows.save_draft(
        found.id, body.canvas, revision=body.revision, match=match, by=member.account_id
    )
    return revision, await catalogue.diagnose(member, body.canvas, str(found.id))


async def discard(
    ref: str,
    member: Member,
    actor: Actor,
    stores: Stores,
    catalogue: Catalogue,
    *,
    force: bool,
    match: Match | None,
) -> None:
    """Put it into the trash, unless somebody calls it or it is not what was seen."""
    found = await catalogue.workflow(member, ref)
    note = Note(actor, Deed("workflow.delete"))
    await stores.workflows(member.org_id, member.space_id).delete(found.id, force=force, match=match, note=note)
    catalogue.forget(member)


def folder_number(text: str) -> int:
    """The folder that a text stands for; 0 is the top. Raises `NotFound`."""
    return parse_id(text, "folder")
