"""Rules about what happens when a node fails."""

from __future__ import annotations

from engine.canvas import OnError
from engine.validation.inputs import misfit
from engine.validation.outline import Placed
from engine.validation.report import Report


def check_handling(placed: Placed, report: Report) -> None:
    """A node that cannot fail handles nothing; a default output is there when it is needed, and fits."""
    node, kind = placed.node, placed.kind
    handling = node.data.on_error
    if kind is None or handling == OnError():
        return
    if not kind.handles_errors:
        message = f'A node of the type "{kind.name}" does not fail, so it has no on_error.'
        report.error("unexpected_on_error", message, node, "data.on_error")
        return
    field = "data.on_error.default"
    if handling.policy == "default" and handling.default is None:
        message = 'The policy "default" needs "default": the output that stands in after a failure.'
        report.error("missing_default", message, node, field)
    outputs = node.data.outputs or (placed.face.outputs if placed.face else None) or kind.outputs
    if handling.default is not None and outputs is not None:
        problem = misfit(handling.default, outputs, "default")
        if problem is not None:
            report.error("default_type", problem, node, field)
