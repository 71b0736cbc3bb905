"""The `mainspring` command as its users meet it: a process, with an environment that says nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from tests.architecture.source import ROOT

PATIENCE = 120.0
"""Far more than anything here takes on a busy machine."""
FREE_PORTS = ("--port", "0", "--temporal-port", "0", "--ui-port", "0")


def environment(**more: str) -> dict[str, str]:
    """The environment of these tests, without any setting of whoever runs them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAINSPRING_", "TEMPORAL_"))}
    return {**kept, "PYTHONUNBUFFERED": "1", **more}


def command(*words: str | Path) -> list[str]:
    """The command line of these words."""
    return [sys.executable, "-m", "cli.main", *(str(word) for word in words)]


def mainspring(*words: str | Path, given: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        command(*words),
        input=given,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(**more),
        timeout=PATIENCE,
    )


def result(done: subprocess.CompletedProcess[str]) -> Any:
    """What a command that succeeded printed, as JSON."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@dataclass
class Service:
    """A command that stays."""

    process: subprocess.Popen[str]
    said: str
    """Everything up to the line that it was waited for."""

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, and wait until it has."""
        self.process.send_signal(by)
        return self.process.wait(PATIENCE)


@contextmanager
def service(*words: str | Path, until: str, **more: str) -> Iterator[Service]:
    """Start a command, and wait for a line of its output; it is killed in the end if it still is there."""
    with TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            # A file, as nobody reads it while the process lives.
            stderr=log,
            text=True,
            cwd=ROOT,
            env=environment(**more),
        )
        assert process.stdout is not None
        try:
            said = ""
            while until not in said:
                line = process.stdout.readline()
                if not line:
                    log.seek(0)
                    raise AssertionError(f"{words[0]} ended and said: {said}{log.read()}")
                said += line
            yield Service(process, said)
        finally:
            process.kill()
            process.communicate()


@contextmanager
def standing(folder: Path, **more: str) -> Iterator[Service]:
    """Mainspring running on a folder. Commands that find it there take a tenth of the time that they do alone."""
    with service("up", *FREE_PORTS, "--data-dir", folder, until="Ctrl-C stops it", **more) as running:
        yield running
