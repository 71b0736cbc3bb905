"""Text: take a text apart."""

from pydantic import BaseModel, ConfigDict, Field

from engine.evaluate_v1 import MOST_DELIMITERS
from engine.node_type import Lowering
from engine.plan import Compute
from nodes.surface import Category, Example, control_node, settings_of


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    delimiters: list[str] = Field(
        min_length=1,
        max_length=MOST_DELIMITERS,
        description="The text is cut at the first, each piece at the next, and so on; an empty one cuts everywhere.",
    )


class Inputs(BaseModel):
    text: str = Field(description="The text to take apart.")


class Output(BaseModel):
    output: list[str] = Field(description="The pieces, in order.")


@control_node(
    "text_split",
    title="Text Split",
    category=Category.TEXT,
    settings=Settings,
    inputs=Inputs,
    outputs=Output,
    zero_inputs=True,
    null_outputs=False,
    examples=(
        Example(
            inputs={"text": "red, green;blue"},
            settings={"delimiters": [";", ", "]},
            output={"output": ["red", "green", "blue"]},
        ),
    ),
)
def text_split(lowering: Lowering) -> Compute:
    """Take a text apart at one or more delimiters; pieces without a character stay."""
    return Compute(operation="text.split", settings={"delimiters": list(settings_of(lowering, Settings).delimiters)})
