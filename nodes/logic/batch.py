"""Batch: the same steps for every item, side by side."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine.node_type import Lowering
from engine.plan import Graph, Map
from nodes.surface import DECLARED, Category, Example, Role, control_node, settings_of


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    usual_limit: int = Field(0, ge=0, description="The limit where the input limit is 0 or absent; 0 means all items.")


class Inputs(BaseModel):
    items: Any = Field(description="The list, or an object of lists that are walked together.")
    concurrency: int = Field(0, description="How many turns may be under way at once; 0 means 10.")
    limit: int = Field(0, description="How many items are taken at most; 0 means the usual_limit of the settings.")


@control_node(
    "batch",
    title="Batch",
    category=Category.LOGIC,
    role=Role.COMPOSITE,
    settings=Settings,
    inputs=Inputs,
    outputs=DECLARED,
    zero_inputs=True,
    examples=(Example(title="With an empty body", inputs={"items": [1, 2, 3], "concurrency": 2}, output={}),),
)
def batch(lowering: Lowering) -> Map:
    """Walk the steps inside it once for every item, several at a time.

    Inside, `item` is the element and `index` its number from 0. `results` name what comes out: an inner node's output
    gives a list as long as the items, in their order, with null where that node did not run. A turn that fails ends the
    batch. There are no loop variables, and neither Break nor Continue: the turns know nothing of each other. Lists
    walked together end with the shortest.
    """
    # The body, what it hands on and how it is walked are the compiler's to fill in.
    usual = settings_of(lowering, Settings).usual_limit
    return Map(usual_limit=usual, body=Graph(steps=(), wires=(), entries=()), results={})
