"""Question: ask a person, and go on by the answer."""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field

from engine.answers import LETTERS, OTHER
from engine.canvas import Expression, ListOf, Node, Template
from engine.diagnostics import Diagnostic
from engine.node_type import Lowering
from engine.plan import Wait
from engine.schema import properties_of
from engine.values import Json
from nodes.ai.asking import ModelInputs
from nodes.ai.chain import tries
from nodes.conversation.question_reader import OWN, read_answer
from nodes.surface import Category, Example, control_node, settings_of


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    options: list[str] = Field(
        default_factory=list,
        max_length=len(LETTERS),
        description="Fixed options, each with a port of its own: option_0, option_1, … by its place. Each may be a"
        " template.",
    )
    free: bool = Field(
        True, description="Whether an answer may be none of the options; it then leaves by the port other."
    )
    dynamic: bool = Field(
        False,
        description="Whether the options of the input have ports: option for any of them, other for what is none.",
    )
    extract: bool = Field(
        False,
        description="Whether a model fills in the declared outputs from what is answered, and asks on while a required"
        " one is missing.",
    )
    limit: int = Field(3, ge=1, le=1_000, description="How many answers may be given before it gives up, with extract.")


class Inputs(ModelInputs):
    question: str = Field(description="What to ask.")
    options: list[str] = Field(
        default_factory=list,
        description="Options that are only known when the run gets here; at most the first 26 count.",
    )
    model: str = Field(
        "default", description="Who reads the answers. With options: give one to have other words for them understood."
    )
    system_prompt: str = Field("", description="What else the model should know or mind when it reads an answer.")


class Output(BaseModel):
    answer: str = Field(description="The answer, as it was given; the last one where there were several.")
    option_id: str | None = Field(
        None, description="With options: A, B, … by the place of the one that it is, or other."
    )
    option_content: str | None = Field(None, description="With options: the text of the one that it is, or the answer.")


def ports(settings: Settings) -> tuple[str, ...]:
    if settings.dynamic and not settings.options:
        named: tuple[str, ...] = ("option",)
    elif settings.options:
        named = tuple(f"option_{number}" for number, _ in enumerate(settings.options))
    else:
        return ()
    return (*named, OTHER) if settings.free else named


def expressions(settings: Settings) -> Iterator[tuple[str, Expression]]:
    for place, option in enumerate(settings.options):
        yield f"options.{place}", Template(template=option)


def check(node: Node, settings: Settings) -> Iterator[Diagnostic]:
    def wrong(code: str, message: str, field: str) -> Diagnostic:
        return Diagnostic(code=code, message=message, node=node.id, field=field)

    if settings.options and "options" in node.data.inputs:
        yield wrong(
            "options_twice",
            "The options are given twice: as settings, which have ports, and as an input. Leave one out.",
            "data.inputs.options",
        )
    if len(set(settings.options)) < len(settings.options):
        yield wrong(
            "options_alike",
            "Two options have the same text, so an answer could not tell which is meant.",
            "data.settings.options",
        )
    if settings.dynamic and settings.options:
        yield wrong(
            "dynamic_and_fixed",
            "The options are fixed, and have a port each; dynamic is for options that come as an input.",
            "data.settings.dynamic",
        )
    if settings.dynamic and not settings.options and "options" not in node.data.inputs:
        yield wrong("missing_options", "The options are to come as the input options; give it.", "data.inputs.options")
    if not settings.extract:
        return
    if settings.options or settings.dynamic or "options" in node.data.inputs:
        yield wrong(
            "extract_and_options",
            "Fields are extracted from free answers, and this question has options: choose one of the two.",
            "data.settings.extract",
        )
    if not [name for name in properties_of(node.data.outputs or {}) if name not in OWN]:
        yield wrong(
            "nothing_to_extract",
            "Declare the outputs that are to be found in the answers.",
            "data.outputs",
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
    expressions=expressions,
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
        Example(
            title="An option in other words, which a model finds",
            inputs={"question": "Publish the draft?", "model": "scripted", "system_prompt": "say: 1"},
            settings={"options": ["yes", "no"]},
            output={"answer": "I would rather wait.", "option_id": "B", "option_content": "no"},
        ),
    ),
)
def question(lowering: Lowering) -> Wait:
    """Ask the person behind the run, and wait for the answer, however long.

    Options in the settings give each its own port; options as an input are shown, and the node has its plain way out,
    or with `dynamic` the ports option and other. An answer that is an option's text is that option. Where a model is
    given it finds the option that other words mean.

    With `extract` a model reads the answers and fills in the declared outputs; while a required one is missing it asks
    on, up to `limit` answers. What is left out in the end is null. Every question and answer is in the step's record.
    """
    settings = settings_of(lowering, Settings)
    fixed: dict[str, Json] = {"free": settings.free}
    if settings.options:
        lowering.give("options", ListOf(list=[_option(text) for text in settings.options]))
        fixed["ports"] = True
    elif settings.dynamic:
        fixed["dynamic"] = True
    has_options = bool(settings.options) or "options" in lowering.node.data.inputs
    if not settings.extract and not (has_options and "model" in lowering.node.data.inputs):
        return Wait(ask="question", settings=fixed)
    reader = read_answer.call(tries(lowering.node), {**fixed, "extract": settings.extract})
    limit: dict[str, Json] = {"limit": settings.limit} if settings.extract else {}
    return Wait(ask="question", settings={**fixed, **limit}, reader=reader)


def _option(text: str) -> Expression:
    return Template(template=text)
