"""What has changed between a draft and versions, and the way back."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.access import Member, Permission, require
from api.actors import ActorDep
from api.parameters import WorkflowRef
from api.problems import problems
from api.provided import CatalogueDep, StoresDep
from api.reading import strict_route
from api.told import in_its_language
from api.workflows.change_schemas import DiffOut, KeptDraftOut, KeptDrafts, RollbackIn, RollbackOut, diff_out
from api.workflows.etags import IfMatch, draft_tag, matcher
from api.workflows.shown import author, listed
from engine.diff import diff
from engine.errors import InvalidInput
from storage.audit import Deed, Note
from storage.stores import Stores
from storage.tables import Workflow

router = APIRouter(
    prefix="/workflows/{workflow}",
    tags=["versions"],
    dependencies=[in_its_language],
    route_class=strict_route("run_input_bytes"),
)

Viewer = Annotated[Member, require(Permission.WORKFLOW_VIEW)]
Editor = Annotated[Member, require(Permission.WORKFLOW_EDIT)]

_KEPT: Final = "draft@"
_WHICH: Final = "A version, `latest`, `draft`, or `draft@7` for one that was kept."


@router.get("/diff", responses=problems(401, 403, 404, 422))
async def compare(
    workflow: WorkflowRef,
    member: Viewer,
    stores: StoresDep,
    catalogue: CatalogueDep,
    before: Annotated[str, Query(alias="from", max_length=40, description=_WHICH, examples=["v0.0.1"])] = "latest",
    after: Annotated[str, Query(alias="to", max_length=40, description=_WHICH, examples=["draft"])] = "draft",
) -> DiffOut:
    """What is different between two versions of a workflow, or a version and the draft."""
    found = await catalogue.workflow(member, workflow)
    one, before = await _canvas(found, before, member, stores)
    other, after = await _canvas(found, after, member, stores)
    return diff_out(found.id, before, after, await asyncio.to_thread(diff, one, other))


@router.post("/rollback", responses=problems(400, 401, 403, 404, 409, 412, 413, 415, 422))
async def roll_back(
    workflow: WorkflowRef,
    body: RollbackIn,
    member: Editor,
    actor: ActorDep,
    stores: StoresDep,
    catalogue: CatalogueDep,
    response: Response,
    if_match: IfMatch = None,
) -> RollbackOut:
    """Let the draft be what a version is. The draft that was there is kept: the same way leads back to it.

    What runs does not change by that: publish the draft for it.
    """
    match = matcher(if_match)
    if body.revision is None and match is None:
        raise InvalidInput("Say which draft you opened: by its revision, or with If-Match.", field="revision")
    if body.version == "draft":
        raise InvalidInput("The draft is the draft already: name a version.", field="version")
    found = await catalogue.workflow(member, workflow)
    canvas, version = await _canvas(found, body.version, member, stores)
    revision, kept = await stores.workflows(member.org_id, member.space_id).roll_back(
        found.id, canvas, version, revision=body.revision, match=match, note=Note(actor, Deed("workflow.rollback"))
    )
    response.headers["ETag"] = draft_tag(revision)
    findings = await catalogue.diagnose(member, canvas, str(found.id))
    return RollbackOut(revision=revision, kept=f"{_KEPT}{kept}", diagnostics=listed(findings))


@router.get("/kept-drafts", responses=problems(401, 403, 404))
async def list_kept_drafts(
    workflow: WorkflowRef, member: Viewer, stores: StoresDep, catalogue: CatalogueDep
) -> KeptDrafts:
    """The drafts that gave way when somebody went back, the newest first."""
    found = await catalogue.workflow(member, workflow)
    workflows = stores.workflows(member.org_id, member.space_id)
    kept = await workflows.kept_drafts(found.id)
    names = await workflows.names_of({by for _, _, by in kept})
    return KeptDrafts(
        items=[
            KeptDraftOut(name=f"{_KEPT}{revision}", revision=revision, created=created, created_by=author(by, names))
            for revision, created, by in kept
        ]
    )


async def _canvas(workflow: Workflow, which: str, member: Member, stores: Stores) -> tuple[dict[str, Any], str]:
    """A canvas of a workflow, and what it is called. Raises `NotFound`, and `InvalidInput` for what is no version."""
    if which == "draft":
        return workflow.draft, which
    workflows = stores.workflows(member.org_id, member.space_id)
    if which.startswith(_KEPT):
        number = which.removeprefix(_KEPT)
        if not (number.isascii() and number.isdecimal() and len(number) < 10):
            raise InvalidInput(f"A draft that was kept is called {_KEPT}7, by its revision.", field="version")
        return await workflows.kept_draft(workflow.id, int(number)), which
    version = await workflows.version(workflow.id, None if which == "latest" else which)
    return version.canvas, version.version
