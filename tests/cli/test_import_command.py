"""`mainspring import` and `export`, as a person uses them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from cli.canvas_check import check_file
from cli.canvas_files import read_canvas_file
from cli.complaint import CommandFailed
from cli.foreign_files import read_bundle, read_documents
from nodes.library import load_library
from tests.api.test_import import coze
from tests.cli.command import mainspring, result
from tests.cli.memory_run import EXAMPLES


def write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


async def test_a_folder_of_coze_canvases_is_imported_run_and_taken_elsewhere(tmp_path: Path) -> None:
    folder, elsewhere = ("--data-dir", tmp_path / "数据"), ("--data-dir", tmp_path / "elsewhere")
    write(tmp_path / "in/7001.json", coze(callee="7002"))
    write(
        tmp_path / "in/callee.json",
        {"data": {"workflow": {"workflow_id": "7002", "name": "问候", "schema_json": json.dumps(coze())}}},
    )
    made = await asyncio.to_thread(mainspring, "import", tmp_path / "in", "--from", "coze", "--publish", *folder)
    assert made.returncode == 0, made.stdout + made.stderr
    assert "published as v0.0.1" in made.stdout
    bundle = tmp_path / "bundle.json"
    exported = await asyncio.to_thread(mainspring, "export", "w7001", "--to", bundle, *folder)
    assert exported.returncode == 1
    assert "no such workflow" in exported.stderr
    key = next(
        line.rpartition(" created as ")[2].partition(",")[0] for line in made.stdout.splitlines() if "7001" in line
    )
    exported = await asyncio.to_thread(mainspring, "export", key, "--to", bundle, *folder)
    assert exported.stdout.strip() == f"2 workflows in {bundle}.", exported.stderr
    taken = await asyncio.to_thread(mainspring, "import", bundle, "--json", *elsewhere)
    assert [one["published"] for one in result(taken)["workflows"]] == [["v0.0.1"], ["v0.0.1"]]


async def test_the_example_of_coze_is_imported_and_runs_by_its_key(tmp_path: Path) -> None:
    folder = ("--data-dir", tmp_path / "data")
    there = EXAMPLES / "coze"
    made = await asyncio.to_thread(
        mainspring, "import", there / "weekly-note.json", "--from", "coze", "--table", there / "table.json",
        "--publish", *folder,
    )  # fmt: skip
    assert made.stdout.strip() == "weekly-note: created as weekly-note, published as v0.0.1", made.stderr
    for version, topics in (("v0.0.1", '["上线"]'), ("draft", '["上线"]')):
        run = await asyncio.to_thread(
            mainspring, "run", "weekly-note", "--version", version, "--set", "name=李雷", "--set", f"topics={topics}",
            *folder,
        )  # fmt: skip
        assert result(run) == {"output": "李雷，本周要点：\n· 上线"}
    unknown = await asyncio.to_thread(mainspring, "run", "nobody", *folder)
    assert (unknown.returncode, "There is no such workflow." in unknown.stderr) == (1, True)


async def test_what_is_not_known_is_told_line_by_line_and_a_table_names_it(tmp_path: Path) -> None:
    folder = ("--data-dir", tmp_path / "data")
    file = write(tmp_path / "ask.json", coze(model="1737"))
    made = await asyncio.to_thread(mainspring, "import", file, "--from", "coze", *folder)
    assert "  model 1737 (ask: 1001)" in made.stdout, made.stderr
    again = await asyncio.to_thread(mainspring, "import", file, "--from", "coze", *folder)
    assert (again.returncode, "was imported before" in again.stderr) == (1, True)
    table = write(tmp_path / "table.json", {"model": {"*": "scripted"}})
    updated = await asyncio.to_thread(
        mainspring, "import", file, "--from", "coze", "--update", "--table", table, *folder
    )
    assert (updated.returncode, "model 1737" in updated.stdout) == (0, False), updated.stdout


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"nodes": [], "edges": []}, [("there", "there")]),
        ({"nodes": [], "meta": {"title": "T"}}, [("there", "T")]),
        ({"workflow_id": 7, "name": "N", "schema": "{}"}, [("7", "N")]),
        ({"code": 0, "data": {"workflow": {"workflow_id": "8", "name": "M", "schema_json": "{}"}}}, [("8", "M")]),
        ([{"id": "1", "canvas": {}, "schema": "x"}, {"nodes": []}], [("1", "1"), ("", "there")]),
        ({"workflows": [{"workflowId": "9", "schema_json": "{}"}]}, [("9", "9")]),
    ],
)
def test_a_file_may_hold_what_coze_gives_out(tmp_path: Path, content: Any, found: list[tuple[str, str]]) -> None:
    documents = read_documents([write(tmp_path / "there.json", content)])
    assert [(one["id"], one["name"]) for one in documents] == found


@pytest.mark.parametrize("content", [7, {}, [], {"data": {}}, {"name": "x"}])
def test_a_file_without_a_workflow_is_named(tmp_path: Path, content: Any) -> None:
    with pytest.raises(CommandFailed, match=r"there\.json holds no workflow"):
        read_documents([write(tmp_path / "there.json", content)])


def test_a_table_beside_the_canvases_of_a_folder_is_no_workflow(tmp_path: Path) -> None:
    table = write(tmp_path / "table.json", {"model": {"*": "default"}})
    write(tmp_path / "note.json", coze())
    assert [one["id"] for one in read_documents([tmp_path], besides=table)] == ["note"]


def test_bundles_and_canvases_of_coze_are_told_apart(tmp_path: Path) -> None:
    bundle = write(tmp_path / "bundle.json", {"kind": "mainspring-bundle", "workflows": []})
    canvas = write(tmp_path / "canvas.json", coze())
    with pytest.raises(CommandFailed, match="a bundle of Mainspring: import it without --from coze"):
        read_documents([bundle])
    with pytest.raises(CommandFailed, match="For workflows of Coze add --from coze"):
        read_bundle(canvas)
    assert read_bundle(bundle)["workflows"] == []
    with pytest.raises(CommandFailed, match=r"Import it: mainspring import .*canvas\.json --from coze"):
        read_canvas_file(canvas)
    with pytest.raises(CommandFailed, match="is a canvas of Coze"):
        check_file(canvas, load_library().types)
