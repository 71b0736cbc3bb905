"""Adding documents: a file that cannot be read is kept as one that failed, with the reason; a text is cut at once."""

from __future__ import annotations

from uuid import uuid4

from api.access import Member
from api.errors import InvalidRequest, NotServed
from api.knowledge.schemas import ChunkingIn, DocumentIn
from engine.errors import FlowError, NodeFailed
from engine.file_names import without_file_name
from nodes.documents import FetchedFile, FileReader
from storage.ids import parse_id
from storage.knowledge.repository import KnowledgeRepository
from storage.ports.knowledge import Chunking, NewDocument
from storage.stores import Stores
from storage.tables import KnowledgeDocumentRow


class KnowledgeService:
    """Adds documents. `files` is missing where this process reads none."""

    def __init__(self, stores: Stores, files: FileReader | None) -> None:
        self._stores = stores
        self._files = files

    def of(self, member: Member) -> KnowledgeRepository:
        """The knowledge bases that the member sees."""
        return self._stores.knowledge.of(member.org_id, member.space_id)

    async def add(self, base: str, body: DocumentIn, member: Member) -> KnowledgeDocumentRow:
        """A document by its text or its URL."""
        bases, base_id = self.of(member), base_number(base)
        if (body.text is None) == (body.url is None):
            raise InvalidRequest("A document is given by its text or by its URL: one of them.", field="text")
        await bases.get(base_id)
        chunking = _chunking(body.chunking)
        if body.text is not None:
            new = NewDocument(name=body.name, text=body.text)
            return await bases.write(base_id, new, chunking, _key())
        url = body.url or ""
        try:
            file = await self._reader().fetch(url, body.name)
        except FlowError as error:
            if error.retryable or isinstance(error, NotServed):
                raise
            failed = NewDocument(name=body.name or url[:300], text="", url=without_file_name(url), kind="")
            return await bases.fail(base_id, failed, _key(), error.message)
        return await self._read(bases, base_id, file, chunking, member)

    async def upload(
        self, base: str, data: bytes, name: str, chunking: ChunkingIn, member: Member
    ) -> KnowledgeDocumentRow:
        """A document by its file."""
        bases, base_id = self.of(member), base_number(base)
        await bases.get(base_id)
        return await self._read(bases, base_id, FetchedFile(data, name, ""), _chunking(chunking), member)

    async def _read(
        self, bases: KnowledgeRepository, base_id: int, file: FetchedFile, chunking: Chunking, member: Member
    ) -> KnowledgeDocumentRow:
        key = _key()
        found = NewDocument(name=file.name, text="", url=file.url, kind="", size=len(file.data))
        try:
            read = await self._reader().read(str(member.org_id), file.data, file.name)
        except NodeFailed as failed:
            if failed.retryable:
                raise
            return await bases.fail(base_id, found, key, failed.message)
        if not read.text.strip():
            return await bases.fail(base_id, found, key, "The file holds no text; its pages may be pictures.")
        whole = NewDocument(name=file.name, text=read.text, url=file.url, kind=read.kind, size=len(file.data))
        return await bases.write(base_id, whole, chunking, key)

    def _reader(self) -> FileReader:
        if self._files is None:
            raise NotServed("This process reads no files. Send the text of the document instead.")
        return self._files


def base_number(base: str) -> int:
    """The id of a base. Raises `NotFound`."""
    return parse_id(base, "knowledge base")


def document_number(document: str) -> int:
    """The id of a document. Raises `NotFound`."""
    return parse_id(document, "document")


def _key() -> str:
    # Whoever adds a document by hand means a new one.
    return f"api/{uuid4().hex}"


def _chunking(given: ChunkingIn) -> Chunking:
    return Chunking(given.separator, given.size, given.overlap)
