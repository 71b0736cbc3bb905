"""A worker whose writes hang once they are done: `python -m tests.workers.tables_process ADDRESS QUEUE FOLDER`.

The first write of each kind to a user table waits for a minute between its commit and its acknowledgement; the trace
says when it is there.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.values import Json
from nodes.library import built_in_library
from storage.ports.tables import Found, Slot, TableUse
from storage.stores import open_stores
from storage.user_tables.sqlite.tables import SqliteUserTables
from tests.workers.harness import NoHttp, NoModels
from workers.connection import TemporalOptions, connect
from workers.sandbox import NoSandbox
from workers.worker import WorkerOptions, WorkerParts, build_worker


class HangingTables(SqliteUserTables):
    """Real tables, which take their time to say that they have written."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "tables")
        self._trace = folder / "trace"

    async def insert(self, use: TableUse, rows: Sequence[Mapping[str, Json]], *, key: str = "") -> Found:
        found = await super().insert(use, rows, key=key)
        await self._hang("insert")
        return found

    async def execute(self, use: TableUse, sql: Sequence[str | Slot], *, key: str = "") -> Found:
        found = await super().execute(use, sql, key=key)
        await self._hang("execute")
        return found

    async def _hang(self, word: str) -> None:
        descriptor = os.open(self._trace, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(descriptor, f"{word} written\n".encode())
        os.close(descriptor)
        first = self._trace.read_text().splitlines().count(f"{word} written") == 1
        await asyncio.sleep(60 if first else 0)


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
            tables=HangingTables(folder),
            http=NoHttp(),
            models=NoModels(),
            sandbox=NoSandbox(),
            library=built_in_library(),
        )
        worker = build_worker(connection, parts, WorkerOptions(stop_seconds=0.5))
        print("ready", flush=True)
        await worker.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
    os._exit(0)
