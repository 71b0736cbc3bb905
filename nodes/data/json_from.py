"""JSON: the value of a text."""

from pydantic import BaseModel, Field

from engine.node_type import Lowering
from engine.plan import Compute
from nodes.surface import DECLARED, Category, Example, control_node


class Inputs(BaseModel):
    input: str = Field(description="A JSON text.")


@control_node(
    "json_from",
    title="From JSON",
    category=Category.DATA,
    inputs=Inputs,
    outputs=DECLARED,
    zero_inputs=True,
    examples=(Example(inputs={"input": '{"name": "李雷", "age": 7}'}, output={"output": {"name": "李雷", "age": 7}}),),
)
def json_from(lowering: Lowering) -> Compute:
    """Read a JSON text. The canvas declares the type of `output`, to which the value is converted.

    What does not fit becomes null, with a warning; an element of a list that does not fit is left out. A text that is
    no JSON makes the node fail.
    """
    return Compute(operation="json.from")
