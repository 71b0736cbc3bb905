"""Knowledge Retrieve: find what knowledge bases hold about a question."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from engine.canvas import Node
from engine.diagnostics import Diagnostic
from engine.errors import InvalidInput
from nodes.knowledge.recall import History, Recall, recall
from nodes.reading import read_settings
from nodes.surface import Category, Example, NodeContext, Retry, activity_node


class Settings(Recall):
    history: History | None = Field(None, description="Look at what was said before, within a conversation.")


class Inputs(BaseModel):
    model_config = ConfigDict(extra="forbid")

    # Of any type, so that a list is not silently searched for as its JSON text.
    Query: JsonValue = Field(None, description="What to look for: a text.")


class Found(BaseModel):
    documentId: int
    output: str = Field(description="The text of the slice.")


class Output(BaseModel):
    outputList: list[Found] = Field(description="The slices, the best first.")


def check(node: Node, settings: Settings | None) -> Iterator[Diagnostic]:
    if settings is not None and not settings.bases:
        yield Diagnostic(
            code="knowledge_base_missing",
            message="No knowledge base is named: there is nothing to search.",
            field="data.settings.bases",
        )


@activity_node(
    "knowledge_retrieve",
    title="Knowledge Retrieve",
    category=Category.KNOWLEDGE,
    timeout=timedelta(minutes=2),
    retry=Retry(attempts=2),
    settings=Settings,
    check=check,
    examples=(
        Example(
            inputs={"Query": "龙井多少钱"},
            settings={"bases": ["1"], "search": "fulltext"},
            output={"outputList": [{"documentId": 1, "output": "龙井茶每斤九十元。"}]},
        ),
    ),
)
async def knowledge_retrieve(inputs: Inputs, ctx: NodeContext) -> Output:
    """Find the slices of knowledge bases that fit a question best, the best first.

    Only documents that are ready are searched. Rewriting and history matter within a conversation alone; a ranking
    model is used where one is set up as `default`.
    """
    if inputs.Query is not None and not isinstance(inputs.Query, str):
        raise InvalidInput("Query must be a text.", field="inputs.Query")
    settings = read_settings(Settings, ctx.settings)
    if not settings.bases:
        raise InvalidInput("No knowledge base is named.", field="settings.bases")
    query = (inputs.Query or "").strip()
    if not query:
        ctx.warn("The query is empty: nothing was looked for.")
        return Output(outputList=[])
    rounds = settings.history.rounds if settings.history is not None else 0
    found = await recall(ctx, settings, query, rounds=rounds)
    return Output(outputList=[Found(documentId=int(one.document_id), output=one.text) for one in found])
