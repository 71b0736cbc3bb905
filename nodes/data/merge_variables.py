"""Merge Variables: of several values the first that is there."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from engine.canvas import Expression
from engine.node_type import Lowering
from engine.plan import Merge
from nodes.schema import ExpressionField
from nodes.surface import DECLARED, Category, Example, control_node, settings_of

Candidates = Annotated[list[ExpressionField], Field(min_length=1)]


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    groups: dict[str, Candidates] = Field(
        min_length=1, description="A name of the output, and its candidates in order."
    )


def expressions(settings: Settings) -> Iterator[tuple[str, Expression]]:
    for name, candidates in settings.groups.items():
        for number, candidate in enumerate(candidates):
            yield f"groups.{name}.{number}", candidate


@control_node(
    "merge_variables",
    title="Merge Variables",
    category=Category.DATA,
    settings=Settings,
    outputs=DECLARED,
    expressions=expressions,
    handles_errors=False,
    examples=(
        Example(
            title="The answer of whichever branch ran",
            inputs={},
            settings={"groups": {"answer": [{"value": None}, {"value": "from the second branch"}]}},
            output={"answer": "from the second branch"},
        ),
    ),
)
def merge_variables(lowering: Lowering) -> Merge:
    """Take, for each group, the first candidate that is there and not null; null when there is none.

    It brings branches together: candidates of a branch that was not taken are not there.
    """
    groups = settings_of(lowering, Settings).groups
    return Merge(
        groups={name: tuple(lowering.bind(one) for one in candidates) for name, candidates in groups.items()},
        order=tuple(groups),
    )
