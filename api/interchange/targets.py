"""What an imported canvas names and is not here: a table of ids may say anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from api.interchange.surroundings import Surroundings
from engine.diagnostics import Diagnostic
from engine.findings import short
from engine.interchange.needs import needs

_WORDS: Final = {"model": "model", "database": "database", "plugin": "plugin", "knowledge": "knowledge base"}
_UNMAPPED: Final = "coze:"


async def targets_not_here(surroundings: Surroundings, canvas: Mapping[str, Any]) -> list[Diagnostic]:
    """A warning for every node that a table leads to something that is not here (yet)."""
    here: dict[tuple[str, str], bool] = {}
    found: list[Diagnostic] = []
    for need in needs(canvas):
        # What the table does not name has a finding of its own.
        if need.kind not in _WORDS or not need.id or need.id.startswith(_UNMAPPED):
            continue
        key = (need.kind, need.id)
        if key not in here:
            here[key] = await surroundings.has(need.kind, need.id)
        if not here[key]:
            message = (
                f"The table of ids says {_WORDS[need.kind]} {short(need.id)}, and none is here; a run that gets to"
                " the node fails there."
            )
            found.append(Diagnostic(f"unmapped_{need.kind}", message, node=need.node, severity="warning"))
    return found
