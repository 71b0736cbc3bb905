"""Values by reference in what is shown: loaded while they are small enough, otherwise left as they are."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, Final

from engine.errors import NotFound
from engine.values import BLOB_KEY, MISSING, BlobRef, select
from storage.ports import Blobs

SHOWN_BYTES: Final = 1024 * 1024
"""As much as this of values by reference is put into one answer."""

_SHA: Final = re.compile(r"[0-9a-f]{64}")


async def read_value(blobs: Blobs, org_id: int, sha: str) -> bytes:
    """The JSON of a value by reference, whole. Raises `NotFound`.

    The hash of its content is the key to it, within one organisation: who knows that has seen the value or a reference.
    """
    if not _SHA.fullmatch(sha):
        raise NotFound("There is no such value.", sha=sha[:64])
    return await blobs.get(f"{org_id}/{sha}")


class Showing:
    """Loads values by reference for one answer.

    A user's object that looks like a reference is followed too, within the organisation and by hash: see `read_value`.
    """

    def __init__(self, blobs: Blobs, org_id: int, *, room: int = SHOWN_BYTES) -> None:
        self._blobs = blobs
        self._org_id = org_id
        self._room = room
        self._read: dict[str, Any] = {}

    async def whole(self, value: Any) -> Any:
        """The value, with what it refers to put in its place as long as there is room."""
        match value:
            case dict():
                if BLOB_KEY in value and (reference := BlobRef.from_wire(value)) is not None:
                    return await self._load(reference, value)
                return {key: await self.whole(member) for key, member in value.items()} if _refers(value) else value
            case list():
                return [await self.whole(item) for item in value] if _refers(value) else value
            case _:
                return value

    async def _load(self, reference: BlobRef, written: Any) -> Any:
        if reference.sha not in self._read:
            if not 0 <= reference.size <= self._room:
                return written
            try:
                data = await read_value(self._blobs, self._org_id, reference.sha)
            except NotFound:
                # It was deleted, or somebody's value merely looks like a reference: show what stands there.
                return written
            if len(data) != reference.size:
                # Somebody else wrote it: he may name what his organisation has stored, but not how large it is.
                return written
            self._room -= len(data)
            self._read[reference.sha] = await asyncio.to_thread(json.loads, data)
        found = select(self._read[reference.sha], reference.path)
        return None if found is MISSING else found


def _refers(value: Any) -> bool:
    """Whether a reference sits anywhere inside, so that a large value without any is not copied."""
    pending = [value]
    while pending:
        here = pending.pop()
        if isinstance(here, dict):
            if BLOB_KEY in here:
                return True
            pending.extend(one for one in here.values() if isinstance(one, dict | list))
        elif isinstance(here, list):
            pending.extend(one for one in here if isinstance(one, dict | list))
    return False
