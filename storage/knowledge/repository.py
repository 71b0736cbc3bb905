"""The knowledge bases of one space: rows say what there is, the index finds it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from engine.errors import Conflict, InvalidInput, NotFound
from storage.audit import Note
from storage.clock import now_ms
from storage.database import Database, Into
from storage.ids import new_id
from storage.knowledge.chunking import cut
from storage.naming import checked_name
from storage.paging import Page, cursor_id, fetch, page_size
from storage.ports.fulltext import FullText, Hit
from storage.ports.knowledge import Chunking, NewDocument, Slice
from storage.repeated_writes import once
from storage.tables import KnowledgeBaseRow, KnowledgeChunkRow, KnowledgeDocumentRow
from storage.tables.columns import KEY_LENGTH, TITLE_LENGTH

MOST_BASES: Final = 50
"""In one search."""
MOST_RESULTS: Final = 100
_CHUNKS: Final = Into("knowledge_chunk", ("document_id", "number", "text"))
_LONGEST_FAILURE: Final = 1_000
_LONGEST_DESCRIPTION: Final = 5_000


class KnowledgeRepository:
    """The knowledge bases of one space, and what is in them."""

    def __init__(self, database: Database, index: FullText, org_id: int, space_id: int) -> None:
        self._database = database
        self._index = index
        self._place = {"org_id": org_id, "space_id": space_id}
        self._bases = (col(KnowledgeBaseRow.org_id) == org_id, col(KnowledgeBaseRow.space_id) == space_id)
        self._documents = (col(KnowledgeDocumentRow.org_id) == org_id, col(KnowledgeDocumentRow.space_id) == space_id)

    # --- bases --------------------------------------------------------------------------------------------------------

    async def create(self, name: str, description: str = "") -> KnowledgeBaseRow:
        """A new, empty base."""
        id_, now = new_id(), now_ms()
        row = {"id": id_, **self._place, "name": checked_name(name), "description": _description(description)}
        statement = insert(KnowledgeBaseRow).values(row | {"created": now, "updated": now})
        await self._database.write(lambda connection: connection.execute(statement).close())
        return await self.get(id_)

    async def get(self, base_id: int) -> KnowledgeBaseRow:
        """A base. Raises `NotFound`."""
        return (await self.several([base_id]))[0]

    async def several(self, base_ids: Sequence[int]) -> list[KnowledgeBaseRow]:
        """These bases, in this order. Raises `NotFound` for the first that is not there."""
        statement = select(KnowledgeBaseRow).where(*self._bases, col(KnowledgeBaseRow.id).in_([*base_ids]))
        rows = await self._database.read(lambda connection: fetch(connection, statement))
        found = {row.id: row for row in rows}
        for base_id in base_ids:
            if base_id not in found:
                raise no_base(str(base_id))
        return [found[base_id] for base_id in base_ids]

    async def page(self, *, search: str = "", cursor: str | None = None, limit: int = 50) -> Page[KnowledgeBaseRow]:
        """Bases, the newest first; `search` is a part of the name."""
        statement = select(KnowledgeBaseRow).where(*self._bases)
        if search:
            statement = statement.where(col(KnowledgeBaseRow.name).icontains(search, autoescape=True))
        if (before := cursor_id(cursor)) is not None:
            statement = statement.where(col(KnowledgeBaseRow.id) < before)
        statement = statement.order_by(col(KnowledgeBaseRow.id).desc()).limit(page_size(limit) + 1)
        rows = await self._database.read(lambda connection: fetch(connection, statement))
        return Page(rows[:limit], str(rows[limit - 1].id) if len(rows) > limit else None)

    async def change(
        self, base_id: int, *, name: str | None = None, description: str | None = None
    ) -> KnowledgeBaseRow:
        """Call a base otherwise; None leaves it as it is. Raises `NotFound`."""
        values: dict[str, Any] = {"updated": now_ms()}
        if name is not None:
            values["name"] = checked_name(name)
        if description is not None:
            values["description"] = _description(description)
        statement = update(KnowledgeBaseRow).where(*self._bases, col(KnowledgeBaseRow.id) == base_id).values(values)
        await self._database.write(lambda connection: connection.execute(statement).close())
        return await self.get(base_id)

    async def delete(self, base_id: int, note: Note | None = None) -> None:
        """Remove a base with everything in it. Raises `NotFound`."""
        base = await self.get(base_id)
        inside = select(col(KnowledgeDocumentRow.id)).where(col(KnowledgeDocumentRow.base_id) == base_id)

        def job(connection: Connection) -> None:
            connection.execute(delete(KnowledgeChunkRow).where(col(KnowledgeChunkRow.document_id).in_(inside)))
            connection.execute(delete(KnowledgeDocumentRow).where(col(KnowledgeDocumentRow.base_id) == base_id))
            connection.execute(delete(KnowledgeBaseRow).where(*self._bases, col(KnowledgeBaseRow.id) == base_id))
            if note is not None:
                note.write(connection, target_id=base_id, target_name=base.name)

        await self._database.write(job)
        # What a crash leaves in the index is found no more: the rows are asked for every hit.
        await self._index.drop(base_id)

    # --- documents ----------------------------------------------------------------------------------------------------

    async def document(self, base_id: int, document_id: int) -> KnowledgeDocumentRow:
        """A document. Raises `NotFound`."""
        which = (col(KnowledgeDocumentRow.id) == document_id, col(KnowledgeDocumentRow.base_id) == base_id)
        statement = select(KnowledgeDocumentRow).where(*self._documents, *which)
        found = await self._database.read(lambda connection: fetch(connection, statement))
        if not found:
            raise NotFound("There is no such document.", document=str(document_id), base=str(base_id))
        return found[0]

    async def documents(
        self, base_id: int, *, cursor: str | None = None, limit: int = 50
    ) -> Page[KnowledgeDocumentRow]:
        """The documents of a base, the newest first. Raises `NotFound` for the base."""
        await self.get(base_id)
        statement = select(KnowledgeDocumentRow).where(*self._documents, col(KnowledgeDocumentRow.base_id) == base_id)
        if (before := cursor_id(cursor)) is not None:
            statement = statement.where(col(KnowledgeDocumentRow.id) < before)
        statement = statement.order_by(col(KnowledgeDocumentRow.id).desc()).limit(page_size(limit) + 1)
        rows = await self._database.read(lambda connection: fetch(connection, statement))
        return Page(rows[:limit], str(rows[limit - 1].id) if len(rows) > limit else None)

    async def chunks(self, base_id: int, document_id: int, *, after: int = -1, limit: int = 50) -> list[str]:
        """The chunks of a document behind a place, in their order. Raises `NotFound`."""
        await self.document(base_id, document_id)
        statement = (
            select(col(KnowledgeChunkRow.text))
            .where(col(KnowledgeChunkRow.document_id) == document_id, col(KnowledgeChunkRow.number) > after)
            .order_by(col(KnowledgeChunkRow.number))
            .limit(page_size(limit))
        )
        return await self._database.read(lambda connection: [*connection.scalars(statement)])

    async def write(self, base_id: int, new: NewDocument, chunking: Chunking, key: str) -> KnowledgeDocumentRow:
        """See `storage.ports.knowledge.Knowledge.write`."""
        await self.get(base_id)
        if (known := await self._known(base_id, key)) is not None and known.state == "ready":
            return known
        # A long text takes a second: others go on meanwhile.
        chunks = await asyncio.to_thread(cut, new.text, chunking)
        if not chunks:
            raise InvalidInput("The document holds no text.", field="text", name=new.name[:TITLE_LENGTH])
        row = await self._begin(base_id, new, key)
        await self._keep(row.id, chunks)
        await self._index.put(base_id, row.id, chunks)
        done = {
            "state": "ready",
            "failure": "",
            "chunks": len(chunks),
            "characters": len(new.text),
            "updated": now_ms(),
        }
        statement = update(KnowledgeDocumentRow).where(col(KnowledgeDocumentRow.id) == row.id).values(done)
        if not await self._database.write(lambda connection: connection.execute(statement).rowcount):
            await self._index.remove(base_id, row.id)
            await self._drop_chunks(row.id)
            raise Conflict("The document was deleted while it was being written.", document=str(row.id))
        return await self.document(base_id, row.id)

    async def fail(self, base_id: int, new: NewDocument, key: str, failure: str) -> KnowledgeDocumentRow:
        """Keep that a document could not be read, and why; one that is `ready` under this key stays as it is."""
        row = await self._begin(base_id, new, key)
        values = {"state": "failed", "failure": failure[:_LONGEST_FAILURE], "updated": now_ms()}
        which = (col(KnowledgeDocumentRow.id) == row.id, col(KnowledgeDocumentRow.state) != "ready")
        statement = update(KnowledgeDocumentRow).where(*which).values(values)
        await self._database.write(lambda connection: connection.execute(statement).close())
        return await self.document(base_id, row.id)

    async def remove(self, base_id: int, document_id: int, key: str = "", note: Note | None = None) -> bool:
        """Delete a document; False when this base has none of that id. Under a key it is done once."""
        mine = (
            *self._documents,
            col(KnowledgeDocumentRow.base_id) == base_id,
            col(KnowledgeDocumentRow.id) == document_id,
        )
        statement = delete(KnowledgeDocumentRow).where(*mine)

        def job(connection: Connection) -> bool:
            name = connection.execute(select(col(KnowledgeDocumentRow.name)).where(*mine)).scalar()
            gone = bool(connection.execute(statement).rowcount)
            if note is not None and gone:
                note.write(connection, target_id=document_id, target_name=name or "")
            return gone

        if not await self._database.write(once(self._place["space_id"], key, job)):
            return False
        # Also where it was deleted before: whoever did may have died here.
        await self._drop_chunks(document_id)
        await self._index.remove(base_id, document_id)
        return True

    # --- searching ----------------------------------------------------------------------------------------------------

    async def search(self, base_ids: Sequence[int], query: str, *, top_k: int, min_score: float) -> list[Slice]:
        """The best chunks of finished documents, the best first."""
        if not 1 <= top_k <= MOST_RESULTS:
            raise InvalidInput(f"A search gives 1 to {MOST_RESULTS} results.", field="top_k", given=top_k)
        if len(base_ids) > MOST_BASES:
            raise InvalidInput(f"A search goes through at most {MOST_BASES} knowledge bases.", field="bases")
        for row in await self.several(base_ids):
            if not await self._index.holds(row.id):
                await self._index_again(row.id)
        wanted = top_k
        while True:
            hits = await self._index.search(base_ids, query, limit=wanted)
            good = [hit for hit in hits if hit.score >= min_score]
            found = await self._slices(good)
            if len(found) >= top_k or len(hits) < wanted or len(good) < len(hits):
                return found[:top_k]
            # Some were of documents that are not finished, or just gone.
            wanted *= 4

    # --- within -------------------------------------------------------------------------------------------------------

    async def _known(self, base_id: int, key: str) -> KnowledgeDocumentRow | None:
        which = (col(KnowledgeDocumentRow.base_id) == base_id, col(KnowledgeDocumentRow.key) == key)
        statement = select(KnowledgeDocumentRow).where(*self._documents, *which)
        found = await self._database.read(lambda connection: fetch(connection, statement))
        return found[0] if found else None

    async def _begin(self, base_id: int, new: NewDocument, key: str) -> KnowledgeDocumentRow:
        """The row of a document, which is not there for searches yet."""
        if not 1 <= len(key) <= KEY_LENGTH:
            raise InvalidInput(f"The key of a document has 1 to {KEY_LENGTH} characters.", field="key")
        now = now_ms()
        row = {
            "id": new_id(),
            **self._place,
            "base_id": base_id,
            "key": key,
            "name": (new.name.strip() or "document")[:TITLE_LENGTH],
            "kind": new.kind[:16],
            "size": new.size or len(new.text.encode()),
            "state": "processing",
            "chunks": 0,
            "characters": 0,
            "created": now,
            "updated": now,
            "url": new.url,
            "failure": "",
        }
        statement = insert(KnowledgeDocumentRow).values(row)
        try:
            await self._database.write(lambda connection: connection.execute(statement).close())
        except IntegrityError:
            # Begun before, by an attempt that did not get to its end, or that is still under way: it writes the same.
            if (known := await self._known(base_id, key)) is not None:
                return known
            raise no_base(str(base_id)) from None
        return await self.document(base_id, int(str(row["id"])))

    async def _keep(self, document_id: int, chunks: Sequence[str]) -> None:
        await self._drop_chunks(document_id)
        rows = [(document_id, number, chunk) for number, chunk in enumerate(chunks)]
        try:
            await self._database.insert({_CHUNKS: rows})
        except IntegrityError:
            # Another attempt at the same was quicker by a moment; what it kept is the same.
            return

    async def _drop_chunks(self, document_id: int) -> None:
        statement = delete(KnowledgeChunkRow).where(col(KnowledgeChunkRow.document_id) == document_id)
        await self._database.write(lambda connection: connection.execute(statement).close())

    async def _slices(self, hits: Sequence[Hit]) -> list[Slice]:
        """The texts of hits, as far as their documents are finished and there."""
        if not hits:
            return []
        places = [(hit.document_id, hit.number) for hit in hits]
        statement = (
            select(
                col(KnowledgeChunkRow.document_id),
                col(KnowledgeChunkRow.number),
                col(KnowledgeChunkRow.text),
                col(KnowledgeDocumentRow.name),
            )
            .join(KnowledgeDocumentRow, col(KnowledgeDocumentRow.id) == col(KnowledgeChunkRow.document_id))
            .where(
                *self._documents,
                col(KnowledgeDocumentRow.state) == "ready",
                tuple_(col(KnowledgeChunkRow.document_id), col(KnowledgeChunkRow.number)).in_(places),
            )
        )
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        found = {(row.document_id, row.number): row for row in rows}
        return [
            Slice(str(hit.document_id), found[place].name, str(hit.base_id), found[place].text, hit.score)
            for hit, place in zip(hits, places, strict=True)
            if place in found
        ]

    async def _index_again(self, base_id: int) -> None:
        """Put every finished document of a base into an index that knows nothing of it."""
        which = (col(KnowledgeDocumentRow.base_id) == base_id, col(KnowledgeDocumentRow.state) == "ready")
        documents = select(col(KnowledgeDocumentRow.id)).where(*self._documents, *which)
        for document_id in await self._database.read(lambda connection: [*connection.scalars(documents)]):
            await self._index.put(base_id, document_id, await self._texts(document_id))

    async def _texts(self, document_id: int) -> list[str]:
        statement = (
            select(col(KnowledgeChunkRow.text))
            .where(col(KnowledgeChunkRow.document_id) == document_id)
            .order_by(col(KnowledgeChunkRow.number))
        )
        return await self._database.read(lambda connection: [*connection.scalars(statement)])


def no_base(base_id: str) -> NotFound:
    """What is said of a base that is not there."""
    return NotFound(f"There is no knowledge base {base_id[:64]}.", base=base_id[:64])


def _description(text: str) -> str:
    if len(text) > _LONGEST_DESCRIPTION:
        raise InvalidInput(f"A description has at most {_LONGEST_DESCRIPTION} characters.", field="description")
    return text.strip()
