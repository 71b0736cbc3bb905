"""Stores in memory, for tests of the workers that need no process but their own."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence

from engine.errors import NotFound
from engine.events import RUN_ENDS, EventType, RunEvent, StoredEvent
from engine.values import Json
from storage.ports import DataKey, VariableDefinition, VariableScope


class MemoryBlobs:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def put(self, key: str, data: bytes) -> None:
        self.kept[key] = data

    async def get(self, key: str) -> bytes:
        if key not in self.kept:
            raise NotFound("There is no such blob.", key=key)
        return self.kept[key]

    async def exists(self, key: str) -> bool:
        return key in self.kept

    async def delete(self, key: str) -> None:
        self.kept.pop(key, None)


class MemoryLog:
    """An event log that can be told to fail for a while."""

    def __init__(self) -> None:
        self.events: dict[str, list[StoredEvent]] = {}
        self.failures = 0
        self.appends = 0
        self._keys: dict[str, set[str]] = {}
        self._changed = asyncio.Condition()

    async def append(self, run_id: str, events: Sequence[RunEvent]) -> list[StoredEvent]:
        self.appends += 1
        if self.failures:
            self.failures -= 1
            raise OSError("the disk is full")
        stored, keys = self.events.setdefault(run_id, []), self._keys.setdefault(run_id, set())
        new: list[StoredEvent] = []
        for event in events:
            if event.key in keys or (stored and stored[-1].event.type in RUN_ENDS):
                continue
            keys.add(event.key)
            stored.append(StoredEvent(len(stored) + 1, event))
            new.append(stored[-1])
        async with self._changed:
            self._changed.notify_all()
        return new

    async def read(self, run_id: str, *, after: int = 0, limit: int = 1_000) -> list[StoredEvent]:
        return self.events.get(run_id, [])[after : after + limit]

    async def follow(self, run_id: str, *, after: int = 0) -> AsyncIterator[StoredEvent]:
        while True:
            for stored in await self.read(run_id, after=after):
                after = stored.seq
                yield stored
                if stored.event.type in RUN_ENDS:
                    return
            async with self._changed:
                while len(self.events.get(run_id, [])) <= after:
                    await self._changed.wait()

    async def settle(self, run_id: str, *, waits: bool = True) -> None:
        async for stored in self.follow(run_id):
            if waits and stored.event.type is EventType.WAIT_OPENED:
                return


class MemoryPlans:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.reads = 0

    async def put(self, plan_hash: str, data: bytes) -> None:
        self.kept[plan_hash] = data

    def read(self, plan_hash: str) -> bytes:
        self.reads += 1
        if plan_hash not in self.kept:
            raise NotFound("There is no such plan.", plan_hash=plan_hash)
        return self.kept[plan_hash]


class MemoryVariables:
    def __init__(self) -> None:
        self.kept: dict[tuple[str, str, str, str], dict[str, Json]] = {}
        self.defined: dict[str, list[VariableDefinition]] = {}

    async def read(
        self, org_id: str, space_id: str, scope: VariableScope, owner: str, names: Sequence[str]
    ) -> dict[str, Json]:
        known = self.kept.get((org_id, space_id, scope, owner), {})
        return {name: known[name] for name in names if name in known}

    async def write(
        self, org_id: str, space_id: str, scope: VariableScope, owner: str, values: Mapping[str, Json]
    ) -> None:
        self.kept.setdefault((org_id, space_id, scope, owner), {}).update(values)

    async def definitions(
        self, org_id: str, space_id: str, app_id: str, scope: VariableScope
    ) -> Mapping[str, VariableDefinition]:
        return {one.name: one for one in self.defined.get(app_id, []) if one.scope == scope}


class MemoryKeys:
    """Data keys; `renew` puts another one in the place of an organisation's current one."""

    def __init__(self) -> None:
        self.known: dict[str, DataKey] = {}
        self.newest: dict[str, str] = {}

    def renew(self, org_id: str) -> DataKey:
        made = DataKey(str(10**18 + secrets.randbelow(10**18)), secrets.token_bytes(32))
        self.known[made.key_id] = made
        self.newest[org_id] = made.key_id
        return made

    async def current(self, org_id: str) -> DataKey:
        if org_id not in self.newest:
            return self.renew(org_id)
        return self.known[self.newest[org_id]]

    async def get(self, key_id: str) -> DataKey:
        if key_id not in self.known:
            raise NotFound("There is no such key.", key_id=key_id)
        return self.known[key_id]
