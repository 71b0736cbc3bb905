"""Debugging: one node of a draft alone, and what it was given the last time."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field, JsonValue
from starlette.requests import Request
from starlette.responses import Response

from api.access import Member, Permission, require
from api.json_response import JsonResponse
from api.parameters import Body, Id, Word, WorkflowRef
from api.problems import problems
from api.provided import CatalogueDep, RunsDep, StoresDep
from api.reading import strict_route
from api.runs.last_inputs import last_inputs
from api.runs.schemas import LONGEST_WAIT, NodeOut, PinsIn, RunOut, ShortWord, StartRun
from api.runs.service import DRAFT
from api.runs.values import Showing
from api.runs.views import node_view
from engine.errors import InvalidInput
from engine.findings import listed, short
from engine.schema import properties_of

router = APIRouter(
    prefix="/workflows/{workflow}/nodes/{node}", tags=["debugging"], route_class=strict_route("run_input_bytes")
)

NodeRef = Annotated[str, Path(max_length=64, description="The id of a node, also one of a body.", examples=["ask"])]


class DebugNode(Body):
    """A node to be run alone."""

    inputs: dict[str, JsonValue] = Field(
        {},
        description="What the inputs of the node refer to, by their names; what its settings and templates read of"
        " other nodes, by the ids of those.",
        examples=[{"text": "第一章"}],
    )
    pins: PinsIn = Field({}, description="Of a composite: nodes of its body that give what is written here.")
    mode: Literal["sync", "async"] = Field(
        "sync", description="`sync` answers when the run has ended or waits for a person, `async` at once."
    )
    wait_seconds: Annotated[float, Field(ge=0, le=LONGEST_WAIT)] = Field(
        60.0, description="With `sync`: how long the answer may take."
    )
    user_id: Word | None = Field(None, description="The end user on whose behalf it runs.")
    app_id: Word | None = Field(None, description="The application whose variables and conversations it uses.")
    channel: ShortWord | None = Field(None, description="The channel through which its user came.")


class DebugOut(RunOut):
    """A run of one node: its output is the run's `output.output`."""

    record: NodeOut | None = Field(description="The record of the node itself, with the port it was left by.")


class LastInputs(BaseModel):
    """What a node can be given when it runs alone, and what it was given the last time."""

    inputs: dict[str, Any] = Field(description="As a run of the node alone takes them; secrets are left out.")
    schema_: dict[str, Any] = Field(
        alias="schema", description="What it can be given, as the JSON Schema of an object."
    )
    run_id: Id | None = Field(description="The run that the inputs come from; null when the node never ran.")
    path: str = Field("", description="The place of that execution in it.")


@router.post(
    "/runs",
    status_code=201,
    response_model=DebugOut,
    responses=problems(400, 401, 403, 404, 413, 415, 422, 503),
)
async def debug_node(
    workflow: WorkflowRef,
    node: NodeRef,
    request: Request,
    member: Annotated[Member, require(Permission.RUN_START)],
    runs: RunsDep,
    catalogue: CatalogueDep,
    body: DebugNode | None = None,
) -> Response:
    """Run one node of the draft alone, a composite with its body. What it does outside is really done."""
    wanted = body or DebugNode()
    takes = properties_of(catalogue.isolated(await catalogue.workflow(member, workflow), node).inputs)
    for name in wanted.inputs:
        if name not in takes:
            message = f'The node reads nothing of the name "{short(name)}"; it can be given {listed(takes)}.'
            raise InvalidInput(message, field=f"inputs.{short(name)}")
    order = StartRun(version=DRAFT, **wanted.model_dump())
    started = await runs.start(member, workflow, order, None, node=node)
    request.state.recorded = True
    seconds = wanted.wait_seconds if wanted.mode == "sync" else 0
    view = await (runs.settled(member, started.run_id, seconds) if seconds else runs.get(member, started.run_id))
    records, _ = await runs.nodes(member, started.run_id, cursor=None, limit=1, place=node)
    record = node_view(records[0]) if records else None
    location = {"Location": f"/api/v1/runs/{started.run_id}"}
    return JsonResponse({**view, "record": record}, 201, location)


@router.get("/last-inputs", response_model=LastInputs, responses=problems(401, 403, 404, 422))
async def read_last_inputs(
    workflow: WorkflowRef,
    node: NodeRef,
    member: Annotated[Member, require(Permission.RUN_VIEW)],
    stores: StoresDep,
    catalogue: CatalogueDep,
) -> Response:
    """What a node was given when it last ran: in your own test runs, or else in any run of the workflow."""
    found = await catalogue.workflow(member, workflow)
    runs = stores.runs(member.org_id, member.space_id)
    alone = catalogue.isolated(found, node)
    # Who is kept to one end user is shown nobody else's.
    kept = member.confined_to is not None
    answer = await last_inputs(runs, alone, found.id, node, member.person, only=kept)
    answer["inputs"] = await Showing(stores.blobs, member.org_id).whole(answer["inputs"])
    return JsonResponse(answer)
