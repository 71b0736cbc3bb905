"""Question: ask a person, and go on by the answer."""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field

from engine.answers import LETTERS, OTHER
from engine.canvas import Node
from engine.diagnostics import Diagnostic
from engine.node_type import Lowering
from engine.plan import Wait
from nodes.surface import Category, Example, control_node, settings_of


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    options: list[str] = Field(
        default_factory=list,
        max_length=len(LETTERS),
        description="Fixed options, each with a port of its own: option_0, option_1, … by its place.",
    )
    free: bool = Field(
        True, description="Whether an answer may be none of the options; it then leaves by the port other."
    )


class Inputs(BaseModel):
    question: str = Field(description="What to ask.")
    options: list[str] = Field(
        default_factory=list, description="Options that are only known when the run gets here; without ports."
    )


class Output(BaseModel):
    answer: str = Field(description="The answer, as it was given.")
    option_id: str | None = Field(
        None, description="With options: A, B, … by the place of the one that it is, or other."
    )
    option_content: str | None = Field(None, description="With options: the text of the one that it is, or the answer.")


def ports(settings: Settings) -> tuple[str, ...]:
    if not settings.options:
        return ()
    named = tuple(f"option_{number}" for number, _ in enumerate(settings.options))
    return (*named, OTHER) if settings.free else named


def check(node: Node, settings: Settings) -> Iterator[Diagnostic]:
    if settings.options and "options" in node.data.inputs:
        yield Diagnostic(
            code="options_twice",
            message="The options are given twice: as settings, which have ports, and as an input. Leave one out.",
            node=node.id,
            field="data.inputs.options",
        )
    if len(set(settings.options)) < len(settings.options):
        yield Diagnostic(
            code="options_alike",
            message="Two options have the same text, so an answer could not tell which is meant.",
            node=node.id,
            field="data.settings.options",
        )


@control_node(
    "question",
    title="Question",
    category=Category.CONVERSATION,
    settings=Settings,
    ports=ports,
    inputs=Inputs,
    outputs=Output,
    check=check,
    zero_inputs=True,
    examples=(
        Example(
            title="A free answer",
            inputs={"question": "What shall the poem be about?"},
            output={"answer": "the sea", "option_id": None, "option_content": None},
        ),
        Example(
            title="One way for each option",
            inputs={"question": "Publish the draft?"},
            settings={"options": ["yes", "no"], "free": False},
            output={"answer": "yes", "option_id": "A", "option_content": "yes"},
        ),
    ),
)
def question(lowering: Lowering) -> Wait:
    """Ask the person behind the run, and wait for the answer, however long.

    Options in the settings give each its own port; options as an input are shown, and the node has its plain way out.
    An answer that is an option's text is that option.
    """
    settings = settings_of(lowering, Settings)
    if not settings.options:
        return Wait(ask="question", settings={"free": settings.free})
    return Wait(ask="question", settings={"free": settings.free, "options": [*settings.options], "ports": True})
