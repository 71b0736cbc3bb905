"""The net under Temporal's size limits: a payload too big for a history lies in the blob store, under its hash."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any, Final

from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from engine.errors import EngineError
from storage.ports import Blobs
from workers.byte_cache import ByteCache

_ENCODING: Final = "encoding"
_STORED: Final = b"mainspring/blob"
_FOLDER: Final = "payloads"
_SHA: Final = re.compile(r"[0-9a-f]{64}")


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
        return Payload.FromString(await self._fetch(_ticket(payload)["sha"]))

    async def _fetch(self, sha: str) -> bytes:
        if (found := self._cache.get(sha)) is not None:
            return found
        whole = await self._blobs.get(f"{_FOLDER}/{sha}")
        if hashlib.sha256(whole).hexdigest() != sha:
            raise EngineError("A stored payload is not what it was when it was stored.", sha=sha)
        self._cache.put(sha, whole)
        return whole


def stored_size(payload: Payload) -> int:
    """How many bytes there are to read for a payload that lies in the blob store; 0 for one that does not."""
    return int(_ticket(payload)["size"]) if payload.metadata.get(_ENCODING) == _STORED else 0


def _ticket(payload: Payload) -> dict[str, Any]:
    """What stands in the place of a stored payload. Raises `EngineError`: it may have been touched on the way."""
    try:
        ticket: Any = json.loads(payload.data)
    except ValueError:
        ticket = None
    match ticket:
        case {"sha": str(sha), "size": int()} if _SHA.fullmatch(sha):
            return dict(ticket)
        case _:
            raise EngineError("What should say where a payload is stored says nothing of the kind.")
