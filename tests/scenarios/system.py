"""A whole system in processes of its own on free ports of loopback: started, killed with -9, and started again."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Literal, Self

import httpx2
from temporalio.client import Client

from workers.embedded.child import Child
from workers.embedded.ports import Ports

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 180.0
_POLL: Final = 0.02
_STOP: Final = 60.0

Part = Literal["temporal", "worker", "api", "up"]
PARTS: Final[tuple[Part, ...]] = ("temporal", "worker", "api")
WHOLE: Final[tuple[Part, ...]] = ("up",)
"""Everything in one process with one child."""


class Died(AssertionError):
    """A process of the system ended although nobody wanted it to."""


class System:
    """Processes on one data folder, which keep their ports through all restarts: parts alone, or `up`, which is all."""

    def __init__(self, folder: Path, **settings: str) -> None:
        """`settings` are environment variables."""
        self.folder = folder
        self.data = folder / "data"
        self.ports = Ports.choose("127.0.0.1", grpc=0, ui=None)
        self.url = f"http://127.0.0.1:{self.ports.http}"
        self.temporal = f"127.0.0.1:{self.ports.grpc}"
        self._settings = settings
        self._running: dict[Part, Child] = {}
        self._client: httpx2.AsyncClient | None = None

    @property
    def client(self) -> httpx2.AsyncClient:
        """A client that holds the token; made when the API is first ready."""
        if self._client is None:
            token = (self.data / "token").read_text("utf-8").strip()
            self._client = httpx2.AsyncClient(
                base_url=f"{self.url}/api/v1",
                headers={"authorization": f"Bearer {token}"},
                timeout=httpx2.Timeout(120.0, connect=10.0),
                trust_env=False,
            )
        return self._client

    def pid(self, part: Part) -> int:
        """The present process of a part."""
        return self._running[part].pid

    def log(self, part: Part) -> str:
        """What a part has written, in all its lives."""
        file = self._log_file(part)
        return file.read_text("utf-8", errors="replace") if file.exists() else ""

    async def until_logged(self, part: Part, words: str) -> None:
        """Wait until a part has written this, in whatever life."""

        async def written() -> bool:
            return words in self.log(part)

        await self._until(part, written)

    async def start(self, *parts: Part) -> Self:
        """Start parts, all at once, and return when what was started is ready."""
        for part in parts:
            self.spawn(part)
        await self.ready(*parts)
        return self

    def spawn(self, part: Part) -> None:
        """Start a part and do not wait for it."""
        with self._log_file(part).open("ab") as output:
            self._running[part] = Child(
                [sys.executable, "-m", "cli.main", *self._command(part)],
                folder=ROOT,
                environment=self._environment(part),
                output=output.fileno(),
            )

    async def ready(self, *parts: Part) -> None:
        """Wait until parts answer. A worker has no door to knock on: it is ready when it works."""
        if "temporal" in parts:
            await self._until("temporal", self._temporal_listens)
        for part in ("api", "up"):
            if part in parts:
                await self._until(part, self._api_is_ready)

    async def kill(self, *parts: Part) -> None:
        """Kill -9, all at the same moment; return when nothing of them is left."""
        killed = [self._running.pop(part) for part in parts]
        for child in killed:
            child.kill()
        for child in killed:
            await child.wait()

    async def stop(self, part: Part) -> int:
        """Ask a part to end (SIGTERM); its exit status, which is negative when it had to be killed after a minute."""
        return await self._running.pop(part).stop(_STOP)

    async def close(self) -> None:
        """End everything, quickly: nobody needs the data any more."""
        if self._client is not None:
            await self._client.aclose()
        await self.kill(*self._running)

    def check_alive(self) -> None:
        """Raises `Died` when a part that should run does not."""
        for part, child in self._running.items():
            if child.ended:
                raise Died(f"{part} has ended by itself. It wrote last:\n{self.log(part)[-3_000:]}")

    async def histories(self, run_id: str) -> list[tuple[str, str]]:
        """Ids and states of everything in Temporal that belongs to a run, children too, the oldest first."""
        there = await Client.connect(self.temporal)
        found = [one async for one in there.list_workflows() if run_id in one.id]
        return [(one.id, "" if one.status is None else one.status.name) for one in reversed(found)]

    async def handed_on(self, run_id: str) -> list[str]:
        """Why activities of a run have begun once more: the types of the errors that ended the tries before."""
        there = await Client.connect(self.temporal)
        found: list[str] = []
        for executor, _ in await self.histories(run_id):
            async for event in there.get_workflow_handle(executor).fetch_history_events():
                begun = event.activity_task_started_event_attributes
                if begun.attempt > 1:
                    failure = begun.last_failure
                    found.append(failure.application_failure_info.type or str(failure.WhichOneof("failure_info")))
        return found

    async def under_way(self, run_id: str) -> list[str]:
        """What Temporal still carries out of a run. It says so a moment later than it knows."""
        deadline = time.monotonic() + PATIENCE
        while found := [name for name, state in await self.histories(run_id) if state == "RUNNING"]:
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(_POLL)
        return found

    def _log_file(self, part: Part) -> Path:
        return self.folder / f"{part}.log"

    def _command(self, part: Part) -> list[str]:
        return [part, "--data-dir", str(self.data)]

    def _environment(self, part: Part) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        address = {} if part in ("temporal", "up") else {"TEMPORAL_ADDRESS": self.temporal}
        return {
            **kept,
            "MAINSPRING_PORT": str(self.ports.http),
            "MAINSPRING_TEMPORAL_PORT": str(self.ports.grpc),
            "MAINSPRING_TEMPORAL_UI_PORT": "-1",
            **address,
            **self._settings,
        }

    async def _until(self, part: Part, there: Any) -> None:
        deadline = time.monotonic() + PATIENCE
        while not await there():
            self.check_alive()
            if time.monotonic() > deadline:
                raise Died(f"{part} was not ready in {PATIENCE} seconds. It wrote last:\n{self.log(part)[-3_000:]}")
            await asyncio.sleep(_POLL)

    async def _temporal_listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.ports.grpc)
        except OSError:
            return False
        writer.close()
        return True

    async def _api_is_ready(self) -> bool:
        if not (self.data / "token").exists():
            return False
        try:
            return (await self.client.get("/health/ready")).status_code == 200
        except httpx2.TransportError:
            return False


@asynccontextmanager
async def running(
    folder: Path, settings: Mapping[str, str] | None = None, parts: tuple[Part, ...] = PARTS
) -> AsyncIterator[System]:
    """A system that runs."""
    system = System(folder, **(settings or {}))
    try:
        await system.start(*parts)
        yield system
    finally:
        await system.close()
