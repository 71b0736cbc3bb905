"""docs/canvas.md shows canvases and what runs of them give: here they are validated and run."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import TypeAdapter

from cli.canvas_check import check_file
from engine.canvas import Edge, Expression
from engine.diagnostics import Diagnostic
from engine.document import read_canvas
from engine.errors import FlowError
from engine.runtime import StepError
from engine.validation import validate
from nodes.library import load_library
from tests.cli.memory_run import MemoryRun

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "canvas.md"
_BLOCK: Final = re.compile(
    r"(?:^`(?P<file>[a-z-]+\.json)`:\n\n)?^```json(?P<kind> \w+)?\n(?P<text>.*?)^```$", re.M | re.S
)
_RUN: Final = re.compile(
    r"^- `(?P<inputs>\{[^`]*\})`(?: with the answers `(?P<answers>\{[^`]*\})`)? "
    r"(?:gives `(?P<output>\{[^`]*\})`|fails with `(?P<code>\w+)`: `(?P<message>[^`]*)`)\.?$",
    re.M,
)
_OF_THE_REST: Final = {"unknown_node", "unknown_placeholder", "port_not_connected", "unknown_edge_node"}
"""Findings about what a single node leans on and the page does not show."""


@dataclass
class Shown:
    """A block of the page, and the runs told of below it."""

    line: int
    kind: str
    file: str
    text: str
    runs: list[dict[str, Any]] = field(default_factory=list)

    @property
    def document(self) -> Any:
        return json.loads(self.text)

    @property
    def is_canvas(self) -> bool:
        return self.kind == "" and "nodes" in self.document


def shown() -> list[Shown]:
    page = PAGE.read_text("utf-8")
    found: list[Shown] = []
    blocks = [*_BLOCK.finditer(page)]
    for number, block in enumerate(blocks):
        end = blocks[number + 1].start() if number + 1 < len(blocks) else len(page)
        # A sentence goes on in the next line.
        below = re.sub(r"\n  (?=\S)", " ", page[block.end() : end])
        line = page.count("\n", 0, block.start()) + 1
        runs = [one.groupdict() for one in _RUN.finditer(below)]
        found.append(Shown(line, (block["kind"] or "").strip(), block["file"] or "", block["text"], runs))
    return found


BLOCKS: Final = shown()
CANVASES: Final = [block for block in BLOCKS if block.is_canvas]
RUNS: Final = [(block, run) for block in CANVASES for run in block.runs]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The canvases that the page gives a name, as files of that name."""
    for block in CANVASES:
        if block.file:
            (tmp_path / block.file).write_text(block.text, "utf-8")
    return tmp_path


def written(block: Shown, folder: Path) -> Path:
    file = folder / (block.file or "canvas.json")
    file.write_text(block.text, "utf-8")
    return file


def test_every_run_that_the_page_tells_of_is_understood_here() -> None:
    assert len(RUNS) == len(re.findall(r"^- `\{", PAGE.read_text("utf-8"), re.M)) > 0


@pytest.mark.parametrize("block", CANVASES, ids=lambda block: f"line {block.line}")
def test_a_canvas_of_the_page_has_no_errors(block: Shown, folder: Path) -> None:
    findings = check_file(written(block, folder), load_library().types)
    assert [finding.to_json() for finding in findings if finding.severity == "error"] == []


@pytest.mark.parametrize(("block", "run"), RUNS, ids=lambda one: f"line {one.line}" if isinstance(one, Shown) else "")
async def test_a_run_gives_what_the_page_says(block: Shown, run: dict[str, str | None], folder: Path) -> None:
    file = written(block, folder)
    inputs, answers = json.loads(run["inputs"] or "{}"), json.loads(run["answers"] or "{}")
    if run["output"] is not None:
        result = await MemoryRun().go(file, inputs, answers)
        assert result.output == json.loads(run["output"])
        return
    with pytest.raises(FlowError) as failed:
        await MemoryRun().go(file, inputs, answers)
    assert isinstance(failed.value, StepError)
    assert (failed.value.error_code, failed.value.message) == (run["code"], run["message"])


@pytest.mark.parametrize("block", [one for one in BLOCKS if not one.is_canvas], ids=lambda block: f"line {block.line}")
def test_a_part_of_a_canvas_is_one(block: Shown) -> None:
    match block.kind:
        case "expression":
            expression: TypeAdapter[Expression] = TypeAdapter(Expression)
            expression.validate_python(block.document)
        case "edges":
            assert [Edge.model_validate(edge) for edge in block.document]
        case _:
            assert [finding.to_json() for finding in findings_about(block.document)] == []


def findings_about(node: dict[str, Any]) -> list[Diagnostic]:
    """What is wrong with a node by itself."""
    ends = [{"id": "start", "type": "start"}, {"id": "end", "type": "end"}]
    lines = [("start", node["id"]), (node["id"], "end")]
    edges = [{"sourceNodeID": source, "targetNodeID": target} for source, target in lines]
    canvas, found = read_canvas({"nodes": [*ends, node], "edges": edges})
    if canvas is not None:
        found = validate(canvas, load_library().types)
    return [finding for finding in found if finding.code not in _OF_THE_REST]
