"""The net under Temporal's size limits: a payload too big for a history lies in the blob store, under its hash."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from typing import Final

from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from engine.errors import EngineError
from storage.ports import Blobs
from workers.byte_cache import ByteCache

_ENCODING: Final = "encoding"
_STORED: Final = b"mainspring/blob"
_ZIPPED: Final = b"mainspring/zlib"
_FOLDER: Final = "payloads"
_ZIP_FROM: Final = 4 * 1024


class ClaimCheckCodec(PayloadCodec):
    """Payloads over `largest` bytes go to the blob store as `payloads/<sha>`; from 4 KB on they are compressed.

    Encryption will be one more layer here.
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
        if len(payload.data) > self._largest:
            return await self._store(payload)
        if len(payload.data) >= _ZIP_FROM:
            whole = payload.SerializeToString()
            packed = zlib.compress(whole, 1)
            if len(packed) < len(whole) * 0.8:
                return Payload(metadata={_ENCODING: _ZIPPED}, data=packed)
        return payload

    async def _store(self, payload: Payload) -> Payload:
        whole = payload.SerializeToString()
        sha = hashlib.sha256(whole).hexdigest()
        if self._cache.get(sha) is None:
            await self._blobs.put(f"{_FOLDER}/{sha}", whole)
            self._cache.put(sha, whole)
        ticket = json.dumps({"sha": sha, "size": len(whole)}).encode()
        return Payload(metadata={_ENCODING: _STORED}, data=ticket)

    async def _decode(self, payload: Payload) -> Payload:
        match payload.metadata.get(_ENCODING):
            case b"mainspring/blob":
                return Payload.FromString(await self._fetch(payload.data))
            case b"mainspring/zlib":
                return Payload.FromString(zlib.decompress(payload.data))
            case _:
                return payload

    async def _fetch(self, ticket: bytes) -> bytes:
        sha = json.loads(ticket)["sha"]
        if (found := self._cache.get(sha)) is not None:
            return found
        whole = await self._blobs.get(f"{_FOLDER}/{sha}")
        if hashlib.sha256(whole).hexdigest() != sha:
            raise EngineError("A stored payload is not what it was when it was stored.", sha=sha)
        self._cache.put(sha, whole)
        return whole
