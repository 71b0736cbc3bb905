"""Loop: the same steps again and again, one turn after another."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.canvas import Node
from engine.diagnostics import Diagnostic
from engine.node_type import Lowering
from engine.plan import Graph, Loop
from nodes.surface import DECLARED, Category, Example, Role, control_node, settings_of


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    mode: Literal["array", "count", "infinite"] = Field(
        "array", description="A turn per item, so many turns, or turns until a Break."
    )


class Inputs(BaseModel):
    items: Any = Field(None, description="Mode array: the list, or an object of lists that are walked together.")
    count: int = Field(0, description="Mode count: how many turns.")
    variables: dict[str, Any] = Field(
        default_factory=dict, description="Loop variables with their first values; Set Variable changes them."
    )


def check(node: Node, settings: Settings) -> Iterator[Diagnostic]:
    needed = {"array": "items", "count": "count"}.get(settings.mode)
    if needed is not None and needed not in node.data.inputs:
        yield Diagnostic(
            code="missing_input",
            message=f"A loop with the mode {settings.mode} needs the input {needed}.",
            node=node.id,
            field=f"data.inputs.{needed}",
        )


@control_node(
    "loop",
    title="Loop",
    category=Category.LOGIC,
    role=Role.COMPOSITE,
    settings=Settings,
    inputs=Inputs,
    outputs=DECLARED,
    check=check,
    zero_inputs=True,
    examples=(
        Example(
            title="A turn per item, with an empty body",
            inputs={"items": ["a", "b"], "variables": {"total": 0}},
            settings={"mode": "array"},
            output={},
        ),
    ),
)
def loop(lowering: Lowering) -> Loop:
    """Walk the steps inside it turn by turn, one after another.

    Inside, `item` is the element of this turn, `index` its number from 0, and `loop` holds the loop variables, which
    Set Variable changes and the next turn sees. Break leaves after this turn, Continue ends the turn early. `results`
    name what comes out: an inner node's output gives a list with one element for each turn in which that node ran, a
    loop variable its last value. Lists walked together end with the shortest.
    """
    # The body, what it hands on and the types of its variables are the compiler's to fill in.
    return Loop(mode=settings_of(lowering, Settings).mode, body=Graph(steps=(), wires=(), entries=()), results={})
