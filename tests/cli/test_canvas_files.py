"""Canvases are read from files together with the sub-workflows they call."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from cli.canvas_check import check_file, compile_files, finding_line
from cli.canvas_files import family, read_canvas_file
from cli.complaint import CommandFailed
from nodes.library import load_library
from tests.cli.memory_run import EXAMPLES


def draw(folder: Path, name: str, *calls: str) -> Path:
    """A canvas that calls these workflows, one after another."""
    ids = ["start", *(f"call_{number}" for number, _ in enumerate(calls)), "end"]
    nodes = [
        {
            "id": "start",
            "type": "start",
            "data": {"outputs": {"type": "object", "properties": {"x": {"type": "string"}}}},
        },
        *(
            {"id": f"call_{number}", "type": "subworkflow", "data": {"settings": {"workflow": call}}}
            for number, call in enumerate(calls)
        ),
        {"id": "end", "type": "end", "data": {"inputs": {"x": {"ref": ["start", "x"]}}}},
    ]
    edges = [{"sourceNodeID": a, "targetNodeID": b} for a, b in pairwise(ids)]
    file = folder / f"{name}.json"
    file.write_text(json.dumps({"nodes": nodes, "edges": edges}), "utf-8")
    return file


def test_a_canvas_comes_after_all_that_it_calls_and_each_comes_once(tmp_path: Path) -> None:
    draw(tmp_path, "leaf")
    draw(tmp_path, "left", "leaf")
    draw(tmp_path, "right", "leaf", "left")
    assert [file.path.stem for file in family(draw(tmp_path, "top", "right", "left"))] == [
        "leaf",
        "left",
        "right",
        "top",
    ]


def test_calls_within_a_batch_are_found() -> None:
    assert [file.path.stem for file in family(EXAMPLES / "translate-articles.json")] == [
        "translate-text",
        "translate-articles",
    ]


def test_canvases_that_call_each_other_are_each_read_once(tmp_path: Path) -> None:
    draw(tmp_path, "hen", "egg")
    assert [file.path.stem for file in family(draw(tmp_path, "egg", "hen"))] == ["hen", "egg"]


def test_what_is_called_and_has_no_file_is_left_to_others(tmp_path: Path) -> None:
    assert [file.path.stem for file in family(draw(tmp_path, "top", "elsewhere", "../top"))] == ["top"]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("triage-ticket", "triage-ticket"),
        ("My Flow (2)", "my-flow-2"),
        ("2025", "canvas-2025"),
        ("_", "canvas-d2e2adf7"),
        ("x" * 99, "x" * 48),
    ],
)
def test_a_key_is_made_of_the_name_of_the_file(tmp_path: Path, name: str, key: str) -> None:
    assert read_canvas_file(draw(tmp_path, name)).key == key


def test_two_names_without_a_latin_letter_make_two_keys(tmp_path: Path) -> None:
    keys = {read_canvas_file(draw(tmp_path, name)).key for name in ("翻译", "总结")}
    assert len(keys) == 2
    assert all(key.startswith("canvas-") for key in keys)


def test_a_canvas_without_a_title_is_called_by_the_name_of_its_file(tmp_path: Path) -> None:
    file = read_canvas_file(draw(tmp_path, "翻译"))
    assert (file.title, file.description, [*file.inputs()]) == ("翻译", "", ["x"])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("{", "is not JSON"), ("[]", "is no canvas"), ("[" * 200_000, "is not JSON"), ("\x80", "is not JSON")],
)
def test_a_file_that_is_no_json_object_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "broken.json"
    file.write_text(text, "latin-1")
    with pytest.raises(CommandFailed, match=complaint) as refused:
        read_canvas_file(file)
    assert "broken.json" in refused.value.message


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"nope\.json cannot be read: No such file"):
        read_canvas_file(tmp_path / "nope.json")


def test_a_call_of_a_broken_workflow_is_a_finding_at_the_caller(tmp_path: Path) -> None:
    draw(tmp_path, "broken", "nowhere")
    (finding,) = check_file(draw(tmp_path, "top", "broken"), load_library().types)
    assert (finding.node, finding.code) == ("call_0", "unknown_workflow")
    assert finding_line(finding).startswith(
        "error call_0.data.settings.workflow unknown_workflow: There is no workflow"
    )


def test_a_canvas_that_calls_itself_through_another_is_told_so(tmp_path: Path) -> None:
    draw(tmp_path, "hen", "egg")
    found = check_file(draw(tmp_path, "egg", "hen"), load_library().types)
    assert [finding.severity for finding in found] == ["error"]


def test_a_plan_names_the_plans_that_it_needs() -> None:
    known = compile_files(family(EXAMPLES / "translate-articles.json"), load_library().types)
    assert known["translate-articles"].plan.plans == (known["translate-text"].plan_hash,)
    assert known["translate-articles"].uses == ("translate-text",)
