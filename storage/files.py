"""The files of a space: what is known of each, and how many bytes they may have together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update
from sqlmodel import col

from engine.errors import LimitExceeded, NotFound
from storage.audit import Actor, Deed, record
from storage.clock import now_ms
from storage.database import Database
from storage.ids import new_id
from storage.paging import Page, cursor_id, fetch, page_size
from storage.tables import FileRow, FileSpace

RECEIVING: Final = "receiving"
KEPT: Final = "kept"
LEAVING: Final = "leaving"
_LEFT_BEHIND_MS: Final = 2 * 3600 * 1000
"""An upload of which nothing was heard for so long belongs to a process that died: each renews itself as it grows."""
_MOST_SWEPT: Final = 100


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What was found out about a file that has come in whole."""

    size: int
    name: str
    extension: str
    mime_type: str
    sha256: str
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """How many bytes the files of a space have."""

    bytes: int


def blob_key(org_id: int, file_id: int) -> str:
    """Where the bytes lie: a name of our own, whatever the file is called."""
    return f"{org_id}/file-{file_id}"


def no_file(file_id: object) -> NotFound:
    """The finding that there is none."""
    return NotFound("There is no such file.", file_id=str(file_id)[:64])


class FileRepository:
    """The files of one space; with a `person`, those of an end user alone."""

    def __init__(self, database: Database, org_id: int, space_id: int, person: str | None = None) -> None:
        self._database = database
        self._org_id = org_id
        self._space_id = space_id
        self._mine = [col(FileRow.org_id) == org_id, col(FileRow.space_id) == space_id]
        if person is not None:
            self._mine.append(col(FileRow.person) == person)

    async def begin(self, account_id: int, person: str) -> int:
        """Make room for a file that comes, and give its id. It takes nothing yet."""
        number, now = new_id(), now_ms()
        row = {
            "id": number,
            "org_id": self._org_id,
            "space_id": self._space_id,
            "account_id": account_id,
            "person": person,
            "state": RECEIVING,
            "size": 0,
            "name": "",
            "extension": "",
            "mime_type": "",
            "sha256": "",
            "width": 0,
            "height": 0,
            "created": now,
            "updated": now,
        }

        def job(connection: Connection) -> int:
            known = select(col(FileSpace.space_id)).where(col(FileSpace.space_id) == self._space_id)
            if connection.execute(known).first() is None:
                connection.execute(
                    insert(FileSpace).values(space_id=self._space_id, org_id=self._org_id, bytes=0)
                ).close()
            connection.execute(insert(FileRow).values(row)).close()
            return number

        return await self._database.write(job)

    async def reserve(self, file_id: int, wanted: int, needed: int, quota: int) -> int:
        """Let a file that comes have `wanted` bytes, or at least `needed`; gives how many it has now.

        Two that come at once cannot pass the quota together. Raises `LimitExceeded`.
        """

        def job(connection: Connection) -> int:
            has = connection.execute(
                select(col(FileRow.size)).where(*self._mine, col(FileRow.id) == file_id, *_in(RECEIVING))
            ).scalar()
            if has is None:
                raise no_file(file_id)
            for size in (wanted, needed):
                more = max(0, size - has)
                # The condition is in the statement that adds: whatever happens beside it, the sum holds.
                taken = connection.execute(
                    update(FileSpace)
                    .where(col(FileSpace.space_id) == self._space_id, col(FileSpace.bytes) + more <= quota)
                    .values(bytes=col(FileSpace.bytes) + more)
                )
                if taken.rowcount:
                    connection.execute(
                        update(FileRow).where(col(FileRow.id) == file_id).values(size=has + more, updated=now_ms())
                    )
                    return has + more
            raise LimitExceeded(
                f"The files of the space may have {quota} bytes together, and this one does not fit any more.",
                limit=quota,
                setting="MAINSPRING_FILE_SPACE_BYTES",
            )

        return await self._database.write(job)

    async def finish(self, file_id: int, facts: FileFacts, actor: Actor) -> FileRow:
        """Keep a file that has come whole, and give back what it reserved beyond its size."""

        def job(connection: Connection) -> None:
            has = connection.execute(
                select(col(FileRow.size)).where(*self._mine, col(FileRow.id) == file_id, *_in(RECEIVING))
            ).scalar()
            if has is None:
                raise no_file(file_id)
            _give_back(connection, self._space_id, has - facts.size)
            changed = {"state": KEPT, "updated": now_ms(), **{name: getattr(facts, name) for name in facts.__slots__}}
            connection.execute(update(FileRow).where(col(FileRow.id) == file_id).values(changed))
            record(
                connection,
                actor,
                Deed("file.upload", "file", file_id, facts.name, after=_told(facts), **self._where()),
            )

        await self._database.write(job)
        return await self.get(file_id)

    async def get(self, file_id: int) -> FileRow:
        """Raises `NotFound`."""
        statement = select(FileRow).where(*self._mine, col(FileRow.id) == file_id, *_in(KEPT))
        found = await self._database.read(lambda connection: fetch(connection, statement))
        if not found:
            raise no_file(file_id)
        return found[0]

    async def page(self, *, search: str = "", cursor: str | None = None, limit: int = 50) -> Page[FileRow]:
        """The newest first."""
        statement = select(FileRow).where(*self._mine, *_in(KEPT))
        if search:
            statement = statement.where(col(FileRow.name).contains(search, autoescape=True))
        if (before := cursor_id(cursor)) is not None:
            statement = statement.where(col(FileRow.id) < before)
        statement = statement.order_by(col(FileRow.id).desc()).limit(page_size(limit) + 1)
        rows = await self._database.read(lambda connection: fetch(connection, statement))
        return Page(rows[:limit], str(rows[limit - 1].id) if len(rows) > limit else None)

    async def usage(self) -> Usage:
        """How much the files of the space have, those on their way included."""
        statement = select(col(FileSpace.bytes)).where(col(FileSpace.space_id) == self._space_id)
        found = await self._database.read(lambda connection: connection.execute(statement).all())
        return Usage(found[0].bytes if found else 0)

    async def leave(self, file_id: int, actor: Actor) -> None:
        """Take a file away: from now on nobody is shown it. Its bytes are the next thing to go. Raises `NotFound`."""

        def job(connection: Connection) -> None:
            mine = (*self._mine, col(FileRow.id) == file_id, *_in(KEPT))
            row = connection.execute(select(col(FileRow.name), col(FileRow.size)).where(*mine)).first()
            if row is None:
                raise no_file(file_id)
            connection.execute(update(FileRow).where(*mine).values(state=LEAVING, updated=now_ms()))
            deed = Deed(
                "file.delete", "file", file_id, row.name, before={"name": row.name, "size": row.size}, **self._where()
            )
            record(connection, actor, deed)

        await self._database.write(job)

    async def linked(self, file: FileRow, seconds: int, actor: Actor) -> None:
        """Note that a link to a file was made."""
        deed = Deed("file.link", "file", file.id, file.name, after={"seconds": seconds}, **self._where())
        await self._database.write(lambda connection: record(connection, actor, deed))

    def _where(self) -> dict[str, Any]:
        return {"org_id": self._org_id, "space_id": self._space_id}


