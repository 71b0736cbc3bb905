"""JSON: a value as text."""

from typing import Any

from pydantic import BaseModel, Field

from engine.node_type import Lowering
from engine.plan import Compute
from nodes.surface import Category, Example, control_node


class Inputs(BaseModel):
    input: Any = Field(None, description="Any value.")


class Output(BaseModel):
    output: str = Field(description="Its JSON text.")


@control_node(
    "json_to",
    title="To JSON",
    category=Category.DATA,
    inputs=Inputs,
    outputs=Output,
    zero_inputs=True,
    examples=(
        Example(
            inputs={"input": {"name": "李雷", "tags": ["a", "b"]}},
            output={"output": '{"name":"李雷","tags":["a","b"]}'},
        ),
    ),
)
def json_to(lowering: Lowering) -> Compute:
    """Write a value as JSON text: compact, its keys sorted."""
    return Compute(operation="json.to")
