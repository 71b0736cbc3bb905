"""Values too big to carry along: put into the blob store, field by field, and loaded where they are needed."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from engine.errors import LimitExceeded, NodeFailed, NotFound
from engine.runtime import StepError
from engine.values import MISSING, BlobRef, Json, has_refs, select
from storage.ports import Blobs
from workers.byte_cache import ByteCache
from workers.converter import write_plain_json

_PREVIEW: Final = 200
# Below this a thread costs more than the work.
_WORTH_A_THREAD: Final = 256 * 1024
_WHOLE: Final = "MAINSPRING_VALUE_BYTES"


class BigValues:
    """Loads references and makes them. A key begins with the organisation's id: no hash leads to what is another's."""

    def __init__(self, blobs: Blobs, cache: ByteCache) -> None:
        self._blobs = blobs
        self._cache = cache
        self._latest: tuple[str, Any] | None = None

    async def load(self, org_id: str, value: Any) -> Any:
        """The value with every reference in it replaced by what it stands for.

        A path that leads nowhere is no value: it leaves an object, and is null in a list. Raises `StepError` for what
        is not in the store.
        """
        if not has_refs(value):
            return value
        found = await self._resolve(org_id, value)
        return None if found is MISSING else found

    async def _resolve(self, org_id: str, value: Any) -> Any:
        match value:
            case BlobRef():
                return await self.fetch(org_id, value)
            case dict():
                members = {name: await self._resolve(org_id, member) for name, member in value.items()}
                return {name: member for name, member in members.items() if member is not MISSING}
            case list() | tuple():
                items = [await self._resolve(org_id, item) for item in value]
                return [None if item is MISSING else item for item in items]
            case _:
                return value

    async def offload(self, org_id: str, output: Mapping[str, Any], *, inline: int, largest: int) -> dict[str, Json]:
        """The output with each field over `inline` bytes replaced by a reference.

        Raises `LimitExceeded` for a field over `largest` bytes, `NodeFailed` for what is no JSON.
        """
        made: dict[str, Any] = dict(output)
        whole = await _encode("output", made)
        if len(whole) <= inline:
            return made
        for name, value in made.items():
            data = await _encode(name, value)
            if len(data) > inline and has_refs(value) and not isinstance(value, BlobRef):
                # What is stored is plain JSON: nobody looks for references in it.
                made[name] = value = await self.load(org_id, value)
                data = await _encode(name, value)
            if len(data) > largest:
                raise LimitExceeded(
                    f"The value of {name} is {len(data)} bytes large; the limit is {largest} bytes.",
                    field=name,
                    limit=largest,
                    setting=_WHOLE,
                )
            if len(data) > inline and isinstance(value, str | list | dict):
                made[name] = await self._store(org_id, value, data)
        return made

    async def _store(self, org_id: str, value: str | list[Any] | dict[str, Any], data: bytes) -> BlobRef:
        sha = await _in_thread(len(data), lambda: hashlib.sha256(data).hexdigest())
        key = f"{org_id}/{sha}"
        if self._cache.get(key) is None:
            await self._blobs.put(key, data)
            self._cache.put(key, data)
        preview = value if isinstance(value, str) else data[: 4 * _PREVIEW].decode(errors="ignore")
        return BlobRef(sha, len(data), _kind(value), len(value), preview=preview[:_PREVIEW])

    async def fetch(self, org_id: str, ref: BlobRef) -> Any:
        """What the reference stands for, new each time; `MISSING` when its path leads nowhere."""
        key = f"{org_id}/{ref.sha}"
        if not ref.path:
            return await _decode(await self._bytes(key))
        # Every turn of a loop reaches into the same value: it is read once, and each gets a copy of its part.
        if self._latest is None or self._latest[0] != key:
            self._latest = (key, await _decode(await self._bytes(key)))
        part = select(self._latest[1], ref.path)
        return part if part is MISSING else json.loads(write_plain_json(part))

    async def _bytes(self, key: str) -> bytes:
        data = self._cache.get(key)
        if data is None:
            try:
                data = await self._blobs.get(key)
            except NotFound as missing:
                raise StepError(
                    "value_missing",
                    "A large value that this step needs is not in the store any more.",
                    sha=key.rpartition("/")[2],
                ) from missing
            self._cache.put(key, data)
        return data


async def _encode(name: str, value: Any) -> bytes:
    try:
        # How large it is shows only when it is done; a large one of a few parts is a text, and that is quick.
        if isinstance(value, dict | list) and len(value) > 1_000:
            return await asyncio.to_thread(write_plain_json, value)
        return write_plain_json(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise NodeFailed(f"The value of {name} cannot be written as JSON: {error}.", field=name) from error


async def _decode(data: bytes) -> Any:
    # Plain JSON: a reference within a stored value was loaded before it was stored.
    return await _in_thread(len(data), lambda: json.loads(data))


async def _in_thread(size: int, work: Any) -> Any:
    return await asyncio.to_thread(work) if size > _WORTH_A_THREAD else work()


def _kind(value: str | list[Any] | dict[str, Any]) -> Literal["string", "array", "object"]:
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
