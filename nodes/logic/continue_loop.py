"""Continue: the end of a path through a turn."""

from engine.node_type import Lowering
from engine.plan import Leave
from nodes.surface import Category, Example, Role, control_node


@control_node(
    "continue",
    title="Continue",
    category=Category.LOGIC,
    role=Role.LEAVE,
    null_outputs=False,
    handles_errors=False,
    examples=(Example(inputs={}, output={}),),
)
def continue_loop(lowering: Lowering) -> Leave:
    """End this path through the turn; the loop goes on with the next turn once the other paths have finished too.

    It stands inside a loop and needs no line out.
    """
    return Leave(how="continue")
