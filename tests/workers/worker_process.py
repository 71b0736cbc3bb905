"""A worker in a process of its own, to be killed: `python -m tests.workers.worker_process ADDRESS QUEUE FOLDER`.

Its one kind of step writes a line when it begins and one when it is done, sleeps and tells pieces as its inputs say;
with `rounds` it is done in that round alone, and takes a minute in those before. It reads answers too.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.values import Json
from nodes.context import NodeContext
from storage.stores import open_stores
from tests.workers.harness import Anything, NoHttp, NoModels, World
from workers.connection import TemporalOptions, connect
from workers.sandbox import NoSandbox
from workers.worker import WorkerOptions, WorkerParts, build_worker


class Recorder(World):
    """Does what its inputs say, and leaves a trace that outlives the process."""

    def __init__(self, trace: Path) -> None:
        super().__init__()
        self._trace = trace

    async def work(self, inputs: Any, ctx: NodeContext) -> Mapping[str, Json]:
        self._write(f"begin {ctx.path}")
        if (wanted := ctx.settings.get("answers")) is not None:
            return await self._read(inputs.model_extra["rounds"], wanted, ctx)
        for number in range(inputs.model_extra.get("pieces", 0)):
            await ctx.emit(f"{number},")
            await asyncio.sleep(0.03)
        begun = self._trace.read_text().splitlines().count(f"begin {ctx.path}")
        await asyncio.sleep(60 if begun < inputs.model_extra.get("rounds", 1) else inputs.model_extra.get("seconds", 0))
        self._write(f"done {ctx.path}")
        return {"text": str(inputs.model_extra.get("text", ""))}

    async def think(self, inputs: Anything, ctx: NodeContext) -> Mapping[str, Json]:
        """One turn; the one that `hangs` does so the first time."""
        place = f"{ctx.path}#{len(ctx.turns)}"
        self._write(f"begin {place}")
        first = self._trace.read_text().splitlines().count(f"begin {place}") == 1
        await asyncio.sleep(60 if first and (inputs.model_extra or {}).get("hangs") == len(ctx.turns) else 0)
        return await super().think(inputs, ctx)

    async def _read(self, rounds: list[Any], wanted: Any, ctx: NodeContext) -> Mapping[str, Json]:
        """Read an answer for half a second, and ask on until there are as many as wanted."""
        await asyncio.sleep(0.5)
        if len(rounds) < wanted:
            ctx.ask(f"And then? ({len(rounds)})")
        self._write(f"done {ctx.path}")
        return {"answer": " ".join(one["answer"] for one in rounds)}

    def _write(self, line: str) -> None:
        descriptor = os.open(self._trace, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(descriptor, f"{line}\n".encode())
        os.close(descriptor)


async def main(address: str, queue: str, folder: Path) -> None:
    with open_stores(folder) as stores:
        connection = await connect(TemporalOptions(address=address, task_queue=queue), stores.blobs)
        parts = WorkerParts(
            events=stores.events,
            plans=stores.plans,
            variables=stores.variables,
            conversations=stores.conversations,
            knowledge=stores.knowledge,
            plugins=stores.plugin_tools,
            tables=stores.tables,
            http=NoHttp(),
            models=NoModels(),
            sandbox=NoSandbox(),
            library=Recorder(folder / "trace").library(),
        )
        worker = build_worker(connection, parts, WorkerOptions(stop_seconds=0.5))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: asyncio.ensure_future(worker.stop()))
        print("ready", flush=True)
        await worker.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
    os._exit(0)
