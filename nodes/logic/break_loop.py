"""Break: the last turn of a loop."""

from engine.node_type import Lowering
from engine.plan import Leave
from nodes.surface import Category, Example, Role, control_node


@control_node(
    "break",
    title="Break",
    category=Category.LOGIC,
    role=Role.LEAVE,
    null_outputs=False,
    handles_errors=False,
    examples=(Example(inputs={}, output={}),),
)
def break_loop(lowering: Lowering) -> Leave:
    """Make this turn the loop's last.

    Other paths of the turn still finish, and what the turn hands on is collected. It stands inside a loop and needs no
    line out.
    """
    return Leave(how="break")
