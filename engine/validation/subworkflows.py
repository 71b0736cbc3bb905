"""Rules about workflows that a node calls: the one called is there, does not lead back here, and gets what it needs."""

from __future__ import annotations

from engine.findings import listed, short
from engine.node_type import CalledWorkflow
from engine.schema import as_schema, properties_of, required_of
from engine.validation.inputs import misfit
from engine.validation.outline import Placed, ask, called_by
from engine.validation.report import Report
from engine.workflow_face import FindWorkflow, WorkflowFace


def check_subworkflow(placed: Placed, report: Report, own_id: str, *, known: bool) -> None:
    """Check what a sub-workflow node calls. `known` says that there was a way to look it up."""
    called = called_by(placed.node)
    if called is None or not placed.settled:
        return
    workflow, version = called
    if known and placed.face is None:
        _unknown(placed, report, "data.settings.workflow", workflow, version)
    _check_way_back(placed, report, own_id, "data.settings.workflow", workflow, placed.face)
    _check_kind(placed, report, placed.face)


def _check_kind(placed: Placed, report: Report, face: WorkflowFace | None) -> None:
    """It still ends as it did when the node was drawn: with values, or with a text."""
    drawn = placed.node.data.settings.get("answers")
    if face is None or face.answers is None or not isinstance(drawn, bool) or drawn == face.answers:
        return
    now, then = ("a text", "values") if face.answers else ("values", "a text")
    message = f"The workflow has been changed: it answers with {now} now, and answered with {then} as this was drawn."
    report.warning("workflow_changed", message, placed.node, "data.settings.workflow", answers=face.answers)


def check_tools(placed: Placed, report: Report, own_id: str, workflows: FindWorkflow | None) -> None:
    """Check the workflows that a node lets a model call."""
    kind, settings = placed.kind, placed.settings
    if kind is None or kind.calls is None or settings is None or not placed.settled:
        return
    calls = kind.calls
    for tool in ask(report, placed.node, kind, lambda: [*calls(settings)]) or ():
        field = f"data.settings.{tool.at}"
        face = workflows(tool.workflow, tool.version) if workflows is not None else None
        if workflows is not None and face is None:
            _unknown(placed, report, f"{field}.workflow", tool.workflow, tool.version)
        _check_way_back(placed, report, own_id, f"{field}.workflow", tool.workflow, face)
        if face is not None:
            _check_given(placed, report, field, tool, face)


def _check_given(placed: Placed, report: Report, field: str, tool: CalledWorkflow, face: WorkflowFace) -> None:
    """What a model does not give must be given here, and fit."""
    known = properties_of(face.inputs)
    for name in dict.fromkeys((*tool.fixed, *tool.unseen)):
        if name not in known:
            message = f'The workflow has no input "{short(name)}"; it has {listed(known)}.'
            report.warning("unknown_input", message, placed.node, field, known=[*known])
    for name, value in tool.fixed.items():
        if (problem := misfit(value, as_schema(known.get(name)), f"fixed.{name}")) is not None:
            report.error("wrong_type", problem, placed.node, f"{field}.fixed.{short(name)}")
    for name in required_of(face.inputs):
        hidden = name in tool.unseen and name not in tool.fixed
        if hidden and as_schema(known.get(name)).get("default") is None:
            message = f'The input "{short(name)}" is hidden from the model and not given; the workflow requires it.'
            report.error("missing_input", message, placed.node, field, input=name)


def _unknown(placed: Placed, report: Report, field: str, workflow: str, version: str) -> None:
    which = f' in the version "{version}"' if version else ""
    message = f'There is no workflow "{workflow}"{which} that can be called.'
    report.error("unknown_workflow", message, placed.node, field, workflow=workflow, version=version)


def _check_way_back(
    placed: Placed, report: Report, own_id: str, field: str, workflow: str, face: WorkflowFace | None
) -> None:
    if own_id and own_id in (workflow, face.id if face else ""):
        message = "The workflow calls itself, so a run of it would never end."
        report.error("recursive_workflow", message, placed.node, field, workflow=own_id)
    elif own_id and face is not None and own_id in face.uses:
        message = f'The workflow "{workflow}" calls this one in turn, so a run of either would never end.'
        report.error("recursive_workflow", message, placed.node, field, workflow=workflow)
