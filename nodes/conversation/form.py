"""Form: ask a person for several values at once."""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field

from engine.canvas import JsonSchema, Node
from engine.diagnostics import Diagnostic
from engine.node_type import Lowering
from engine.plan import Wait
from nodes.surface import DECLARED, Category, Example, control_node, settings_of


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    schema_: JsonSchema | None = Field(
        None,
        alias="schema",
        description="The fields, as the schema of an object; without one the declared output is the form.",
    )


class Inputs(BaseModel):
    question: str = Field("", description="What to say above the fields.")


def check(node: Node, settings: Settings) -> Iterator[Diagnostic]:
    schema = settings.schema_ or node.data.outputs
    if schema is None:
        return
    if schema.get("type") != "object" or not schema.get("properties"):
        yield Diagnostic(
            code="form_without_fields",
            message="A form is an object with at least one property.",
            node=node.id,
            field="data.settings.schema" if settings.schema_ is not None else "data.outputs",
        )


@control_node(
    "form",
    title="Form",
    category=Category.CONVERSATION,
    settings=Settings,
    inputs=Inputs,
    outputs=DECLARED,
    check=check,
    zero_inputs=True,
    examples=(
        Example(
            inputs={"question": "Who shall we send it to?"},
            settings={
                "schema": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "copies": {"type": "integer"}},
                    "required": ["name"],
                }
            },
            output={"name": "李雷", "copies": 2},
        ),
    ),
)
def form(lowering: Lowering) -> Wait:
    """Ask the person behind the run to fill in a form, and wait for it, however long.

    The answer is an object, its JSON text, or lines of `name: value`; its values get the types of the form. One that
    lacks a required field, or has a value that does not fit, is refused, and the form stays open.
    """
    schema = (
        settings_of(lowering, Settings).schema_ or lowering.node.data.outputs or {"type": "object", "properties": {}}
    )
    return Wait(ask="form", settings={"schema": schema})
