"""`mainspring debug` and pins: a canvas tried out piece by piece; and questions that go on, on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import FREE_PORTS, mainspring, result, service
from tests.engine.draw import canvas, edges, end, node, start


def written(folder: Path, name: str, *nodes: dict[str, Any], lines: str) -> Path:
    """A canvas in a file."""
    file = folder / f"{name}.json"
    canvas(*nodes, lines=lines)
    file.write_text(json.dumps({"nodes": [*nodes], "edges": edges(lines)}, ensure_ascii=False), "utf-8")
    return file


def piecewise(folder: Path) -> Path:
    turns = node(
        "turns",
        "loop",
        {"items": "=start.names"},
        blocks=[node("greet", "text_concat", {"template": "{{start.word}} {{item}}"})],
        lines="turns>greet>turns",
        results={"all": "=greet.output"},
    )
    ask = node("ask", "question", {"question": "Who is {{start.word}}?"}, settings={"options": ["A", "B"]})
    return written(
        folder,
        "piecewise",
        start({"names": "array", "word": "string"}),
        turns,
        ask,
        end({"all": "=turns.all", "who": "=ask.answer"}),
        lines="start>turns>ask ask:option_0>end ask:option_1>end ask:other>end",
    )


def rounds(folder: Path) -> Path:
    outputs = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    ask = node(
        "ask", "question", {"question": "Who?", "model": "scripted"}, settings={"extract": True}, outputs=outputs
    )
    return written(folder, "rounds", start(), ask, end({"name": "=ask.name"}), lines="start>ask>end")


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a server that is up: a start for each command would take most of the time."""
    folder = tmp_path_factory.mktemp("up") / "data"
    with service("up", *FREE_PORTS, "--data-dir", folder, until="Ctrl-C"):
        yield folder


def test_a_composite_is_run_alone_and_again_with_what_it_was_given(up: Path, tmp_path: Path) -> None:
    file, data = piecewise(tmp_path), ("--data-dir", up)
    given = json.dumps({"items": ["x", "y"], "start": {"word": "hi"}})
    done = mainspring("debug", file, "turns", "--input", given, *data)
    assert result(done) == {"output": {"all": ["hi x", "hi y"]}}
    again = mainspring("debug", "piecewise", "turns", "--last", "--set", 'items=["z"]', *data)
    assert result(again) == {"output": {"all": ["hi z"]}}
    alone = mainspring("debug", "piecewise", "greet", "--set", "item=i", "--set", 'start={"word": "w"}', *data)
    assert result(alone) == {"output": {"output": "w i"}}
    (run, *_) = result(mainspring("runs", "--json", *data))
    assert run["kind"] == "debug"


def test_a_question_alone_is_answered_and_the_port_is_told(up: Path, tmp_path: Path) -> None:
    file, data = piecewise(tmp_path), ("--data-dir", up)
    done = mainspring("debug", file, "ask", "--set", 'start={"word": "x"}', "--answer", "ask=B", *data)
    assert result(done)["output"]["option_id"] == "B"
    assert "It was left by the port option_1." in done.stderr


def test_nodes_are_pinned_on_the_command_line_or_from_a_file(up: Path, tmp_path: Path) -> None:
    file, data = piecewise(tmp_path), ("--data-dir", up)
    pin = tmp_path / "pin.json"
    pin.write_text('{"output": {"answer": "钉"}, "port": "other"}', "utf-8")
    words = ("run", file, "--input", '{"names": [], "word": ""}', "--pin", 'turns={"all": [1]}', "--pin", f"ask={pin}")
    assert result(mainspring(*words, *data)) == {"all": [1], "who": "钉"}
    refused = mainspring("run", file, "--pin", "nobody={}", *data)
    assert refused.returncode == 1
    assert 'There is no node "nobody"' in refused.stderr
    for wrong in ("turns", "turns=", "turns=[]", "turns={", f"turns={tmp_path / 'none.json'}"):
        refused = mainspring("run", file, "--pin", wrong, *data)
        assert (refused.returncode, refused.stdout) == (1, "")


def test_what_a_turn_did_is_shown_by_its_place(up: Path, tmp_path: Path) -> None:
    file, data = piecewise(tmp_path), ("--data-dir", up)
    given = '{"items": ["x", "y", "z"]}'
    run = result(mainspring("debug", file, "turns", "--input", given, "--json", *data))["id"]
    shown = result(mainspring("show", run, "--path", "turns[1]", "--json", *data))["nodes"]
    assert [(one["path"], one["output"]["output"]) for one in shown] == [("turns[1]/greet", " y")]
    shown = result(mainspring("show", run, "--node", "greet", "--json", *data))["nodes"]
    assert [one["turn"] for one in shown] == [0, 1, 2]


ENOUGH = 'say: {"fields": {"name": "Ada"}, "question": ""}'


def test_a_question_that_goes_on_takes_one_answer_after_the_other(up: Path, tmp_path: Path) -> None:
    file, data = rounds(tmp_path), ("--data-dir", up)
    done = mainspring("run", file, "--answer", "ask=hm", "--answer", f"ask={ENOUGH}", *data)
    assert result(done) == {"name": "Ada"}
    waiting = mainspring("run", file, "--answer", "ask=hm", *data)
    assert waiting.returncode == 2
    assert "ask.2: " in waiting.stderr
    (run, *_) = result(mainspring("runs", "--json", *data))
    answered = mainspring("answer", run["id"], "ask.2", ENOUGH, *data)
    assert result(answered) == {"name": "Ada"}
    (record,) = result(mainspring("show", run["id"], "--node", "ask", "--json", *data))["nodes"]
    assert [one["answer"] for one in record["details"]["rounds"]] == ["hm", ENOUGH]


def test_a_node_that_is_not_there_is_said(up: Path, tmp_path: Path) -> None:
    refused = mainspring("debug", piecewise(tmp_path), "nobody", "--data-dir", up)
    assert refused.returncode == 1
    assert 'no node "nobody"' in refused.stderr