class Files:
    """All files, for who has a link to one, and for who cleans up."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, org_id: int, space_id: int, person: str | None = None) -> FileRepository:
        """The files of a space."""
        return FileRepository(self._database, org_id, space_id, person)

    async def of_organisation(self, org_id: int, file_id: int) -> FileRow:
        """A file of any space of an organisation. Raises `NotFound`."""
        statement = select(FileRow).where(col(FileRow.org_id) == org_id, col(FileRow.id) == file_id, *_in(KEPT))
        found = await self._database.read(lambda connection: fetch(connection, statement))
        if not found:
            raise no_file(file_id)
        return found[0]

    async def drop(self, file_id: int) -> None:
        """Forget a file whose bytes are gone, and give back what it took. A missing one is fine."""

        def job(connection: Connection) -> None:
            there = (col(FileRow.id) == file_id, col(FileRow.state) != KEPT)
            row = connection.execute(select(col(FileRow.size), col(FileRow.space_id)).where(*there)).first()
            if row is not None and connection.execute(delete(FileRow).where(*there)).rowcount:
                _give_back(connection, row.space_id, row.size)

        await self._database.write(job)

    async def left_behind(self) -> list[FileRow]:
        """Files that nobody takes away or brings to an end any more: who was at it died."""
        statement = (
            select(FileRow)
            .where(col(FileRow.state).in_([RECEIVING, LEAVING]), col(FileRow.updated) < now_ms() - _LEFT_BEHIND_MS)
            .limit(_MOST_SWEPT)
        )
        return await self._database.read(lambda connection: fetch(connection, statement))


def _in(state: str) -> tuple[Any]:
    return (col(FileRow.state) == state,)


def _give_back(connection: Connection, space_id: int, size: int) -> None:
    connection.execute(
        update(FileSpace).where(col(FileSpace.space_id) == space_id).values(bytes=col(FileSpace.bytes) - size)
    )


def _told(facts: FileFacts) -> dict[str, Any]:
    return {"name": facts.name, "size": facts.size, "mime_type": facts.mime_type}
