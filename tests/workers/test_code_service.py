"""The code runner as a worker has it: started when it is wanted, watched, and in the words of nodes."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from structlog.testing import capture_logs

from engine.errors import NodeUnavailable
from nodes.sandbox import CodeFailed, CodeTask, TemplateTask
from tests.workers.coderunner.running import ATTEMPTS, LANGUAGES
from workers.code_service import CodeService
from workers.coderunner.options import Options
from workers.sandbox import NoSandbox, RunnerSandbox


def options(**more: Any) -> Options:
    # Under the name of the language, so that a task of a node reaches the engine for tests.
    others = tuple({*LANGUAGES} - {"template"})
    return Options.here("", processes=1, **{"leave_out": others, "engines": {"attempts": ATTEMPTS}} | more)


@pytest.fixture
async def service() -> AsyncIterator[CodeService]:
    service = CodeService(options())
    yield service
    await service.stop()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def another(service: CodeService, than: psutil.Process) -> None:
    await until(lambda: service.pid != than.pid)


def folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("mainspring-code-*"))


HELLO = TemplateTask("{{ word }}, 世界", {"word": "你好"})


async def test_the_first_task_starts_the_code_runner(service: CodeService) -> None:
    assert service.pid is None
    finished = await RunnerSandbox(service).run("org", HELLO)
    assert finished.value == "你好, 世界"
    assert finished.milliseconds > 0
    assert service.pid is not None


async def test_a_start_says_once_which_layers_are_in_force() -> None:
    with capture_logs() as logs:
        service = CodeService(options())
        await service.ready()
        await RunnerSandbox(service).run("org", HELLO)
        await service.stop()
    (ready,) = [entry for entry in logs if entry["event"] == "code runner ready"]
    assert "system call filter" in ready["layers"]
    assert not [entry for entry in logs if entry["log_level"] != "info"]


async def test_a_failure_of_the_code_comes_with_its_facts(service: CodeService) -> None:
    with pytest.raises(CodeFailed) as failed:
        await RunnerSandbox(service).run("org", TemplateTask("one\n{{ 1 / 0 }}"))
    assert failed.value.facts["line"] == 2
    assert failed.value.facts["reason"] == "error"
    assert failed.value.facts["type"] == "ZeroDivisionError"
    assert failed.value.facts["logs"] == []
    assert not failed.value.retryable


async def test_a_language_that_is_not_there_is_unavailable(service: CodeService) -> None:
    with pytest.raises(NodeUnavailable, match="no engine 'python'"):
        await RunnerSandbox(service).run("org", CodeTask("python", "def main(args): return {}"))


async def test_a_worker_without_a_code_runner_says_so() -> None:
    with pytest.raises(NodeUnavailable, match="no code runner"):
        await NoSandbox().run("org", HELLO)


async def test_a_code_runner_that_is_killed_comes_back_and_leaves_nothing(service: CodeService) -> None:
    sandbox = RunnerSandbox(service)
    for _ in range(3):
        await service.ready()
        assert service.pid is not None
        before = folders()
        family = [psutil.Process(service.pid), *psutil.Process(service.pid).children(recursive=True)]
        family[0].kill()
        # Until that is noticed a task may find nobody there: the node tries again.
        await another(service, family[0])
        assert (await sandbox.run("org", HELLO)).value == "你好, 世界"
        psutil.wait_procs(family, timeout=60)
        assert not any(process.is_running() for process in family)
        assert len(folders() - before) == 1


async def test_a_task_under_way_when_the_code_runner_dies_may_be_tried_again(service: CodeService) -> None:
    await service.ready()
    client = await service.client()
    assert service.pid is not None
    runner = psutil.Process(service.pid)
    waiting = asyncio.create_task(
        RunnerSandbox(service).run("org", TemplateTask("{{ range(99999) | list | length }}" * 50))
    )
    attempt = asyncio.create_task(client.run({"engine": "attempts", "source": "time.sleep(60)"}, seconds=60))
    await until(lambda: len(runner.children(recursive=True)) >= 3)
    runner.kill()
    for task in (waiting, attempt):
        await asyncio.wait({task})
    assert isinstance(waiting.exception(), NodeUnavailable | None)
    assert attempt.exception() is not None
    await another(service, runner)
    assert (await RunnerSandbox(service).run("org", HELLO)).value == "你好, 世界"


async def test_stopping_leaves_neither_processes_nor_files() -> None:
    before = folders()
    service = CodeService(options())
    await service.ready()
    assert service.pid is not None
    family = [psutil.Process(service.pid), *psutil.Process(service.pid).children(recursive=True)]
    await service.stop()
    await service.stop()
    psutil.wait_procs(family, timeout=60)
    assert not any(process.is_running() for process in family)
    assert folders() <= before


async def test_one_that_is_stopped_while_it_starts_leaves_nothing_either() -> None:
    before = folders()
    service = CodeService(options())
    service.begin()
    await until(lambda: service.pid is not None)
    process = psutil.Process(service.pid)
    await service.stop()
    assert not process.is_running()
    assert folders() <= before


async def test_what_a_kill_of_everything_left_behind_goes_at_the_next_start(service: CodeService) -> None:
    left = Path(tempfile.mkdtemp(prefix="mainspring-code-"))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(left / "runner"))
        listening.listen()
    unborn, about_to = (Path(tempfile.mkdtemp(prefix="mainspring-code-")) for _ in range(2))
    os.utime(unborn, (1, 1))
    assert {left, unborn, about_to} <= folders()
    await service.ready()
    await service.ready()
    # Those in which somebody listens stay.
    assert folders() & {left, unborn, about_to} == {about_to}
    os.rmdir(about_to)
    assert folders()


def test_a_code_runner_that_may_not_be_used_is_refused_with_the_reason() -> None:
    """The kernel refuses namespaces to what this interpreter starts; production does not go on."""
    confined = str(Path(__file__).parent / "coderunner" / "confined.py")
    asked = subprocess.run(
        [sys.executable, confined, "no-namespaces", "--", sys.executable, "-c", REFUSED],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert "CodeRunnerRefused The code runner lacks layers of its jail: " in asked.stdout, asked.stderr
    assert "Docker: --security-opt" in asked.stdout


REFUSED = """
import asyncio, sys
sys.path.insert(0, ".")
from tests.workers.test_code_service import options
from workers.code_service import CodeRunnerRefused, CodeService

async def main():
    service = CodeService(options(mode="production"))
    try:
        await service.ready()
    except CodeRunnerRefused as refused:
        print("CodeRunnerRefused", refused.message)
    await service.stop()

asyncio.run(main())
"""
