"""A worker in a process of its own, to be killed: `python -m tests.interchange.fuzz_worker ADDRESS QUEUE FOLDER`.

Every run finds the same world: a model that takes its time, so that there is always something to die in.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import defaultdict
from pathlib import Path

from storage.stores import open_stores
from tests.interchange.imports import LIBRARY
from tests.interchange.random_canvases import case_of
from tests.interchange.roads import parts
from tests.interchange.world import World, Worlds, knowing_their_run
from workers.connection import TemporalOptions, connect
from workers.worker import WorkerOptions, build_worker

PAUSE = 0.1
"""Seconds between two pieces of a model."""


class OneWorld(Worlds):
    """The same world for whoever comes."""

    def __init__(self) -> None:
        super().__init__()
        case = case_of({})
        self._known = defaultdict(lambda: World.of(case, case.runs[0], pause=PAUSE))


async def main(address: str, queue: str, folder: Path) -> None:
    with open_stores(folder) as stores:
        connection = await connect(TemporalOptions(address=address, task_queue=queue), stores.blobs)
        made = parts(stores, OneWorld(), knowing_their_run(LIBRARY), stores.events, stores.plans)
        worker = build_worker(connection, made, WorkerOptions(stop_seconds=0.1))
        async with worker:
            print("ready", flush=True)
            await asyncio.Event().wait()


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
