"""Secrets that can be recognised wherever they turn up, and the looking for them: in files, tables, histories, answers
and processes.
"""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import psutil
from temporalio.client import Client


@dataclass(frozen=True)
class Canary:
    """A secret of a kind. It looks like nothing that a log would hide by its form."""

    kind: str
    text: str = field(default_factory=lambda: f"Kanarienvogel{uuid4().hex}")

    def forms(self) -> frozenset[bytes]:
        """How it may stand somewhere: as it is, and in the encodings that hide it from a quick look."""
        plain = self.text.encode()
        forms = {plain, plain.hex().encode(), self.text.encode("utf-16-le"), quote(self.text).encode(), plain[::-1]}
        for before in range(3):
            # Of three bytes base64 makes four characters: what stands before shifts all that follows.
            encoded = base64.b64encode(b"x" * before + plain)
            forms.add(encoded[4 if before else 0 : len(encoded) - 4])
        return frozenset(forms)


@dataclass
class Sightings:
    """Where canaries were seen: the kind, and the place."""

    canaries: tuple[Canary, ...]
    seen: set[tuple[str, str]] = field(default_factory=set)
    looked_at: dict[str, int] = field(default_factory=dict)
    """How many bytes there were in each place: where there are none, nothing can be seen."""

    def look(self, place: str, data: bytes | str) -> None:
        """Look at some data, and at what it is when it is inflated."""
        raw = data.encode(errors="surrogatepass") if isinstance(data, str) else data
        self.looked_at[place] = self.looked_at.get(place, 0) + len(raw)
        for text in (raw, *_inflated(raw)):
            for canary in self.canaries:
                if any(form in text for form in canary.forms()):
                    self.seen.add((canary.kind, place))

    def places(self, kind: str) -> set[str]:
        """Where canaries of a kind were seen."""
        return {place for one, place in self.seen if one == kind}

    # --- where to look ------------------------------------------------------------------------------------------------

    def files(self, folder: Path) -> None:
        """Every file below a folder, its bytes and, of a database, every cell."""
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                place = _place(file.relative_to(folder))
                self.look(place, file.read_bytes())
                if file.suffix in (".sqlite", ".db"):
                    for cell in _cells(file):
                        self.look(place, cell)

    async def histories(self, temporal: str) -> None:
        """What Temporal tells of its workflows: descriptions, and histories with the data of each payload."""
        client = await Client.connect(temporal)
        async for found in client.list_workflows():
            handle = client.get_workflow_handle(found.id, run_id=found.run_id)
            description = await handle.describe()
            self.look("histories", str(description.raw_description))
            self.look("histories", description.raw_description.SerializeToString())
            history = await handle.fetch_history()
            document = history.to_json_dict()
            self.look("histories", json.dumps(document, ensure_ascii=False))
            for data in _payloads(document):
                self.look("histories", data)

    def processes(self, pid: int) -> None:
        """Arguments and environment of a process, and of all that it has started."""
        process = psutil.Process(pid)
        self._process("process", process)
        for child in process.children(recursive=True):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError, ProcessLookupError):
                self._process("child processes", child)

    def _process(self, place: str, process: psutil.Process) -> None:
        where = Path(f"/proc/{process.pid}")
        self.look(f"arguments of {place}", (where / "cmdline").read_bytes())
        self.look(f"environment of {place}", (where / "environ").read_bytes())


def _place(file: Path) -> str:
    if file.parts[:2] == ("data", "blobs"):
        return "blobs"
    name = file.name
    if name.endswith(".log") or ".log." in name:
        return "logs"
    if "mainspring.sqlite" in name:
        return "database"
    return "Temporal's database" if "temporal.db" in name else f"file {name}"


def _cells(file: Path) -> Iterator[bytes | str]:
    """Every value in a database: one that is long is scattered over the pages of its file."""
    # Of a copy, so that nobody's locks are in the way; whoever writes it may be half-way through.
    copy = file.parent / f"copy-{uuid4().hex}"
    copy.mkdir()
    try:
        for part in file.parent.glob(f"{file.name}*"):
            shutil.copy(part, copy / part.name)
        with closing(sqlite3.connect(copy / file.name)) as connection:
            connection.text_factory = bytes
            tables = [
                name.decode() for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
            ]
            for table in tables:
                for row in connection.execute(f'SELECT * FROM "{table}"'):
                    yield from (cell for cell in row if isinstance(cell, bytes | str))
    finally:
        shutil.rmtree(copy)


def _payloads(document: Any) -> Iterator[bytes]:
    """The data of every payload in a document: JSON writes it as base64."""
    match document:
        case {"metadata": dict(), "data": str(data)}:
            yield base64.b64decode(data)
        case dict():
            for value in document.values():
                yield from _payloads(value)
        case list():
            for value in document:
                yield from _payloads(value)


def _inflated(data: bytes) -> Iterable[bytes]:
    for bits in (zlib.MAX_WBITS, -zlib.MAX_WBITS, zlib.MAX_WBITS | 16):
        with suppress(zlib.error):
            yield zlib.decompress(data, bits)
