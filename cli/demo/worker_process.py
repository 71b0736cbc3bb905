"""A worker in a process of its own, which can be killed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from workers.embedded.child import Child


class WorkerProcess:
    """Runs `mainspring worker` on a data folder; it dies with this process, however that ends."""

    def __init__(self, data_dir: Path, *, egress_allow: str) -> None:
        self._data_dir = data_dir
        self._egress_allow = ",".join(
            one for one in (os.environ.get("MAINSPRING_EGRESS_ALLOW", ""), egress_allow) if one
        )
        self._child: Child | None = None

    @property
    def pid(self) -> int:
        """The present process."""
        if self._child is None:
            raise RuntimeError("no worker was started")
        return self._child.pid

    def start(self) -> None:
        """Start it, for the first time or again; what it says goes to a file beside the data."""
        log = os.open(self._data_dir / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            self._child = Child(
                [sys.executable, "-m", "cli.main", "worker", "--data-dir", str(self._data_dir)],
                # The packages are found from here, also where they are not installed.
                folder=Path(__file__).resolve().parents[2],
                environment={**os.environ, "MAINSPRING_EGRESS_ALLOW": self._egress_allow},
                output=log,
            )
        finally:
            os.close(log)

    async def kill(self) -> None:
        """Kill it with SIGKILL: it has no time for anything."""
        if self._child is not None:
            self._child.kill()
            await self._child.wait()

    async def stop(self) -> None:
        """Ask it to end, and see to it that it does."""
        if self._child is not None and not self._child.ended:
            await self._child.stop(2.0)
