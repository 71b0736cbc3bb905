"""The log file of the server: kept small, and read when something went wrong."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

_LARGEST = 8 * 1024 * 1024
_TAIL_BYTES = 8 * 1024
_TAIL_LINES = 20


class ServerLog:
    """One file, and the one before it beside it as `.1`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._start = 0

    @contextmanager
    def opened(self) -> Generator[int]:
        """A descriptor for the next server to write to; a file that has grown large makes room first."""
        if self._path.exists() and self._path.stat().st_size > _LARGEST:
            self._path.replace(self._path.with_name(self._path.name + ".1"))
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            self._start = os.fstat(descriptor).st_size
            yield descriptor
        finally:
            os.close(descriptor)

    def tail(self) -> str:
        """The last lines that the present server wrote; nothing if somebody has tidied the file away."""
        if not self._path.exists():
            return ""
        with self._path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(self._start, end - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-_TAIL_LINES:])
