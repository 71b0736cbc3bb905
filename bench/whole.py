"""Mainspring as `mainspring up` starts it, in a process of its own, with the node types of the benchmark installed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from bench.connection import Connection

_START_SECONDS = 60.0


class Whole:
    """Everything, started in a folder; `settings` are environment variables."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self.url = self.token = self.temporal = ""

    async def __aenter__(self) -> Self:
        packages = self.folder / "packages"
        _install_nodes(packages)
        data = self.folder / "data"
        paths = os.pathsep.join([str(packages), str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
        env = {**os.environ, "PYTHONPATH": paths, **self._settings}
        command = [str(Path(sys.executable).parent / "mainspring"), "up", "--data-dir", str(data)]
        ports = ["--port", "0", "--temporal-port", "0", "--no-ui"]
        with (self.folder / "up.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(*command, *ports, stdout=log, stderr=log, env=env)
        began = time.monotonic()
        while not (data / "api.json").exists():
            if self._process.returncode is not None or time.monotonic() - began > _START_SECONDS:
                raise RuntimeError(f"It did not start:\n{(self.folder / 'up.log').read_text()[-2000:]}")
            await asyncio.sleep(0.01)
        self.url = json.loads((data / "api.json").read_text())["url"]
        self.temporal = json.loads((data / "temporal.json").read_text())["address"]
        self.token = (data / "token").read_text().strip()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            await self._process.wait()

    def connect(self) -> Connection:
        """A connection to its API."""
        return Connection(self.url, self.token)

    async def publish(self, key: str, canvas: dict[str, Any]) -> str:
        """Save and publish a canvas; gives the path that starts its runs."""
        connection = self.connect()
        await connection.request("POST", "/api/v1/workflows", {"key": key, "name": key, "canvas": canvas})
        await connection.request("POST", f"/api/v1/workflows/{key}/versions", {})
        connection.close()
        return f"/api/v1/workflows/{key}/runs"

    def memory(self) -> dict[str, float]:
        """Resident megabytes: of this process, and of the Temporal server below it. The code runner has a case."""
        if self._process is None:
            return {}
        own = psutil.Process(self._process.pid)
        below = sum(child.memory_info().rss for child in own.children(recursive=True) if "temporal" in child.name())
        return {"mainspring": own.memory_info().rss / 2**20, "temporal": below / 2**20}


def _install_nodes(folder: Path) -> None:
    """What an installer would leave of a package that brings `bench.nodes`."""
    info = folder / "mainspring_bench-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mainspring-bench\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[mainspring.nodes]\nbench = bench.nodes\n")
