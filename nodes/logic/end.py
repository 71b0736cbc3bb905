"""End: what the run hands back."""

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.canvas import Expression, Template
from engine.node_type import Lowering
from engine.plan import Finish
from nodes.surface import DECLARED, FREE_OBJECT, Category, Example, Role, control_node, settings_of


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    mode: Literal["variables", "answer"] = Field(
        "variables", description="Hand back the inputs as they are, or one text."
    )
    answer: str = Field(
        "", description="The text of an answer: a template that names inputs of this node, or other nodes."
    )


def expressions(settings: Settings) -> Iterator[tuple[str, Expression]]:
    if settings.mode == "answer":
        yield "answer", Template(template=settings.answer)


@control_node(
    "end",
    title="End",
    category=Category.LOGIC,
    role=Role.END,
    settings=Settings,
    inputs=FREE_OBJECT,
    outputs=DECLARED,
    expressions=expressions,
    zero_inputs=True,
    null_outputs=False,
    handles_errors=False,
    examples=(
        Example(title="Variables", inputs={"summary": "Short."}, output={"summary": "Short."}),
        Example(
            title="An answer",
            inputs={"summary": "Short."},
            settings={"mode": "answer", "answer": "In short: {{summary}}"},
            output={"output": "In short: Short."},
        ),
    ),
)
def end(lowering: Lowering) -> Finish:
    """Where a run ends well. Its inputs are the run's output; their names are yours.

    With the mode `answer` the output is one text, made from the template `answer`, and it streams: where the template
    names what a model is writing, readers see it as it is written.
    """
    settings = settings_of(lowering, Settings)
    if settings.mode == "variables":
        return Finish(mode="variables")
    return Finish(mode="answer", answer=lowering.text(settings.answer))
