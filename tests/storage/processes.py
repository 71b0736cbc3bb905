"""Other processes that use the stores, and die.

They are forked from one server that has imported the stores: what is tested is their life and death, not the import.
"""

import asyncio
import multiprocessing
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from engine.events import EventType
from storage.migrations import migrate
from storage.sqlite.connections import sqlite_url
from storage.stores import open_stores
from tests.storage.samples import event

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


class Other:
    """A process that does something and tells us about it."""

    def __init__(self, task: Callable[..., None], *given: Any) -> None:
        self.told, telling = _CONTEXT.Pipe(duplex=False)
        self.process: ForkServerProcess = _CONTEXT.Process(target=task, args=(telling, *given), daemon=True)
        self.process.start()
        telling.close()

    def __enter__(self) -> "Other":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.told.close()
        self.process.close()

    def kill(self) -> None:
        """End it as nothing in it can prevent."""
        self.process.kill()
        self.process.join()

    def rest(self) -> list[Any]:
        """What it told and we have not read, until it is gone."""
        told: list[Any] = []
        try:
            while True:
                told.append(self.told.recv())
        except EOFError:
            return told


def append_events(telling: Connection, folder: Path, run_id: str, name: str, count: int) -> None:
    """Append event after event, and tell the offset of each once it is stored."""

    async def work() -> None:
        with open_stores(folder) as stores:
            for number in range(count):
                one = event(EventType.STEP_SUCCEEDED, f"{name}_{number}", output={"n": number})
                for stored in await stores.events.append(run_id, [one]):
                    telling.send((stored.event.key, stored.seq))

    asyncio.run(work())


def put_blobs(telling: Connection, folder: Path, size: int) -> None:
    """Put blob after blob, and tell the key of each once it is stored."""

    async def work() -> None:
        with open_stores(folder) as stores:
            for number in range(1_000_000):
                await stores.blobs.put(f"7/blob-{number}", bytes([number % 251]) * size)
                telling.send(f"7/blob-{number}")

    asyncio.run(work())


def migrate_twice(telling: Connection, file: Path) -> None:
    """Make a database, come back to it, and tell whether Alembic was needed."""
    migrate(sqlite_url(file))
    migrate(sqlite_url(file))
    telling.send("alembic" in sys.modules)
