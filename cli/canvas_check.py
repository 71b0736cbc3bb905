"""What is wrong with a canvas in a file, said without any server."""

from __future__ import annotations

from pathlib import Path

from cli.canvas_files import CanvasFile, family, read_canvas_file, read_file
from engine.compile import Callee, compile_canvas
from engine.diagnostics import Diagnostic
from engine.document import read_canvas
from engine.errors import InvalidCanvas
from engine.limits import DEFAULT_LIMITS, Limits
from engine.node_type import NodeLibrary
from engine.plan import plan_hash
from engine.validation import WorkflowFace, validate


def check_file(path: Path, library: NodeLibrary, limits: Limits = DEFAULT_LIMITS) -> list[Diagnostic]:
    """Every finding; sub-workflows are looked for beside the file."""
    data = read_file(path)
    canvas, findings = read_canvas(data, limits)
    if canvas is None:
        if any(finding.field == "data.nodeMeta" for finding in findings):
            read_canvas_file(path)  # which says what to do with a canvas of Coze
        return findings
    known = compile_files(family(path)[:-1], library, limits)

    def face(workflow: str, version: str) -> WorkflowFace | None:
        return known[workflow].face if workflow in known else None

    return validate(canvas, library, workflows=face, own_id=path.stem, limits=limits)


def compile_files(files: list[CanvasFile], library: NodeLibrary, limits: Limits = DEFAULT_LIMITS) -> dict[str, Callee]:
    """The plans of canvases, each after those it calls, by the names of their files; a broken one is not there."""
    known: dict[str, Callee] = {}

    def resolve(workflow: str, version: str) -> Callee | None:
        return known.get(workflow)

    for file in files:
        canvas, _ = read_canvas(file.data, limits)
        if canvas is None:
            continue
        try:
            plan = compile_canvas(canvas, library, resolve, own_id=file.path.stem, limits=limits)
        except InvalidCanvas:
            # Whoever calls it is told that it cannot be called; what is wrong with it, where it is validated itself.
            continue
        uses = (use for name in file.calls() if name in known for use in (name, *known[name].uses))
        known[file.path.stem] = Callee(
            workflow_id=file.path.stem,
            version="",
            plan_hash=plan_hash(plan.to_bytes()),
            plan=plan,
            uses=tuple(dict.fromkeys(uses)),
            name=file.title,
            description=file.description,
        )
    return known


def finding_line(finding: Diagnostic) -> str:
    """`error node.field code: sentence`."""
    place = ".".join(part for part in (finding.node, finding.field) if part)
    return " ".join(part for part in (finding.severity, place, f"{finding.code}:", finding.message) if part)
