"""Set Variable: change a variable of the loop."""

from engine.node_type import Lowering
from engine.plan import Assign
from nodes.surface import FREE_OBJECT, Category, Example, control_node


@control_node(
    "set_variable",
    title="Set Variable",
    category=Category.LOGIC,
    inputs=FREE_OBJECT,
    outputs=FREE_OBJECT,
    null_outputs=False,
    handles_errors=False,
    examples=(
        Example(
            title="Two variables of the loop around it",
            inputs={"total": 7, "last": "b"},
            output={"total": 7, "last": "b"},
        ),
    ),
)
def set_variable(lowering: Lowering) -> Assign:
    """Set variables of the loop it stands in: each input is named after the variable it sets.

    Later readers see the value at once, in this turn and the next ones. Null becomes the zero of the variable's type.
    """
    # The types are those of the loop around it, which the compiler knows.
    return Assign()
