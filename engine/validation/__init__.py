"""Validation: everything that keeps a canvas from running, found at once and told in the order of the document."""

from __future__ import annotations

from engine.canvas import Canvas
from engine.diagnostics import Diagnostic
from engine.limits import DEFAULT_LIMITS, Limits
from engine.node_type import NodeLibrary
from engine.validation.composites import check_composite
from engine.validation.edges import check_connections, check_edges
from engine.validation.handling import check_handling
from engine.validation.inputs import check_inputs
from engine.validation.order import check_order
from engine.validation.outline import Level, Outline, Placed, ask, outline
from engine.validation.references import References
from engine.validation.report import Report
from engine.validation.schemas import check_declared
from engine.validation.structure import check_ends, check_ids, check_isolated, check_types, is_too_big
from engine.validation.subworkflows import check_subworkflow, check_tools
from engine.workflow_face import FindWorkflow, WorkflowFace

__all__ = ["FindWorkflow", "WorkflowFace", "validate"]


def validate(
    canvas: Canvas,
    library: NodeLibrary,
    *,
    workflows: FindWorkflow | None = None,
    own_id: str = "",
    limits: Limits = DEFAULT_LIMITS,
) -> list[Diagnostic]:
    """Everything wrong with a canvas; it compiles when none of it is an error. Raises only what `workflows` raises.

    `workflows` finds what sub-workflow nodes call: without it that is not checked. `own_id` is the id of the workflow
    that the canvas belongs to, so that a call that leads back to it is found.
    """
    report = Report(canvas)
    if is_too_big(canvas, report, limits):
        return report.findings()
    check_ids(canvas, report)
    check_ends(canvas, library, report)
    plan = outline(canvas, library, report, workflows)
    check_isolated(canvas, plan, report)
    check_types(plan, library, report)
    references = References(plan, report, limits)
    for level, placed in plan.nodes:
        _check_node(placed, level, references, report)
        check_subworkflow(placed, report, own_id, known=workflows is not None)
        check_tools(placed, report, own_id, workflows)
    _check_levels(plan, references, report)
    return report.findings()


def _check_node(placed: Placed, level: Level, references: References, report: Report) -> None:
    check_inputs(placed, level, references, report)
    check_declared(placed, report)
    check_handling(placed, report)
    kind = placed.kind
    if kind is not None and kind.check is not None and placed.settled:
        check = kind.check
        ask(report, placed.node, kind, lambda: report.include(check(placed.node, placed.settings), placed.node))


def _check_levels(plan: Outline, references: References, report: Report) -> None:
    lines = {id(level): check_edges(level, plan, report) for level in plan.levels}
    for body in plan.bodies.values():
        if body.owner is not None:
            check_composite(body.owner, body, references, report)
    for level in plan.levels:
        check_connections(level, lines[id(level)], report)
        check_order(level, lines[id(level)], references.reads.get(id(level), []), report)
