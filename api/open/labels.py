"""What the step at a place of a run is called, and what it is: pieces of messages do not say it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from engine.plan import Finish, Graph, Loop, Map, Plan, Step, Subflow

_TURN: Final = re.compile(r"(~\d+)?(\[\d+])?$")
"""Behind the id of a step that others stand within: which attempt, and which turn."""


@dataclass(frozen=True, slots=True)
class Label:
    """A step, as readers know it."""

    title: str
    node_type: str
    ends: bool = False
    """It is the end of the run itself."""
    within: bool = False
    """It is the end of a workflow that the run calls: what it answers goes to its caller alone."""


class Labels:
    """The steps of a plan, and of the plans that it calls, by their places."""

    def __init__(self, plan: Plan, plan_of: Callable[[str], Plan]) -> None:
        self._plan = plan
        self._plan_of = plan_of

    def of(self, path: str, node: str) -> Label:
        """The step at a place; one that is not found is called by its id."""
        graph: Graph | None = self._plan.graph
        called = False
        *around, last = path.split("/")
        for part in around:
            step = _step(graph, _TURN.sub("", part))
            match step.action if step is not None else None:
                case Loop(body=body) | Map(body=body):
                    graph = body
                case Subflow(plan_hash=plan_hash):
                    graph, called = self._plan_of(plan_hash).graph, True
                case _:
                    graph, called = None, True
        step = _step(graph, last)
        if step is None:
            return Label(node, "", within=called and last == "end")
        ends = isinstance(step.action, Finish)
        return Label(step.title, step.node_type, ends=ends and not called, within=ends and called)


def _step(graph: Graph | None, id_: str) -> Step | None:
    return next((one for one in graph.steps if one.id == id_), None) if graph is not None else None
