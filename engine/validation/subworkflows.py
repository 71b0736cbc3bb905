"""Rules about sub-workflows: the one called is there, and does not lead back here."""

from __future__ import annotations

from engine.validation.outline import Placed, called_by
from engine.validation.report import Report


def check_subworkflow(placed: Placed, report: Report, own_id: str, *, known: bool) -> None:
    """Check what a sub-workflow node calls. `known` says that there was a way to look it up."""
    called = called_by(placed.node)
    if called is None or not placed.settled:
        return
    workflow, version = called
    face, field = placed.face, "data.settings.workflow"
    if known and face is None:
        which = f' in the version "{version}"' if version else ""
        message = f'There is no workflow "{workflow}"{which} that can be called.'
        report.error("unknown_workflow", message, placed.node, field, workflow=workflow, version=version)
    if own_id and own_id in (workflow, face.id if face else ""):
        message = "The workflow calls itself, so a run of it would never end."
        report.error("recursive_workflow", message, placed.node, field, workflow=own_id)
    elif own_id and face is not None and own_id in face.uses:
        message = f'The workflow "{workflow}" calls this one in turn, so a run of either would never end.'
        report.error("recursive_workflow", message, placed.node, field, workflow=workflow)
