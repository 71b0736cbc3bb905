"""Message: say something while the run goes on."""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field

from engine.canvas import Expression, Template
from engine.node_type import Lowering
from engine.plan import Emit
from nodes.surface import FREE_OBJECT, Category, Example, control_node, settings_of


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    content: str = Field("", description="The text: a template that names inputs of this node, or other nodes.")


class Output(BaseModel):
    output: str = Field(description="The text that was sent.")


def expressions(settings: Settings) -> Iterator[tuple[str, Expression]]:
    yield "content", Template(template=settings.content)


@control_node(
    "message",
    title="Message",
    category=Category.CONVERSATION,
    settings=Settings,
    inputs=FREE_OBJECT,
    outputs=Output,
    expressions=expressions,
    zero_inputs=True,
    null_outputs=False,
    handles_errors=False,
    examples=(
        Example(
            inputs={"name": "Ada"},
            settings={"content": "Hello {{name}}, this takes a minute."},
            output={"output": "Hello Ada, this takes a minute."},
        ),
    ),
)
def message(lowering: Lowering) -> Emit:
    """Send a text to whoever follows the run, and go on.

    It streams: where the template names what a model is writing, readers see it as it is written. The node is finished
    when its whole text is sent.
    """
    return Emit(content=lowering.text(settings_of(lowering, Settings).content))
