"""`mainspring run` starts what it needs, shows how it goes, and prints the result."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.data_folder import ApiAddress, DataFolder, TemporalAddress
from tests.cli.command import FREE_PORTS, command, mainspring, result, service
from tests.cli.memory_run import EXAMPLES
from tests.cli.terminal import Terminal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data folder of a machine on which nothing was ever started."""
    return tmp_path / "data"


def echo(folder: Path, *required: str, prompt: str = "say: {{start.name}}") -> Path:
    """A canvas with a model that says the input `name`."""
    nodes = [
        {
            "id": "start",
            "type": "start",
            "data": {
                "outputs": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "count": {"type": "integer"}},
                    "required": list(required),
                }
            },
        },
        {"id": "ask", "type": "llm", "data": {"title": "Ask", "inputs": {"prompt": {"template": prompt}}}},
        {"id": "end", "type": "end", "data": {"inputs": {"said": {"ref": ["ask", "output"]}}}},
    ]
    edges = [{"sourceNodeID": "start", "targetNodeID": "ask"}, {"sourceNodeID": "ask", "targetNodeID": "end"}]
    file = folder / "echo.json"
    file.write_text(json.dumps({"nodes": nodes, "edges": edges}, ensure_ascii=False), "utf-8")
    return file


def question(folder: Path) -> Path:
    """A canvas that asks one thing."""
    nodes = [
        {"id": "start", "type": "start"},
        {
            "id": "ask",
            "type": "question",
            "data": {
                "inputs": {"question": {"value": "喝什么？"}},
                "settings": {"options": ["茶", "咖啡"], "free": False},
            },
        },
        {"id": "end", "type": "end", "data": {"inputs": {"answer": {"ref": ["ask", "answer"]}}}},
    ]
    edges = [
        {"sourceNodeID": "start", "targetNodeID": "ask"},
        *({"sourceNodeID": "ask", "targetNodeID": "end", "sourcePortID": port} for port in ("option_0", "option_1")),
    ]
    file = folder / "question.json"
    file.write_text(json.dumps({"nodes": nodes, "edges": edges}, ensure_ascii=False), "utf-8")
    return file


def test_on_a_bare_machine_a_canvas_runs_and_the_data_stay(folder: Path, tmp_path: Path) -> None:
    done = mainspring("run", echo(tmp_path), "--set", "name=李雷", "--data-dir", folder)
    assert result(done) == {"said": "[scripted reply, no model] 李雷"}
    assert "✓ Ask  llm" in done.stderr
    assert "3 steps" in done.stderr
    assert (DataFolder(folder).api(), DataFolder(folder).temporal()) == (None, None)
    (listed,) = result(mainspring("runs", "--json", "--data-dir", folder))
    assert (listed["workflow_key"], listed["version"], listed["kind"], listed["state"]) == (
        "echo",
        "draft",
        "test",
        "succeeded",
    )


