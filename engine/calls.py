"""What comes of a call: its output in the declared types, and what its record shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.conversion import convert, null_fill
from engine.prepare import Node
from engine.runtime import CallResult
from engine.walk import Outcome

if TYPE_CHECKING:
    from engine.frame import Frame


def settle_call(
    frame: Frame, node: Node, result: CallResult, warnings: Sequence[str], usage: Mapping[str, int]
) -> Outcome:
    """How a step ends whose call gave this. `usage` is what the step used in all."""
    step = node.step
    frame.walk.look_for_refs(result.output)
    output: dict[str, object] = dict(result.output)
    said = [*warnings, *result.warnings]
    if step.output_schema is not None:
        fitting, complaints = convert(output, step.output_schema)
        output = fitting if isinstance(fitting, dict) else output
        said += complaints
        if step.null_outputs:
            output = null_fill(output, step.output_schema, refuse_missing=True)
    frame.messages.streamed(node, frame, output, forwarded=result.forwarded, void=None if result.void else ())
    data: dict[str, Any] = {}
    if usage:
        data["usage"] = dict(usage)
    if said:
        data["warnings"] = [*dict.fromkeys(said)]
    if result.logs:
        data["logs"] = [*result.logs]
    if result.port is not None:
        data["port"] = result.port
    if result.details:
        data["details"] = dict(result.details)
    return Outcome(output, result.port, data)
