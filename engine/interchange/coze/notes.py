"""What an import has to say: findings about the document, in the document's own words and places."""

from __future__ import annotations

from typing import Final, Literal

from engine.diagnostics import Diagnostic
from engine.findings import ENOUGH, capped, short
from engine.values import Json

Severity = Literal["error", "warning"]

NOT_KEPT: Final = "not_kept"
"""Something of the document has no counterpart here and is left out."""


class Notes:
    """Gathers findings. An error is what the other system refuses as well, or what a run would fail of."""

    def __init__(self) -> None:
        self._found: list[Diagnostic] = []
        self._more = False

    def error(self, code: str, message: str, node: str = "", field: str = "", **facts: Json) -> None:
        """Something is wrong."""
        self._add(Diagnostic(code, message, short(node), field, "error", facts))

    def warning(self, code: str, message: str, node: str = "", field: str = "", **facts: Json) -> None:
        """Something is not as it was."""
        self._add(Diagnostic(code, message, short(node), field, "warning", facts))

    def include(self, finding: Diagnostic) -> None:
        """Add a finding made elsewhere."""
        self._add(finding)

    def _add(self, finding: Diagnostic) -> None:
        if len(self._found) < ENOUGH:
            self._found.append(finding)
        else:
            self._more = True

    def findings(self) -> tuple[Diagnostic, ...]:
        """All of them, or as many as anyone reads."""
        return tuple(capped(self._found, unseen=self._more))
