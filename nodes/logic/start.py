"""Start: what the run is given."""

from engine.node_type import Lowering
from engine.plan import Start
from nodes.surface import DECLARED, Category, Example, Role, control_node


@control_node(
    "start",
    title="Start",
    category=Category.LOGIC,
    role=Role.START,
    outputs=DECLARED,
    handles_errors=False,
    examples=(Example(title="A run with one input", inputs={}, output={"article": "A river ran backwards."}),),
)
def start(lowering: Lowering) -> Start:
    """Where a run begins. Its declared output is the run's input: types, defaults, and what is required.

    A value is converted to its declared type, a default stands in for what is absent, and a run without something
    required does not start. Names that are not declared pass through.
    """
    return Start()
