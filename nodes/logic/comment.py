"""Comment: a note on the canvas."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from engine.node_type import Lowering
from engine.plan import Compute
from nodes.surface import NO_MEMBERS, Category, Example, control_node


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field("", max_length=100_000, description="The note.")
    original: JsonValue = Field(None, description="The note as the document it came from has it, with its formats.")
    size: dict[str, float] = Field(default_factory=dict, description="How large it is drawn.")


@control_node(
    "comment",
    title="Comment",
    category=Category.LOGIC,
    settings=Settings,
    outputs=NO_MEMBERS,
    null_outputs=False,
    handles_errors=False,
    examples=(Example(inputs={}, settings={"text": "先查库存，再下单。"}, output={}),),
)
def comment(lowering: Lowering) -> Compute:
    """Say something to whoever reads the canvas. No line leads to it, and no run sees it."""
    return Compute(operation="nothing")
