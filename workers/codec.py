"""The net under Temporal's size limits: a payload too big for a history lies in the blob store, under its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Final

from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from engine.errors import EngineError
from storage.ports import Blobs
from workers.byte_cache import ByteCache

_ENCODING: Final = "encoding"
_STORED: Final = b"mainspring/blob"
_FOLDER: Final = "payloads"


class ClaimCheckCodec(PayloadCodec):
    """Payloads over `largest` bytes go to the blob store, as `payloads/<sha>`.

    Compressing them was tried and left out: it saves half of a history, and costs as much time as it saves.
    """

    def __init__(self, blobs: Blobs, *, largest: int, cache: ByteCache) -> None:
        self._blobs = blobs
        self._largest = largest
        self._cache = cache

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [await self._encode(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [await self._decode(payload) for payload in payloads]

    async def _encode(self, payload: Payload) -> Payload:
        if len(payload.data) <= self._largest:
            return payload
        whole = payload.SerializeToString()
        sha = hashlib.sha256(whole).hexdigest()
        if self._cache.get(sha) is None:
            await self._blobs.put(f"{_FOLDER}/{sha}", whole)
            self._cache.put(sha, whole)
        ticket = json.dumps({"sha": sha, "size": len(whole)}).encode()
        return Payload(metadata={_ENCODING: _STORED}, data=ticket)

    async def _decode(self, payload: Payload) -> Payload:
        if payload.metadata.get(_ENCODING) != _STORED:
            return payload
        return Payload.FromString(await self._fetch(json.loads(payload.data)["sha"]))

    async def _fetch(self, sha: str) -> bytes:
        if (found := self._cache.get(sha)) is not None:
            return found
        whole = await self._blobs.get(f"{_FOLDER}/{sha}")
        if hashlib.sha256(whole).hexdigest() != sha:
            raise EngineError("A stored payload is not what it was when it was stored.", sha=sha)
        self._cache.put(sha, whole)
        return whole
