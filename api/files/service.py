"""Takes files in, in the one order in which nothing is believed, and gives them out."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from starlette.requests import ClientDisconnect, Request

from api.access import Member
from api.errors import BodyTooLarge, InvalidRequest, MalformedBody
from api.files.form import FormReader, PartBegins
from api.files.guard import inspect
from api.files.types import TYPES
from storage.audit import Actor
from storage.files import FileRepository, blob_key
from storage.ids import parse_id
from storage.ports import Incoming
from storage.stores import Stores
from storage.tables import FileRow

_STEP: Final = 8 * 1024 * 1024
"""So much is reserved ahead of what comes."""
_ROOM: Final = 64 * 1024
_IDLE_SECONDS: Final = 60.0
_LONGEST_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class FileLimits:
    """What may be uploaded. `types` are endings; none: all that are known."""

    file_bytes: int
    space_bytes: int
    types: frozenset[str] = frozenset()


class FileService:
    """The one way in for files."""

    def __init__(self, stores: Stores, limits: FileLimits) -> None:
        self._stores = stores
        self.limits = limits
        self._types = limits.types or frozenset(TYPES)

    def of(self, member: Member) -> FileRepository:
        """The files that somebody sees: of the space, and of these an end user his own."""
        person = None if member.guest is None else member.person
        return self._stores.files.of(member.org_id, member.space_id, person)

    async def get(self, member: Member, file: str) -> FileRow:
        """Raises `NotFound`."""
        return await self.of(member).get(parse_id(file, "file"))

    async def upload(self, request: Request, member: Member, actor: Actor) -> FileRow:
        """Keep the file of a form: its only file, called `file`. Whatever goes wrong, nothing of it is left.

        Raises `BodyTooLarge`, `LimitExceeded` when the space is full, `UnsupportedBody`, `MalformedBody`.
        """
        said = request.headers.get("content-length", "")
        if said.isdecimal() and (len(said) > 18 or int(said) > self.limits.file_bytes + _ROOM):
            raise self._too_large()
        reader = FormReader(request.headers.get("content-type", ""))
        await self.sweep()
        files = self.of(member)
        number = await files.begin(member.account_id, "" if member.guest is None else member.person)
        incoming: Incoming | None = None
        try:
            incoming = await self._stores.blobs.receive()
            name, size, digest = await self._receive(request, reader, files, number, incoming)
            facts = await asyncio.to_thread(inspect, incoming.path, name, self._types, size, digest)
        except BaseException:
            # Also when whoever asked has gone: what was reserved is given back now, and not in two hours.
            await asyncio.shield(self._forget(number, member.org_id, incoming))
            raise

        async def keep() -> FileRow:
            try:
                await incoming.keep(blob_key(member.org_id, number))
                return await files.finish(number, facts, actor)
            except BaseException:
                await self._forget(number, member.org_id, incoming)
                raise

        # From here on it is done whole, whoever still listens.
        return await asyncio.shield(asyncio.create_task(keep()))

    async def delete(self, member: Member, file: str, actor: Actor) -> None:
        """Take a file away, and its bytes. Raises `NotFound`."""
        number = parse_id(file, "file")
        await self.of(member).leave(number, actor)
        await asyncio.shield(self._forget(number, member.org_id, None))

    async def sweep(self) -> None:
        """Take away what processes that died left behind."""
        for row in await self._stores.files.left_behind():
            await self._forget(row.id, row.org_id, None)

    def content(self, row: FileRow, start: int, length: int) -> AsyncIterator[bytes]:
        """The bytes of a file, or a part of them."""
        return self._stores.blobs.stream(blob_key(row.org_id, row.id), start=start, length=length)

    async def _receive(
        self, request: Request, reader: FormReader, files: FileRepository, number: int, incoming: Incoming
    ) -> tuple[str, int, str]:
        """Write what comes, no further than it may go; gives the name, the size and the hash."""
        name: str | None = None
        size = reserved = 0
        digest = hashlib.sha256()
        async for chunk in _chunks(request):
            for found in reader.feed(chunk):
                if isinstance(found, PartBegins):
                    if found.filename is None:
                        continue
                    if found.name != "file" or name is not None:
                        raise InvalidRequest("The form has exactly one file, in its part `file`.", field="file")
                    name = found.filename
                    continue
                size += len(found.data)
                if size > self.limits.file_bytes:
                    raise self._too_large()
                if size > reserved:
                    reserved = await files.reserve(number, size + _STEP, size, self.limits.space_bytes)
                digest.update(found.data)
                await incoming.write(found.data)
        if not reader.done:
            raise MalformedBody("The form is not whole: it does not end with its boundary.")
        if name is None:
            raise InvalidRequest("The form has no part `file` that is a file.", field="file")
        return name, size, digest.hexdigest()

    async def _forget(self, number: int, org_id: int, incoming: Incoming | None) -> None:
        if incoming is not None:
            await incoming.discard()
        await self._stores.blobs.delete(blob_key(org_id, number))
        await self._stores.files.drop(number)

    def _too_large(self) -> BodyTooLarge:
        most = self.limits.file_bytes
        return BodyTooLarge(f"A file may have {most} bytes.", limit=most, setting="MAINSPRING_FILE_BYTES")


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes. Raises `MalformedBody` when it breaks off, or comes too slowly to ever be whole."""
    stream = aiter(request.stream())
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            while True:
                async with asyncio.timeout(_IDLE_SECONDS):
                    chunk = await anext(stream, None)
                if chunk is None:
                    return
                yield chunk
    except ClientDisconnect as error:
        raise MalformedBody("The body broke off.") from error
    except TimeoutError as error:
        raise MalformedBody(f"Nothing more of the body came within {_IDLE_SECONDS:g} seconds.") from error
