"""Payloads of Temporal in clear, for whoever looks at its pages and may see what belongs to an organisation."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from temporalio.api.common.v1 import Payload

from engine.errors import FlowError, InvalidInput
from storage.ports import Blobs, DataKeys
from workers.codec import stored_size
from workers.connection import TemporalOptions, payload_codec
from workers.encryption import owner_of

_CACHE_BYTES: Final = 8 * 1024 * 1024

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

PayloadJson = Mapping[str, Any]
"""A payload as Temporal's pages and its command line write it: `metadata` and `data`, all values in base64."""


class PayloadReader:
    """Decrypts what one organisation owns, and leaves all else as it is."""

    def __init__(self, blobs: Blobs, keys: DataKeys) -> None:
        self._codec = payload_codec(TemporalOptions(cache_bytes=_CACHE_BYTES), blobs, keys)

    async def decode(self, org_id: str, payloads: Sequence[PayloadJson], *, most_bytes: int) -> list[PayloadJson]:
        """The payloads in clear, as many as `most_bytes` take; those behind, another's, and what cannot be read stay.

        Raises `InvalidInput` for what is no payload.
        """
        shown: list[PayloadJson] = []
        room = most_bytes
        for number, given in enumerate(payloads):
            sealed = _read(given, number)
            opened = await self._open(org_id, sealed, room)
            if opened is None:
                shown.append(given)
                continue
            room -= len(opened.data)
            shown.append(_write(opened))
        return shown

    async def encode(self, org_id: str, payloads: Sequence[PayloadJson]) -> list[PayloadJson]:
        """The payloads as the organisation's own. Raises `InvalidInput` for what is no payload."""
        clear = [_read(given, number) for number, given in enumerate(payloads)]
        return [_write(payload) for payload in await self._codec.of(org_id).encode(clear)]

    async def _open(self, org_id: str, payload: Payload, room: int) -> Payload | None:
        try:
            if stored_size(payload) > room or len(payload.data) > room:
                return None
            # What lies in the blob store says only there whose it is; in clear it says so nowhere.
            [whole] = await self._codec.inner.decode([payload])
            if owner_of(whole) != org_id:
                return None
            [opened] = await self._codec.of(org_id).decode([whole])
        except FlowError as unreadable:
            # A page with gaps helps more than none: a missing key, a blob that was deleted, a bit that was changed.
            _log.warning("a payload cannot be shown", reason=unreadable.message, **_named(unreadable))
            return None
        return opened


def _named(error: FlowError) -> dict[str, Any]:
    return {name: value for name, value in error.facts.items() if name in ("key_id", "sha", "key")}


def _read(given: PayloadJson, number: int) -> Payload:
    try:
        metadata = {name: base64.b64decode(value, validate=True) for name, value in given.get("metadata", {}).items()}
        return Payload(metadata=metadata, data=base64.b64decode(given.get("data", ""), validate=True))
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"The payload {number} is not in base64.", field=f"payloads.{number}") from error


def _write(payload: Payload) -> PayloadJson:
    return {
        "metadata": {name: base64.b64encode(value).decode() for name, value in payload.metadata.items()},
        "data": base64.b64encode(payload.data).decode(),
    }
