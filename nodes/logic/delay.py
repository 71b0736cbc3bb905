"""Delay: wait for some time."""

from pydantic import BaseModel, Field

from engine.node_type import Lowering
from engine.plan import Delay
from nodes.surface import Category, Example, control_node


class Inputs(BaseModel):
    seconds: float = Field(description="How long; fractions are fine.")


@control_node(
    "delay",
    title="Delay",
    category=Category.LOGIC,
    inputs=Inputs,
    null_outputs=False,
    zero_inputs=True,
    examples=(Example(inputs={"seconds": 0.5}, output={}),),
)
def delay(lowering: Lowering) -> Delay:
    """Wait for some seconds, or for months.

    Nothing is held while the run waits, and nothing is lost when a process dies.
    """
    return Delay()
