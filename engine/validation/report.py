"""Gathers findings while rules run in any order, and hands them out in the order of the document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, Literal

from engine.canvas import Canvas, Node
from engine.diagnostics import Diagnostic
from engine.findings import ENOUGH, MAX_FINDINGS, capped, did_you_mean
from engine.values import Json

Severity = Literal["error", "warning"]

_DOCUMENT: Final = -1


def every_node(nodes: Iterable[Node]) -> Iterator[Node]:
    """Every node in document order, a composite before its body, however deep."""
    stack = [iter(nodes)]
    while stack:
        node = next(stack[-1], None)
        if node is None:
            stack.pop()
        else:
            yield node
            stack.append(iter(node.blocks))


class Report:
    """The findings about one canvas. `at` is a node object, not an id: ids may stand twice."""

    def __init__(self, canvas: Canvas) -> None:
        self._places = {id(node): place for place, node in enumerate(every_node(canvas.nodes))}
        self._found: list[tuple[int, Diagnostic]] = []
        self._hints = 0

    def error(self, code: str, message: str, at: Node | None = None, field: str = "", **facts: Json) -> None:
        """Add a finding that keeps the canvas from running."""
        self._add(Diagnostic(code, message, at.id if at else "", field, "error", facts), at)

    def warning(self, code: str, message: str, at: Node | None = None, field: str = "", **facts: Json) -> None:
        """Add a finding that the author should know, and may leave."""
        self._add(Diagnostic(code, message, at.id if at else "", field, "warning", facts), at)

    def say(
        self,
        severity: Severity,
        code: str,
        message: str,
        at: Node,
        field: str = "",
        facts: Mapping[str, Json] | None = None,
    ) -> None:
        """Add a finding whose weight depends on where it was made."""
        self._add(Diagnostic(code, message, at.id, field, severity, dict(facts or {})), at)

    def include(self, findings: Iterable[Diagnostic], at: Node) -> None:
        """Add a node type's own findings about a node."""
        for finding in findings:
            self._add(replace(finding, node=at.id), at)

    def hint(self, word: str, known: Iterable[str]) -> str:
        """The end of a sentence about an unknown word. Comparing costs: it stops with the findings that are shown."""
        self._hints += 1
        return did_you_mean(word, known) if self._hints <= MAX_FINDINGS else "."

    @property
    def full(self) -> bool:
        """Whether so much is wrong that rules may stop to look."""
        return len(self._found) >= ENOUGH

    def findings(self) -> list[Diagnostic]:
        """Everything found: about the document, about its nodes in their order, about the edges at the top."""
        return capped([finding for _, finding in sorted(self._found, key=lambda found: found[0])], unseen=self.full)

    def _add(self, finding: Diagnostic, at: Node | None) -> None:
        if at is not None:
            place = self._places.get(id(at), _DOCUMENT)
        else:
            place = len(self._places) if finding.field.startswith("edges") else _DOCUMENT
        self._found.append((place, finding))
