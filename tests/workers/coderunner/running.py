"""A real code runner for tests: its process tree, started and stopped, and a client that belongs to no event loop."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from workers.coderunner.client import RunnerClient
from workers.coderunner.options import Options, command

ATTEMPTS = "tests.workers.coderunner.attempts"
"""An engine for tests: does to the jail what an attacker would who has got past every language."""
_CONFINED = str(Path(__file__).with_name("confined.py"))
LANGUAGES = ("python", "javascript", "template", "document")


@dataclass(frozen=True)
class Running:
    """A code runner that is ready."""

    client: RunnerClient
    process: subprocess.Popen[bytes]
    events: list[dict[str, Any]]
    """What the service told until it was ready."""

    @property
    def pid(self) -> int:
        return self.process.pid

    def family(self) -> list[psutil.Process]:
        """Every process below the service."""
        return psutil.Process(self.pid).children(recursive=True)


@contextmanager
def code_runner(*confined: str, **chosen: Any) -> Iterator[Running]:
    """Start one with these options (see `Options`) and wait until it is ready; leave nothing of it behind.

    `confined` as for `confined.py`.
    """
    folder = Path(tempfile.mkdtemp(prefix="code-"))
    options = Options.here(str(folder / "runner"), **chosen)
    started = command("serve", str(os.getpid()), options.to_json())
    if confined:
        started = [sys.executable, "-I", "-S", _CONFINED, *confined, "--", *started]
        os.chown(folder, _owner(confined), -1)
    with subprocess.Popen(started, env={}, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        try:
            events = []
            for line in process.stdout:
                events.append(json.loads(line))
                if events[-1]["event"] in ("ready", "refused", "trouble"):
                    break
            yield Running(RunnerClient(options.socket), process, events)
        finally:
            process.terminate()
            process.wait(20)
            process.stdout.close()
            shutil.rmtree(folder, ignore_errors=True)


def _owner(confined: tuple[str, ...]) -> int:
    users = [int(what.removeprefix("uid=")) for what in confined if what.startswith("uid=")]
    return users[0] if users and os.geteuid() == 0 else -1
