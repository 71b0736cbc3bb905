"""Two node types that do nothing, brought as somebody else's package would: what is around them is measured."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel

from engine.node_type import Category
from nodes.context import NodeContext
from nodes.surface import activity_node


class Inputs(BaseModel):
    """A text."""

    text: str = ""


class Output(BaseModel):
    """The same text."""

    text: str


@activity_node(
    "bench_activity", title="Activity", category=Category.TOOLS, tier="activity", timeout=timedelta(seconds=30)
)
async def bench_activity(inputs: Inputs, ctx: NodeContext) -> Output:
    """Hand a text on, as an activity."""
    return Output(text=inputs.text)


@activity_node("bench_local", title="Local", category=Category.TOOLS, tier="local", timeout=timedelta(seconds=30))
async def bench_local(inputs: Inputs, ctx: NodeContext) -> Output:
    """Hand a text on, as a local activity."""
    return Output(text=inputs.text)
