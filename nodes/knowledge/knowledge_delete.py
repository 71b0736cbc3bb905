"""Knowledge Delete: take a document out of a knowledge base."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from engine.canvas import Node
from engine.diagnostics import Diagnostic
from engine.errors import InvalidInput
from nodes.reading import read_settings
from nodes.surface import Category, Example, NodeContext, Retry, activity_node


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    base: str = Field("", description="The id of the knowledge base.")


class Inputs(BaseModel):
    model_config = ConfigDict(extra="forbid")

    documentID: str = Field("", description="The id of the document.")


class Output(BaseModel):
    isSuccess: bool = Field(description="Whether there was such a document.")


def check(node: Node, settings: Settings | None) -> Iterator[Diagnostic]:
    if settings is not None and not settings.base:
        yield Diagnostic(
            code="knowledge_base_missing",
            message="No knowledge base is named: there is nothing to delete from.",
            field="data.settings.base",
        )


@activity_node(
    "knowledge_delete",
    title="Knowledge Delete",
    category=Category.KNOWLEDGE,
    timeout=timedelta(minutes=1),
    retry=Retry(attempts=3),
    settings=Settings,
    check=check,
    examples=(
        Example(inputs={"documentID": "1"}, settings={"base": "1"}, output={"isSuccess": True}),
        Example(
            title="No such document", inputs={"documentID": "99"}, settings={"base": "1"}, output={"isSuccess": False}
        ),
    ),
)
async def knowledge_delete(inputs: Inputs, ctx: NodeContext) -> Output:
    """Take a document out of a knowledge base, with everything that was made of it."""
    settings = read_settings(Settings, ctx.settings)
    document = inputs.documentID.strip()
    if not settings.base:
        raise InvalidInput("No knowledge base is named.", field="settings.base")
    if not document.isdecimal():
        raise InvalidInput("documentID must be the id of a document.", field="inputs.documentID")
    run = ctx.run
    gone = await ctx.knowledge.delete(run.org_id, run.space_id, settings.base, document, key=ctx.idempotency_key)
    return Output(isSuccess=gone)
