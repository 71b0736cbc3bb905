"""Plans in SQLite, with those used last kept in memory: a workflow reads its plan often, and must not wait."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import partial
from typing import Final

from sqlalchemy import Connection, bindparam, insert, select
from sqlmodel import col

from engine.errors import NotFound
from storage.clock import now_ms
from storage.sqlite.reader import Reader
from storage.sqlite.writer import Writer
from storage.tables import PlanRow

_CACHE_BYTES: Final = 64 * 1024 * 1024
_BY_HASH: Final = select(col(PlanRow.data)).where(col(PlanRow.hash) == bindparam("hash"))


class SqlitePlans:
    """Implements `storage.ports.Plans`."""

    def __init__(self, writer: Writer, reader: Reader, *, cache_bytes: int = _CACHE_BYTES) -> None:
        self._writer = writer
        self._reader = reader
        self._lock = threading.Lock()
        self._recent: OrderedDict[str, bytes] = OrderedDict()
        self._free = cache_bytes

    async def put(self, plan_hash: str, data: bytes) -> None:
        """See the port."""
        if self._recall(plan_hash) is None:
            await self._writer.run(partial(_put, plan_hash, data))
            self._keep(plan_hash, data)

    def read(self, plan_hash: str) -> bytes:
        """See the port."""
        if (known := self._recall(plan_hash)) is not None:
            return known
        data = self._reader.submit(partial(_read, plan_hash)).result()
        self._keep(plan_hash, data)
        return data

    def _recall(self, plan_hash: str) -> bytes | None:
        with self._lock:
            data = self._recent.get(plan_hash)
            if data is not None:
                self._recent.move_to_end(plan_hash)
            return data

    def _keep(self, plan_hash: str, data: bytes) -> None:
        with self._lock:
            if plan_hash not in self._recent:
                self._recent[plan_hash] = data
                self._free -= len(data)
            while self._free < 0 and self._recent:
                _, gone = self._recent.popitem(last=False)
                self._free += len(gone)


def _put(plan_hash: str, data: bytes, connection: Connection) -> None:
    # The same hash is the same plan: there is nothing to update.
    if connection.execute(_BY_HASH, {"hash": plan_hash}).first() is None:
        connection.execute(insert(PlanRow).values(hash=plan_hash, data=data, created=now_ms()))


def _read(plan_hash: str, connection: Connection) -> bytes:
    found: bytes | None = connection.execute(_BY_HASH, {"hash": plan_hash}).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no plan with this hash.", plan_hash=plan_hash)
    return found
