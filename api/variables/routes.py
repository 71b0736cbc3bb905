"""Variables: define them, and read, set and reset the values of users and applications."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.access import Member, Permission, require
from api.actors import ActorDep
from api.parameters import Cursor, Limit
from api.problems import problems
from api.provided import CatalogueDep, StoresDep
from api.reading import strict_route
from api.variables.schemas import (
    Scope,
    ValuesIn,
    ValuesOut,
    VariableChange,
    VariableId,
    VariableIn,
    VariableOut,
    VariablePage,
)
from api.variables.service import define, holder_of, redefine, repository, reset_values, set_values, values_of
from storage.audit import Deed, Note
from storage.definitions import Defined
from storage.ids import parse_id

router = APIRouter(tags=["variables"], route_class=strict_route("run_input_bytes"))

Viewer = Annotated[Member, require(Permission.VARIABLE_VIEW)]
Editor = Annotated[Member, require(Permission.VARIABLE_EDIT)]
AppId = Annotated[str, Query(max_length=191, description="The application; empty for none.")]
UserId = Annotated[str, Query(max_length=191, description="The end user; without, the token itself.")]
Channel = Annotated[str, Query(max_length=64, description="The channel through which the user comes.")]
OwnWorkflow = Annotated[
    str, Query(max_length=100, description="Id or key of a workflow, whose own variables are meant.")
]


@router.post("/variables", status_code=201, responses=problems(400, 401, 403, 409, 413, 415, 422))
async def define_variable(body: VariableIn, member: Editor, actor: ActorDep, stores: StoresDep) -> VariableOut:
    """Define a variable. Once an application has any of a scope, runs know only those that it has."""
    return _shown(await define(body, member, stores, actor))


@router.get("/variables", responses=problems(401, 403, 422))
async def list_variables(
    member: Viewer,
    stores: StoresDep,
    app_id: Annotated[str | None, Query(max_length=191, description="Empty for those of the space.")] = None,
    scope: Scope | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> VariablePage:
    """List what is defined, the newest first."""
    page = await repository(member, stores).page(app_id=app_id, scope=scope, cursor=cursor, limit=limit)
    return VariablePage(items=[_shown(one) for one in page.items], next_cursor=page.next)


@router.get("/variables/{variable}", responses=problems(401, 403, 404))
async def get_variable(variable: VariableId, member: Viewer, stores: StoresDep) -> VariableOut:
    """One variable."""
    return _shown(await repository(member, stores).get(parse_id(variable, "variable")))


@router.patch("/variables/{variable}", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def change_variable(
    variable: VariableId, body: VariableChange, member: Editor, actor: ActorDep, stores: StoresDep
) -> VariableOut:
    """Change what a variable is. Values that were set stay, and are read as the new type."""
    return _shown(await redefine(parse_id(variable, "variable"), body, member, stores, actor))


@router.delete("/variables/{variable}", status_code=204, responses=problems(401, 403, 404))
async def delete_variable(variable: VariableId, member: Editor, actor: ActorDep, stores: StoresDep) -> Response:
    """Take a definition away. Values that were set stay, and nobody sees them."""
    note = Note(actor, Deed("variable.delete", "variable"))
    await repository(member, stores).delete(parse_id(variable, "variable"), note)
    return Response(status_code=204)


@router.get("/variable-values", responses=problems(401, 403, 404, 422))
async def get_values(
    scope: Scope,
    member: Viewer,
    stores: StoresDep,
    catalogue: CatalogueDep,
    app_id: AppId = "",
    user_id: UserId = "",
    channel: Channel = "",
    workflow: OwnWorkflow = "",
) -> ValuesOut:
    """What the variables of a user, an application or a workflow are now."""
    whose = {"app_id": app_id, "user_id": user_id, "channel": channel, "workflow": workflow}
    holder = await holder_of(scope, member, catalogue, **whose)
    return ValuesOut(items=await values_of(scope, holder, stores))


@router.put("/variable-values", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def put_values(body: ValuesIn, member: Editor, stores: StoresDep, catalogue: CatalogueDep) -> ValuesOut:
    """Set variables of a user, an application or a workflow; the others stay."""
    holder = await holder_of(
        body.scope,
        member,
        catalogue,
        app_id=body.app_id,
        user_id=body.user_id,
        channel=body.channel,
        workflow=body.workflow,
    )
    await set_values(body.scope, holder, body.values, stores)
    return ValuesOut(items=await values_of(body.scope, holder, stores))


@router.delete("/variable-values", status_code=204, responses=problems(401, 403, 404, 422))
async def delete_values(
    scope: Scope,
    member: Editor,
    stores: StoresDep,
    catalogue: CatalogueDep,
    app_id: AppId = "",
    user_id: UserId = "",
    channel: Channel = "",
    workflow: OwnWorkflow = "",
    name: Annotated[list[str] | None, Query(description="Only these.", max_length=500)] = None,
) -> Response:
    """Reset variables: they are as if nobody had ever set them."""
    whose = {"app_id": app_id, "user_id": user_id, "channel": channel, "workflow": workflow}
    holder = await holder_of(scope, member, catalogue, **whose)
    await reset_values(scope, holder, name, stores)
    return Response(status_code=204)


def _shown(one: Defined) -> VariableOut:
    definition = one.definition
    return VariableOut(
        id=str(one.id),
        app_id=one.app_id,
        scope=definition.scope,
        name=definition.name,
        type=dict(definition.type),
        default=definition.initial,
        description=definition.description,
        enabled=definition.enabled,
        created=one.created,
        updated=one.updated,
    )
