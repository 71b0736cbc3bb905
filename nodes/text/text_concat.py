"""Text: put texts together."""

from pydantic import BaseModel, ConfigDict, Field

from engine.node_type import Lowering
from engine.plan import Compute
from nodes.surface import Category, Example, control_node, settings_of


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    joiner: str = Field("", description="What stands between the elements of a list in a placeholder.")


class Inputs(BaseModel):
    model_config = ConfigDict(extra="allow")

    template: str = Field(description="The text, with placeholders that name other inputs of this node, or nodes.")


class Output(BaseModel):
    output: str = Field(description="The whole text.")


@control_node(
    "text_concat",
    title="Text Concat",
    category=Category.TEXT,
    settings=Settings,
    inputs=Inputs,
    outputs=Output,
    zero_inputs=True,
    null_outputs=False,
    examples=(
        Example(
            inputs={"template": "{{greeting}}: {{names}}", "greeting": "Hello", "names": ["Ada", "李雷"]},
            settings={"joiner": ", "},
            output={"output": "Hello: Ada, 李雷"},
        ),
    ),
)
def text_concat(lowering: Lowering) -> Compute:
    """Fill a template.

    The elements of a list are joined: texts and numbers as they are, objects as JSON, null as nothing.
    """
    return Compute(operation="text.concat", settings={"joiner": settings_of(lowering, Settings).joiner})
