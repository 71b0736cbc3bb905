"""Blobs as files: whole or not there, whatever dies when."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import time
from collections.abc import AsyncIterator
from io import BufferedRandom
from pathlib import Path
from typing import Final

from engine.errors import InvalidInput, NotFound
from storage.ids import new_id

# Lower case: some file systems take two spellings for one name.
_KEY: Final = re.compile(r"(?P<organisation>[a-z0-9][a-z0-9_-]{0,63})/(?P<name>[a-z0-9][a-z0-9._-]{0,127})")
_INCOMING: Final = ".incoming"
_LEFT_BEHIND_SECONDS: Final = 3600.0
_PIECE: Final = 256 * 1024


class FilesystemBlobs:
    """Implements `storage.ports.Blobs` in a folder.

    A blob's file is `<organisation>/ab/cd/<name>`, where `ab` and `cd` spread the names over folders.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder / _INCOMING
        self._incoming.mkdir(parents=True, exist_ok=True)
        _clear(self._incoming)

    async def put(self, key: str, data: bytes) -> None:
        """See the port. Raises `InvalidInput` when the key is none."""
        if (place := self._place(key)) is None:
            raise InvalidInput("A blob's key is <organisation>/<name>, in lower case.", field="key", key=key[:200])
        await asyncio.to_thread(self._put, place, data)

    async def get(self, key: str) -> bytes:
        """See the port."""
        try:
            if (place := self._place(key)) is not None:
                return await asyncio.to_thread(place.read_bytes)
        except FileNotFoundError:
            pass
        raise NotFound("There is no such blob.", key=key[:200])

    async def exists(self, key: str) -> bool:
        """See the port."""
        place = self._place(key)
        return place is not None and await asyncio.to_thread(place.is_file)

    async def delete(self, key: str) -> None:
        """See the port."""
        if (place := self._place(key)) is not None:
            await asyncio.to_thread(place.unlink, missing_ok=True)

    async def receive(self) -> IncomingFile:
        """See the port."""
        path = self._incoming / str(new_id())
        return IncomingFile(self, path, await asyncio.to_thread(path.open, "x+b"))

    async def stream(self, key: str, *, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """See the port."""
        try:
            if (place := self._place(key)) is None:
                raise FileNotFoundError
            file = await asyncio.to_thread(place.open, "rb")
        except FileNotFoundError:
            raise NotFound("There is no such blob.", key=key[:200]) from None
        with file:
            await asyncio.to_thread(file.seek, start)
            while length is None or length > 0:
                piece = await asyncio.to_thread(file.read, _PIECE if length is None else min(_PIECE, length))
                if not piece:
                    return
                length = None if length is None else length - len(piece)
                yield piece

    def keep(self, key: str, incoming: Path) -> None:
        """Make a written file the blob of this key. Raises `InvalidInput` when the key is none."""
        if (place := self._place(key)) is None:
            raise InvalidInput("A blob's key is <organisation>/<name>, in lower case.", field="key", key=key[:200])
        self._make_folder(place.parent)
        incoming.replace(place)
        _sync(place.parent)

    def _place(self, key: str) -> Path | None:
        """The file of a key; None when it cannot be one, and so leads nowhere."""
        if (found := _KEY.fullmatch(key)) is None:
            return None
        # Not the name's own beginning: ids that were made on the same day begin alike.
        spread = hashlib.sha256(found["name"].encode()).hexdigest()
        return self._folder / found["organisation"] / spread[:2] / spread[2:4] / found["name"]

    def _put(self, place: Path, data: bytes) -> None:
        self._make_folder(place.parent)
        incoming = self._incoming / str(new_id())
        try:
            with incoming.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            incoming.replace(place)
        except OSError:
            incoming.unlink(missing_ok=True)
            raise
        # A name, too, survives the loss of power only when its folder has been written.
        _sync(place.parent)

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            self._make_folder(folder.parent)
            folder.mkdir(exist_ok=True)
            _sync(folder.parent)


class IncomingFile:
    """Implements `storage.ports.Incoming`."""

    def __init__(self, blobs: FilesystemBlobs, path: Path, file: BufferedRandom) -> None:
        self._blobs = blobs
        self._file = file
        self.path = path

    async def write(self, data: bytes) -> None:
        """See the port."""
        await asyncio.to_thread(self._write, data)

    async def keep(self, key: str) -> None:
        """See the port."""
        await asyncio.to_thread(self._keep, key)

    async def discard(self) -> None:
        """See the port."""
        await asyncio.to_thread(self._discard)

    def _write(self, data: bytes) -> None:
        # Whole at once: whoever looks into the file by its path sees what has come.
        self._file.write(data)
        self._file.flush()

    def _keep(self, key: str) -> None:
        os.fsync(self._file.fileno())
        self._blobs.keep(key, self.path)
        self._file.close()

    def _discard(self) -> None:
        if not self._file.closed:
            self._file.close()
            self.path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _clear(incoming: Path) -> None:
    """Remove what a process that died was writing. What is young may be somebody's who lives."""
    for path in incoming.iterdir():
        try:
            if time.time() - path.stat().st_mtime > _LEFT_BEHIND_SECONDS:
                path.unlink()
        except FileNotFoundError:
            # It has just been finished, or cleared by another process.
            continue
