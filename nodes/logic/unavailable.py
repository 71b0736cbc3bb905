"""Unavailable: stands for a node that this server cannot run, and keeps what it was."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from engine.node_type import Lowering
from engine.plan import Refuse
from nodes.surface import DECLARED, FREE_OBJECT, Category, Example, control_node, settings_of


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=2_000, description="Why it cannot run, and what would help.")
    source: str = Field("", max_length=64, description="The system that the canvas came from.")
    original: JsonValue = Field(None, description="The node as it stands in the document it came from.")
    ports: list[str] = Field(
        default_factory=list, max_length=100, description="The ports it had there, so that its lines stay."
    )


@control_node(
    "unavailable",
    title="Unavailable",
    category=Category.LOGIC,
    settings=Settings,
    ports=lambda settings: tuple(settings.ports),
    inputs=FREE_OBJECT,
    outputs=DECLARED,
    examples=(
        Example(
            inputs={},
            settings={"reason": "Nodes of the type 16 (image generation) cannot run here.", "source": "coze"},
            output={},
        ),
    ),
)
def unavailable(lowering: Lowering) -> Refuse:
    """Keep the place of a node that came with an imported canvas and cannot run here.

    Its lines, its outputs and the original stay in the canvas. A run fails here, with the reason, only when it gets
    here; `on_error` holds as for any node.
    """
    settings = settings_of(lowering, Settings)
    return Refuse(code="node_unavailable_here", message=settings.reason, facts={"source": settings.source})
