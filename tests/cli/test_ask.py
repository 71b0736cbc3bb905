"""`mainspring ask` puts one question to a model, as a run like any other."""

from __future__ import annotations

from pathlib import Path

from tests.cli.command import Service, mainspring, result


def test_the_answer_is_printed_and_the_run_is_kept(up: Service, data_dir: Path) -> None:
    asked = mainspring("ask", "say: 你好, world", "--model", "scripted", "--data-dir", data_dir)
    assert result(asked) == {"answer": "[scripted reply, no model] 你好, world"}
    runs = mainspring("runs", "--data-dir", data_dir)
    assert "mainspring-ask" in runs.stdout


def test_a_model_that_is_not_there_is_named(up: Service, data_dir: Path) -> None:
    asked = mainspring("ask", "Hello?", "--model", "nobody", "--data-dir", data_dir)
    assert asked.returncode == 1
    assert "'nobody'" in asked.stderr
    assert "scripted" in asked.stderr
