"""A case's documents, imported and compiled: what a run of them needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from engine.canvas import Canvas
from engine.compile import Callee, compile_canvas
from engine.diagnostics import Diagnostic
from engine.errors import InvalidCanvas
from engine.interchange.coze import ExternalIds, import_canvas
from engine.interchange.needs import needs
from engine.plan import Plan, plan_hash
from engine.validation import validate
from nodes.library import Library, built_in_library
from tests.interchange.cases import Case

LIBRARY: Final[Library] = built_in_library()
ROOT: Final = "root"


@dataclass
class Imported:
    """The plans of a case by hash, the root's hash, and what was said on the way. No root where it was refused."""

    canvas: Canvas | None = None
    root: str = ""
    plans: dict[str, Plan] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    """What the import said."""
    findings: list[Diagnostic] = field(default_factory=list)
    """What validation said of what came of it."""
    refusal: str = ""


def import_case(case: Case, ids: Mapping[str, Mapping[str, str]]) -> Imported:
    """Import the canvas and all that it calls, and compile them."""
    return _Importer(case, ids).whole()


class _Importer:
    def __init__(self, case: Case, ids: Mapping[str, Mapping[str, str]]) -> None:
        self._case = case
        workflows = {there: there for there in case.documents} | dict(ids.get("workflow", {}))
        self._ids = ExternalIds({**ids, "workflow": workflows})
        self._made = Imported()
        self._canvases: dict[tuple[str, str], Canvas | None] = {}
        self._callees: dict[tuple[str, str], Callee | None] = {}
        self._under_way: list[str] = []

    def whole(self) -> Imported:
        made = self._made
        made.canvas = self._canvas("", "", self._case.canvas)
        for there, document in self._case.documents.items():
            self._canvas(there, "", document.canvas)
        if made.canvas is None:
            made.refusal = "The document cannot be imported."
            return made
        faces: Any = lambda workflow, version: (  # noqa: E731
            None if (found := self._callee(workflow, version)) is None else found.face
        )
        made.findings += validate(made.canvas, LIBRARY.types, workflows=faces, own_id=ROOT)
        if errors := [one for one in (*made.diagnostics, *made.findings) if one.severity == "error"]:
            made.refusal = errors[0].message
            return made
        try:
            plan = compile_canvas(made.canvas, LIBRARY.types, self._callee, own_id=ROOT)
        except InvalidCanvas as error:
            made.refusal = error.message
            return made
        made.root = plan_hash(plan.to_bytes())
        made.plans[made.root] = plan
        return made

    def _canvas(self, there: str, version: str, document: Mapping[str, Any]) -> Canvas | None:
        if (there, version) not in self._canvases:
            try:
                done = import_canvas(document, self._ids)
            except InvalidCanvas as error:
                said: Any = error.facts["diagnostics"]
                self._made.diagnostics += [Diagnostic(**one) for one in said]
                self._canvases[there, version] = None
            else:
                self._made.diagnostics += done.diagnostics
                self._canvases[there, version] = done.model
        return self._canvases[there, version]

    def _callee(self, workflow: str, version: str) -> Callee | None:
        if workflow not in self._case.documents:
            return None
        if workflow in self._under_way:
            return self._itself(workflow, version)
        if (workflow, version) not in self._callees:
            self._under_way.append(workflow)
            try:
                self._callees[workflow, version] = self._compiled(workflow, version)
            finally:
                self._under_way.pop()
        return self._callees[workflow, version]

    def _compiled(self, workflow: str, version: str) -> Callee | None:
        document = self._case.documents[workflow]
        source = document.versions.get(version) if version else document.canvas
        canvas = None if source is None else self._canvas(workflow, version, source)
        if canvas is None:
            return None
        try:
            plan = compile_canvas(canvas, LIBRARY.types, self._callee, own_id=workflow)
        except InvalidCanvas as error:
            said: Any = error.facts["diagnostics"]
            self._made.findings += [Diagnostic(**one) for one in said]
            return None
        digest = plan_hash(plan.to_bytes())
        self._made.plans[digest] = plan
        uses = self._uses(workflow)
        return Callee(workflow, version, digest, plan, uses, name=document.name, description=document.description)

    def _itself(self, workflow: str, version: str) -> Callee:
        """A workflow that is being compiled further up: its face says whom it calls, which is all that is looked at."""
        empty = Canvas.model_validate(
            {
                "nodes": [{"id": "a", "type": "start"}, {"id": "b", "type": "end"}],
                "edges": [{"sourceNodeID": "a", "targetNodeID": "b"}],
            }
        )
        plan = compile_canvas(empty, LIBRARY.types)
        return Callee(workflow, version, plan_hash(plan.to_bytes()), plan, (*self._uses(workflow), workflow))

    def _uses(self, workflow: str) -> tuple[str, ...]:
        """Whom a workflow calls, directly and deeper."""
        found: list[str] = []
        rest = [workflow]
        while rest:
            document = self._case.documents.get(rest.pop())
            canvas = None if document is None else import_canvas(document.canvas, self._ids).model
            for need in [] if canvas is None else needs(canvas.model_dump(mode="json", by_alias=True)):
                if need.kind == "workflow" and need.id not in found:
                    found.append(need.id)
                    rest.append(need.id)
        return tuple(found)
