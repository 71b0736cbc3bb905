"""Looks from within what a task could do: what is reported as closed has been tried."""

from __future__ import annotations

import errno
import mmap
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workers.coderunner import limits

_EXECUTABLE = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC


class Probe:
    """Implements `workers.coderunner.engine.Engine`. Wherever it succeeds it does no harm."""

    def prepare(self, modules: Sequence[str]) -> None:
        """Everything is imported above."""

    def enter(self) -> None:
        """Nothing to open."""

    def run(self, task: Mapping[str, Any], log: Callable[[str], None]) -> Any:
        """Say which attempts are refused, and who we are."""
        log("probing")
        return {
            "refused": {name: _is_refused(attempt) for name, attempt in _ATTEMPTS.items()},
            "user": os.getuid(),
            "limits": limits.imposed(),
            "environment": len(os.environ),
        }


def _is_refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError as error:
        # Any other complaint would come from further inside than a task may get.
        return error.errno == errno.EPERM
    return False


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)
    os.wait()


_ATTEMPTS: Mapping[str, Callable[[], object]] = {
    "open": lambda: os.close(os.open("/", os.O_RDONLY)),
    "list": lambda: os.listdir("/"),
    "connect": lambda: socket.socket(socket.AF_UNIX).close(),
    "start": _fork,
    "signal": lambda: os.kill(os.getppid(), signal.SIG_DFL),
    "execute": lambda: mmap.mmap(-1, 4096, prot=_EXECUTABLE).close(),
    "replace": lambda: os.execv("/nothing", ["nothing"]),  # noqa: S606 - there is nothing to start, only to try
}

ENGINE = Probe()
