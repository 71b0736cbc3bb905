"""What a node was given the last time, in the form in which it can be given again."""

from __future__ import annotations

from typing import Any

from engine.isolation import Isolated
from engine.schema import properties_of
from engine.secrets import HIDDEN
from storage.runs import RunRepository
from storage.tables import NodeRecord


async def last_inputs(
    runs: RunRepository, alone: Isolated, workflow_id: int, node: str, user_id: str, *, only: bool = False
) -> dict[str, Any]:
    """The inputs of the node's latest execution (with `only`: for this user), with the run they come from."""
    names = properties_of(alone.inputs)
    answer: dict[str, Any] = {"inputs": {}, "schema": alone.inputs, "run_id": None, "path": ""}
    found = await runs.latest_of_node(workflow_id, node, user_id, only=only)
    if found is None:
        return answer
    run, record = found
    known: Any
    if run.kind == "debug" and record.path == node:
        known = run.inputs
    else:
        known = {**(record.inputs if isinstance(record.inputs, dict) else {})}
        known = {name: value for name, value in known.items() if name not in alone.roots}
        if record.turn is not None:
            known["index"] = record.turn
        known |= await _outputs(runs, record, alone.roots)
    given = {name: _shown(value) for name, value in dict(known or {}).items() if name in names and value != HIDDEN}
    return {**answer, "inputs": given, "run_id": str(run.id), "path": record.path}


async def _outputs(runs: RunRepository, record: NodeRecord, roots: tuple[str, ...]) -> dict[str, Any]:
    """What other nodes had given when this one ran: of the same turn, or else of what is around it."""
    found: dict[str, Any] = {}
    above = {record.path.rpartition("/")[0], record.parent.rpartition("/")[0]}
    for root in roots:
        records = await runs.node_records(record.run_id, node=root, states=("succeeded", "failed"))
        near = [one for one in records if one.path.rpartition("/")[0] in above and isinstance(one.output, dict)]
        if near:
            found[root] = near[-1].output
    return found


def _shown(value: Any) -> Any:
    """A value without what stands for secrets: nobody would want to send stars."""
    match value:
        case dict():
            return {name: _shown(member) for name, member in value.items() if member != HIDDEN}
        case list():
            return [_shown(item) for item in value]
        case _:
            return value
