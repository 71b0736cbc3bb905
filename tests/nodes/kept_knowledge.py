"""Knowledge in memory, for nodes under test: a base `1` with one document, found by the share of the query it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.errors import NotFound
from storage.knowledge.chunking import cut
from storage.knowledge.terms import index_terms, query_terms
from storage.ports.knowledge import (
    USUAL_CHUNKING,
    Chunking,
    KnowledgeBase,
    KnowledgeDocument,
    NewDocument,
    Search,
    Slice,
)

PRICES = "龙井茶每斤九十元。"


@dataclass
class KeptKnowledge:
    """Implements `storage.ports.knowledge.Knowledge`; ids are counted from 1, `asked` holds every search."""

    searches: frozenset[Search] = frozenset({"fulltext"})
    named: dict[str, KnowledgeBase] = field(default_factory=lambda: {"1": KnowledgeBase("1", "茶", "about tea")})
    chunks: dict[str, list[str]] = field(default_factory=lambda: {"1": [PRICES]})
    documents: dict[str, KnowledgeDocument] = field(default_factory=dict)
    keys: dict[tuple[str, str], str] = field(default_factory=lambda: {("1", "first"): "1"})
    deleted: dict[str, bool] = field(default_factory=dict)
    asked: list[tuple[str, Search, int, float]] = field(default_factory=list)
    cut_as: list[Chunking] = field(default_factory=list)

    async def bases(self, org_id: str, space_id: str, base_ids: Sequence[str]) -> list[KnowledgeBase]:
        for base_id in base_ids:
            if base_id not in self.named:
                raise NotFound(f"There is no knowledge base {base_id}.", base=base_id)
        return [self.named[base_id] for base_id in base_ids]

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
        self.asked.append((query, search, top_k, min_score))
        await self.bases(org_id, space_id, bases)
        wanted = query_terms(query, most=64)
        found: list[Slice] = []
        for (base_id, key), document_id in self.keys.items():
            for text in self.chunks.get(document_id, []) if base_id in bases else []:
                held = {*index_terms(text)}
                score = sum(term in held for term in wanted) / max(1, len(wanted))
                if score > min_score / 2:
                    found.append(Slice(document_id, key, base_id, text, score))
        return sorted(found, key=lambda one: -one.score)[:top_k]

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
        await self.bases(org_id, space_id, [base_id])
        self.cut_as.append(chunking)
        if (known := self.keys.get((base_id, key))) is not None:
            return self.documents[known]
        document_id = str(len(self.keys) + 1)
        self.keys[base_id, key] = document_id
        self.chunks[document_id] = cut(document.text, chunking)
        made = KnowledgeDocument(
            document_id, base_id, document.name, document.url, document.kind, document.size, "ready", "",
            len(self.chunks[document_id]), len(document.text), 1, 1,
        )  # fmt: skip
        self.documents[document_id] = made
        return made

    async def delete(self, org_id: str, space_id: str, base_id: str, document_id: str, *, key: str = "") -> bool:
        await self.bases(org_id, space_id, [base_id])
        if not key:
            return self.chunks.pop(document_id, None) is not None
        return self.deleted.setdefault(key, self.chunks.pop(document_id, None) is not None)
