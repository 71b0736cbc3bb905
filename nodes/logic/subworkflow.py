"""Sub-workflow: run another workflow as one step."""

from pydantic import BaseModel, ConfigDict, Field

from engine.node_type import Lowering
from engine.plan import Subflow
from nodes.surface import DECLARED, FREE_OBJECT, Category, Example, control_node, settings_of


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    workflow: str = Field(min_length=1, description="The id of the workflow to run.")
    version: str = Field("", description="Its published version; empty means the latest one at the time of compiling.")
    answers: bool | None = Field(
        None,
        description="Whether it answered with a text when this node was drawn: where that has changed, a warning says"
        " so.",
    )


@control_node(
    "subworkflow",
    title="Sub-workflow",
    category=Category.LOGIC,
    settings=Settings,
    inputs=FREE_OBJECT,
    outputs=DECLARED,
    null_outputs=False,
    examples=(
        Example(
            inputs={"article": "A river ran backwards."},
            settings={"workflow": "7301", "version": "1.2.0"},
            output={"summary": "A river ran backwards."},
        ),
    ),
)
def subworkflow(lowering: Lowering) -> Subflow:
    """Run a published workflow as one step: its inputs are that workflow's inputs, its output is that workflow's
    output.

    Messages and questions inside it reach the person behind this run. The version is settled when this workflow is
    compiled, so a newer one changes nothing until then. A workflow may not run itself, directly or through others.
    """
    settings = settings_of(lowering, Settings)
    # Which plan that is, and whether it is walked here, is known to the compiler.
    return Subflow(plan_hash="", workflow_id=settings.workflow, version=settings.version, tier="child")
