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

from engine.errors import Conflict
from engine.events import EventType
from storage.keyring import KeyRing
from storage.migrations import migrate
from storage.ports import Quota
from storage.sqlite.connections import sqlite_url
from storage.stores import open_stores
from storage.vault import rewrap
from tests.storage.samples import a_call, event

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


def rewrap_all(telling: Connection, folder: Path, keys: str) -> None:
    """Move everything to the current key, and tell when that begins."""
    ring = KeyRing.parse(keys)

    async def work() -> None:
        with open_stores(folder, keys=ring) as stores:
            telling.send("begun")
            await rewrap(stores.database, ring)

    asyncio.run(work())


def make_data_keys(telling: Connection, folder: Path, keys: str, organisations: list[str]) -> None:
    """Ask for the data keys of organisations, and tell them."""

    async def work() -> None:
        with open_stores(folder, keys=KeyRing.parse(keys)) as stores:
            for organisation in organisations:
                key = await stores.data_keys.current(organisation)
                telling.send((key.key_id, key.key))

    asyncio.run(work())


def take_places(telling: Connection, folder: Path, who: str, quota: Quota, count: int) -> None:
    """Try to take so many places at once, and tell which were got; then hold them."""

    async def work() -> None:
        with open_stores(folder) as stores:
            leases = [f"{who}-{number}" for number in range(count)]
            waits = await asyncio.gather(
                *(stores.throttle.enter("模型", quota, lease=one, seconds=600) for one in leases)
            )
            telling.send([lease for lease, wait in zip(leases, waits, strict=True) if wait == 0.0])
            await asyncio.Event().wait()

    asyncio.run(work())


def record_calls(telling: Connection, folder: Path, count: int) -> None:
    """Record call after call, and tell each once it is stored."""

    async def work() -> None:
        with open_stores(folder) as stores:
            for number in range(count):
                await stores.ledger.record([a_call(f"call {number}")])
                telling.send(number)

    asyncio.run(work())


def publish_versions(
    telling: Connection, folder: Path, place: tuple[int, int, int], versions: list[str | None]
) -> None:
    """Publish these versions of a workflow (None: the next), and tell what each became; nothing for a conflict."""

    async def work() -> None:
        org_id, space_id, workflow_id = place
        with open_stores(folder) as stores:
            workflows = stores.workflows(org_id, space_id)
            for version in versions:
                try:
                    made = await workflows.publish(workflow_id, {"nodes": []}, "a" * 64, version=version)
                except Conflict:
                    telling.send(None)
                else:
                    telling.send(made.version)

    asyncio.run(work())
