"""What routes about differences and ways back take and give."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field, JsonValue, StringConstraints

from api.parameters import Body, Id, Millis
from api.workflows.schemas import Author, DiagnosticOut
from engine.diff import ABSENT, CanvasDiff, EdgeOutline, FieldChange, NodeOutline


class FieldDiffOut(BaseModel):
    """A field that is different."""

    path: list[str | int] = Field(examples=[["data", "inputs", "prompt", "template"]])
    before: JsonValue = Field(None, description="null also where it was not there: then `added` says so.")
    after: JsonValue = Field(None, description="null also where it is not there any more: then `removed` says so.")
    added: bool = False
    removed: bool = False


class NodeDiffOut(BaseModel):
    """A node that is in one of the two alone."""

    id: str
    type: str
    title: str
    container: str = Field(description="The loop or batch it stands in; empty for none.")
    node: dict[str, Any] = Field(description="As it is drawn, without what stands in it.")


class NodeChangeOut(BaseModel):
    """A node that is in both."""

    id: str
    type: str
    title: str
    container: str
    id_before: str = Field(description="Another one when its id alone was changed.")
    container_before: str = Field(description="Another one when it moved into or out of a loop or batch.")
    fields: list[FieldDiffOut]


class EdgeOut(BaseModel):
    """A line between two nodes."""

    container: str
    source: str
    port: str = Field(description="Empty for the plain one.")
    target: str


class DiffOut(BaseModel):
    """All that is different between two canvases."""

    workflow_id: Id
    before: str = Field(description="The version that `from` named.", examples=["v0.0.1"])
    after: str = Field(description="That which `to` named.", examples=["draft"])
    same: bool = Field(description="Whether both mean the same, wherever the boxes lie.")
    added: list[NodeDiffOut]
    removed: list[NodeDiffOut]
    changed: list[NodeChangeOut]
    edges_added: list[EdgeOut]
    edges_removed: list[EdgeOut]
    fields: list[FieldDiffOut] = Field(description="Of the document itself.")
    repositioned: list[str] = Field(description="Nodes whose box lies elsewhere, which means nothing to a run.")


class RollbackIn(Body):
    """The version that the draft shall be again."""

    version: Annotated[str, StringConstraints(max_length=40)] = Field(
        description="A version, `latest`, or `draft@7`: a draft that was kept when another way back was taken.",
        examples=["v1.3.0"],
    )
    revision: int | None = Field(
        None,
        description="The revision you opened. When the draft has moved on since, nothing is done. It may be left out "
        "when `If-Match` says it.",
        examples=[12],
    )


class RollbackOut(BaseModel):
    """The draft is that version's canvas now."""

    revision: int
    kept: str = Field(
        description="What leads back to the draft that was there: a version to go back to.", examples=["draft@12"]
    )
    diagnostics: list[DiagnosticOut]


class KeptDraftOut(BaseModel):
    """A draft that gave way."""

    name: str = Field(description="What a rollback or a diff calls it.", examples=["draft@12"])
    revision: int
    created: Millis
    created_by: Author | None


class KeptDrafts(BaseModel):
    """The drafts that gave way, the newest first: the last 20."""

    items: list[KeptDraftOut]


def diff_out(workflow_id: int, before: str, after: str, found: CanvasDiff) -> DiffOut:
    """The differences as they are answered."""
    return DiffOut(
        workflow_id=str(workflow_id),
        before=before,
        after=after,
        same=found.same,
        added=[_node(one) for one in found.added],
        removed=[_node(one) for one in found.removed],
        changed=[
            NodeChangeOut(
                id=one.id,
                type=one.type,
                title=one.title,
                container=one.container,
                id_before=one.id_before,
                container_before=one.container_before,
                fields=[_field(field) for field in one.fields],
            )
            for one in found.changed
        ],
        edges_added=[_edge(one) for one in found.edges_added],
        edges_removed=[_edge(one) for one in found.edges_removed],
        fields=[_field(one) for one in found.fields],
        repositioned=[*found.repositioned],
    )


def _field(one: FieldChange) -> FieldDiffOut:
    before: Any = None if one.before is ABSENT else one.before
    after: Any = None if one.after is ABSENT else one.after
    return FieldDiffOut(
        path=[*one.path], before=before, after=after, added=one.before is ABSENT, removed=one.after is ABSENT
    )


def _node(one: NodeOutline) -> NodeDiffOut:
    return NodeDiffOut(id=one.id, type=one.type, title=one.title, container=one.container, node=dict(one.node))


def _edge(one: EdgeOutline) -> EdgeOut:
    return EdgeOut(container=one.container, source=one.source, port=one.port, target=one.target)
