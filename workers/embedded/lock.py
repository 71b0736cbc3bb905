"""The lock of a data folder: two servers on one SQLite file would destroy it."""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path

from workers.embedded.errors import DataFolderInUse

# How long a holder that was just killed, and the server that dies with it, may take until they are gone. Whether it is
# one of those cannot be asked: a process that is dying, or that nobody has buried yet, still looks alive.
_GRACE = 1.0
_POLL = 0.02


class FolderLock:
    """Held by this process and, through the inherited descriptor, by the server it starts, until both are gone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor: int | None = None

    @property
    def descriptor(self) -> int:
        if self._descriptor is None:
            raise RuntimeError("the lock is not held")
        return self._descriptor

    async def acquire(self) -> None:
        """Take the lock and write our pid into it; DataFolderInUse names the process that has it."""
        deadline = asyncio.get_running_loop().time() + _GRACE
        while (holder := self._try()) is not None:
            if asyncio.get_running_loop().time() > deadline:
                raise self._in_use(holder)
            await asyncio.sleep(_POLL)

    def release(self) -> None:
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def _try(self) -> int | None:
        """Take the lock, or say which process has it."""
        descriptor = os.open(self._folder / "temporal.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # Empty for the instant between another's taking the lock and writing into it.
            holder = int(os.pread(descriptor, 20, 0) or 0)
            os.close(descriptor)
            return holder
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor
        return None

    def _in_use(self, holder: int) -> DataFolderInUse:
        if _lives(holder):
            message = (
                f"Process {holder} runs a Temporal server on {self._folder}. Stop it, or choose another data folder."
            )
        else:
            message = (
                f"Process {holder}, which ran a Temporal server on {self._folder}, is gone, but something it started"
                " still holds the folder. End that process, or choose another data folder."
            )
        return DataFolderInUse(message, pid=holder, folder=str(self._folder))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0
