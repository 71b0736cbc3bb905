"""The palette: every node type there is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from api.access import Member, Permission, require
from api.problems import problems
from api.reading import strict_route
from api.workflows.schemas import DiagnosticOut
from engine.errors import NotFound

router = APIRouter(prefix="/node-types", tags=["node types"], route_class=strict_route("run_input_bytes"))

Viewer = Annotated[Member, require(Permission.CATALOGUE_VIEW)]


class NodeTypeExample(BaseModel):
    """Inputs and settings, and the output they give."""

    title: str
    inputs: dict[str, Any]
    settings: dict[str, Any]
    output: Any


class NodeTypeOut(BaseModel):
    """A node type: enough for an editor to offer it, draw it and check it."""

    name: str
    title: str
    category: str
    category_title: str
    description: str
    inputs: dict[str, Any]
    settings: dict[str, Any] | None
    outputs: dict[str, Any] | None
    ports: list[str]
    settings_make_ports: bool
    role: str
    handles_errors: bool
    examples: list[NodeTypeExample]
    data: dict[str, Any]
    source: str
    version: int


class NodeTypes(BaseModel):
    """Every node type, and what was wrong with packages that bring some."""

    items: list[NodeTypeOut]
    diagnostics: list[DiagnosticOut]


@router.get("", response_model=NodeTypes, responses=problems(401, 403))
async def list_node_types(member: Viewer, request: Request) -> Response:
    """List the node types, as an editor's palette needs them."""
    return Response(request.app.state.palette.all, media_type="application/json")


@router.get("/{name}", response_model=NodeTypeOut, responses=problems(401, 403, 404))
async def get_node_type(name: str, member: Viewer, request: Request) -> Response:
    """One node type."""
    entry = request.app.state.palette.entries.get(name)
    if entry is None:
        raise NotFound("There is no such node type.", name=name[:64])
    return Response(entry, media_type="application/json")
