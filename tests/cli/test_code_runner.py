"""The code runner as the settings want it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cli.code_runner import code_runner_on, options_of
from conf.settings import Settings
from nodes.sandbox import CodeTask
from workers.sandbox import RunnerSandbox

ROOT = Path(__file__).resolve().parents[2]


def test_what_is_set_is_what_the_code_runner_is_told() -> None:
    said = {
        "mode": "production",
        "code_processes": 3,
        "code_seconds": 7,
        "code_memory_mb": 64,
        "code_per_organisation": 2,
        "code_language_layer": "off",
        "code_modules": "numpy, bs4",
    }
    settings = Settings.model_validate(said)
    options = options_of(settings)
    assert (options.mode, options.processes, options.cpu_seconds, options.memory_mb) == ("production", 3, 7, 64)
    assert (options.per_organisation, options.restricted, options.modules) == (2, False, ("numpy", "bs4"))


def test_by_default_there_are_as_many_zygotes_as_cores_and_four_at_most() -> None:
    assert options_of(Settings()).processes == min(4, os.cpu_count() or 1)


async def test_in_production_it_is_ready_before_anything_else_is() -> None:
    async with code_runner_on(Settings(mode="production", code_processes=1)) as code:
        assert code.pid is not None
        task = CodeTask("python", "def main(args):\n    return {'text': args.params['text'][::-1]}", {"text": "泉水"})
        assert (await RunnerSandbox(code).run("org", task)).value == {"text": "水泉"}


async def test_modules_that_an_operator_adds_can_be_imported() -> None:
    settings = Settings(code_processes=1, code_modules=("numpy",))
    async with code_runner_on(settings) as code:
        source = "import numpy as np\ndef main(args):\n    return {'mean': float(np.mean([1, 2, 6]))}"
        assert (await RunnerSandbox(code).run("org", CodeTask("python", source))).value == {"mean": 3.0}


def test_in_production_nothing_goes_on_where_the_jail_lacks_a_layer() -> None:
    confined = str(ROOT / "tests" / "workers" / "coderunner" / "confined.py")
    asked = subprocess.run(
        [sys.executable, confined, "no-namespaces", "--", sys.executable, "-c", REFUSED],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert "CommandFailed: MAINSPRING_MODE=production needs a closed code runner." in asked.stdout, asked.stderr
    assert "mount namespace" in asked.stdout


REFUSED = """
import asyncio, sys
sys.path.insert(0, ".")
from cli.code_runner import code_runner_on
from cli.complaint import CommandFailed
from conf.settings import Settings

async def main():
    try:
        async with code_runner_on(Settings(mode="production")):
            print("it started")
    except CommandFailed as failed:
        print(f"CommandFailed: {failed.message}")

asyncio.run(main())
"""