def test_a_run_waits_for_its_answer_while_nothing_is_running(folder: Path, tmp_path: Path) -> None:
    DataFolder(folder).prepare()
    # Left behind by a server that was killed.
    DataFolder(folder).ensure_token()
    DataFolder(folder).tell(ApiAddress("http://127.0.0.1:9", 1))
    DataFolder(folder).tell(TemporalAddress("127.0.0.1:9", "", "default", 1))
    waiting = mainspring("run", question(tmp_path), "--data-dir", folder)
    assert waiting.returncode == 2
    assert waiting.stdout == ""
    (hint,) = (line for line in waiting.stderr.splitlines() if " answer " in line)
    run_id = hint.split(" answer ")[1].split()[0]
    assert hint.endswith(f"answer {run_id} ask '茶' --data-dir {folder}")
    done = mainspring("answer", run_id, "ask", "咖啡", "--data-dir", folder)
    assert result(done) == {"answer": "咖啡"}
    assert "start" not in done.stderr


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of an API, a worker and a Temporal server, each a process of its own."""
    folder = tmp_path_factory.mktemp("apart") / "data"
    with (
        service("temporal", *FREE_PORTS[2:4], "--no-ui", "--data-dir", folder, until="Temporal is at"),
        service("api", "--port", "0", "--data-dir", folder, until="The API is at"),
        service("worker", "--data-dir", folder, until="The worker takes runs"),
    ):
        yield folder


def test_processes_apart_work_together_and_a_run_finds_them(busy: Path, tmp_path: Path) -> None:
    assert result(mainspring("run", echo(tmp_path), "--set", "name=李雷", "--data-dir", busy)) == {
        "said": "[scripted reply, no model] 李雷"
    }


def test_the_whole_run_may_be_had_as_json_and_inputs_may_come_on_standard_input(busy: Path, tmp_path: Path) -> None:
    done = mainspring("run", echo(tmp_path), "--input", "-", "--json", "--data-dir", busy, given='{"name": "Ada"}')
    run = result(done)
    assert (run["state"], run["kind"], run["inputs"]) == ("succeeded", "test", {"name": "Ada"})
    assert done.stderr == ""


def test_sub_workflows_beside_the_file_are_saved_and_published_first(busy: Path) -> None:
    done = result(
        mainspring("run", EXAMPLES / "translate-articles.json", "--set", "language=French", "--data-dir", busy)
    )
    assert done["titles"] == ["西湖", "茶", "桥"]
    assert all("Translate into French" in text for text in done["texts"])


def test_answers_may_come_along(busy: Path) -> None:
    answers = ("--answer", "ask=reject", "--answer", "refusal=reason: 太贵了", "--answer", "nobody=1")
    done = mainspring("run", EXAMPLES / "approve-expense.json", *answers, "--data-dir", busy)
    assert result(done)["decision"].endswith("rejected. 太贵了")
    assert "Nobody asked nobody, so its answer was not given." in done.stderr


def test_an_answer_that_does_not_fit_is_told(busy: Path) -> None:
    done = mainspring("run", EXAMPLES / "approve-expense.json", "--answer", "ask=perhaps", "--data-dir", busy)
    assert done.returncode == 1
    assert 'The answer must be one of "approve", "reject", but "perhaps" came.' in done.stderr


def test_the_output_of_a_run_whose_model_streams_is_told_as_it_comes(busy: Path) -> None:
    done = mainspring("run", EXAMPLES / "morning-report.json", "--set", "name=Ada", "--data-dir", busy)
    assert result(done)["output"].endswith("Have a good day, Ada!")
    assert "  » 早上好，Ada！ Your report is being written." in done.stderr
    assert "  » [scripted reply, no model] You said: Make a cheerful morning report for Ada" in done.stderr


def test_an_input_that_does_not_fit_is_named(busy: Path, tmp_path: Path) -> None:
    done = mainspring("run", echo(tmp_path), "--set", "count=many", "--data-dir", busy)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: inputs.count must be ")
    assert 'the text "many" came' in done.stderr


def test_an_input_that_is_missing_is_named(busy: Path, tmp_path: Path) -> None:
    done = mainspring("run", echo(tmp_path, "name"), "--data-dir", busy)
    assert done.returncode == 1
    assert "inputs.name" in done.stderr


def test_a_canvas_with_errors_tells_all_of_them(busy: Path, tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    file.write_text('{"nodes": [{"id": "start", "type": "begin"}, {"id": "end", "type": "end"}]}')
    done = mainspring("run", file, "--data-dir", busy)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert "start" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_that_fails_says_where_and_why(busy: Path, tmp_path: Path) -> None:
    done = mainspring("run", echo(tmp_path, prompt="fail: 没有钱了"), "--data-dir", busy)
    assert (done.returncode, done.stdout) == (1, "")
    assert "✗ Ask" in done.stderr
    assert "没有钱了 (model_failed)" in done.stderr
    assert " show " in done.stderr


def test_a_run_that_takes_too_long_is_left_alone(busy: Path, tmp_path: Path) -> None:
    file = echo(tmp_path, prompt="delay: 3000\nsay: slow")
    done = mainspring("run", file, "--timeout", "1", "--data-dir", busy)
    assert done.returncode == 1
    assert "is not over after 1 seconds. It goes on wherever there is a worker" in done.stderr


def test_a_file_is_saved_as_the_draft_that_it_is_now(busy: Path, tmp_path: Path) -> None:
    for word in ("one", "two"):
        done = result(mainspring("run", echo(tmp_path, prompt=f"say: {word}"), "--data-dir", busy))
        assert done["said"].endswith(word)


def test_who_sits_at_a_terminal_is_asked_right_there_and_again_until_the_answer_will_do(
    busy: Path, tmp_path: Path
) -> None:
    file = question(tmp_path)
    with Terminal(command("run", file, "--data-dir", busy)) as terminal:
        terminal.read_until("Your answer")
        terminal.type("果汁\r")
        terminal.read_until("must be one of")
        terminal.read_until("Your answer")
        terminal.type("2\r")
        assert terminal.wait() == 0
    assert '"answer": "咖啡"' in terminal.shown


def test_whoever_leaves_a_run_is_told_that_it_goes_on(busy: Path, tmp_path: Path) -> None:
    with Terminal(command("run", question(tmp_path), "--data-dir", busy)) as terminal:
        terminal.read_until("Your answer")
        terminal.type("\x03")
        assert terminal.wait() == 130
    assert "goes on wherever there is a worker" in terminal.shown
