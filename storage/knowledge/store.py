"""Knowledge as nodes ask for it, over the repositories of spaces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from storage.database import Database
from storage.ids import parse_id, read_id
from storage.knowledge.repository import KnowledgeRepository, no_base
from storage.ports.fulltext import FullText
from storage.ports.knowledge import (
    USUAL_CHUNKING,
    Chunking,
    KnowledgeBase,
    KnowledgeDocument,
    NewDocument,
    Search,
    Slice,
)
from storage.tables import KnowledgeDocumentRow

_SEARCHES: Final[frozenset[Search]] = frozenset({"fulltext"})


class SqlKnowledge:
    """Implements `storage.ports.knowledge.Knowledge`."""

    def __init__(self, database: Database, index: FullText) -> None:
        self._database = database
        self._index = index

    @property
    def searches(self) -> frozenset[Search]:
        """See the port."""
        return _SEARCHES

    def of(self, org_id: int, space_id: int) -> KnowledgeRepository:
        """The bases of a space, to be looked after."""
        return KnowledgeRepository(self._database, self._index, org_id, space_id)

    async def bases(self, org_id: str, space_id: str, base_ids: Sequence[str]) -> list[KnowledgeBase]:
        """See the port."""
        rows = await self._of(org_id, space_id).several([_base(base_id) for base_id in base_ids])
        return [KnowledgeBase(str(row.id), row.name, row.description) for row in rows]

    async def retrieve(
        self,
        org_id: str,
        space_id: str,
        bases: Sequence[str],
        query: str,
        *,
        search: Search = "fulltext",
        top_k: int = 3,
        min_score: float = 0.0,
    ) -> list[Slice]:
        """See the port."""
        ids = [_base(base_id) for base_id in bases]
        return await self._of(org_id, space_id).search(ids, query, top_k=top_k, min_score=min_score)

    async def write(
        self,
        org_id: str,
        space_id: str,
        base_id: str,
        document: NewDocument,
        *,
        chunking: Chunking = USUAL_CHUNKING,
        key: str,
    ) -> KnowledgeDocument:
        """See the port."""
        return shown(await self._of(org_id, space_id).write(_base(base_id), document, chunking, key))

    async def delete(self, org_id: str, space_id: str, base_id: str, document_id: str, *, key: str = "") -> bool:
        """See the port."""
        number = read_id(document_id)
        repository = self._of(org_id, space_id)
        await repository.get(_base(base_id))
        return number is not None and await repository.remove(_base(base_id), number, key)

    def _of(self, org_id: str, space_id: str) -> KnowledgeRepository:
        return self.of(parse_id(org_id, "organisation"), parse_id(space_id, "space"))


def shown(row: KnowledgeDocumentRow) -> KnowledgeDocument:
    """A document as it is told."""
    return KnowledgeDocument(
        document_id=str(row.id),
        base_id=str(row.base_id),
        name=row.name,
        url=row.url,
        kind=row.kind,
        size=row.size,
        state=row.state,  # type: ignore[arg-type]  # what was stored was one
        failure=row.failure,
        chunks=row.chunks,
        characters=row.characters,
        created=row.created,
        updated=row.updated,
    )


def _base(base_id: str) -> int:
    if (number := read_id(base_id)) is None:
        raise no_base(base_id)
    return number
