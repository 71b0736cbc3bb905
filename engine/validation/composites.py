"""Rules about composites: a body that begins somewhere, and results that come out of it."""

from __future__ import annotations

from engine.canvas import Reference
from engine.findings import short
from engine.validation.outline import BATCH, LOOP, Level, Placed
from engine.validation.references import References
from engine.validation.report import Report


def check_composite(owner: Placed, body: Level, references: References, report: Report) -> None:
    """Check the inside of a composite as its node sees it."""
    node = owner.node
    if not node.blocks:
        message = f"{owner.name} has no body; put at least one node into it."
        report.error("empty_body", message, node, "blocks")
    elif not any(edge.source == node.id and edge.target in body.by_id for edge in body.edges):
        message = f'The body of {owner.name} has no beginning; draw an edge from "{node.id}" to its first node.'
        report.error("no_entry", message, node, "edges")
    if node.type == BATCH and not node.data.results:
        message = f"{owner.name} hands on nothing; name at least one result of its body."
        report.error("missing_results", message, node, "data.results")
    for name, result in node.data.results.items():
        _check_result(result, f"data.results.{short(name)}", owner, body, references, report)


def _check_result(
    result: Reference, field: str, owner: Placed, body: Level, references: References, report: Report
) -> None:
    root, path = result.ref[0], result.ref[1:]
    if isinstance(root, str) and (inner := body.by_id.get(root)) is not None:
        references.follow_into(inner, path, field, owner)
    elif root == "loop" and owner.node.type == LOOP and len(path) == 1:
        references.check_variable(str(path[0]), field, owner, body)
    elif isinstance(root, str) and root in body.isolated:
        message = f'No edge leads to "{root}", so it is left out and gives no result.'
        report.error("isolated_reference", message, owner.node, field, source=root)
    else:
        what = 'a node of the body, or ["loop", name]' if owner.node.type == LOOP else "a node of the body"
        message = f'"{root}" gives no result; a result refers to {what}.'
        report.error("invalid_result", message, owner.node, field, source=root)
