"""Knowledge bases of a space, their documents, and what is found in them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from api.access import Member, Permission, require
from api.actors import ActorDep
from api.errors import InvalidRequest, MalformedBody
from api.knowledge.schemas import (
    BaseChange,
    BaseId,
    BaseIn,
    BaseOut,
    BasePage,
    ChunkingIn,
    ChunkOut,
    ChunkPage,
    DocumentId,
    DocumentIn,
    DocumentOut,
    DocumentPage,
    SearchIn,
    SliceOut,
    Slices,
)
from api.knowledge.service import base_number, document_number
from api.multipart import read_form
from api.parameters import Cursor, Force, Limit
from api.problems import problems
from api.provided import KnowledgeDep, StoresDep
from api.reading import read_body, strict_route
from api.workflows.references import refuse_used
from engine.errors import InvalidInput, NotFound
from nodes.documents import FILE_BYTES
from storage.audit import Deed, Note
from storage.ids import read_id
from storage.tables import KnowledgeBaseRow, KnowledgeDocumentRow

router = APIRouter(tags=["knowledge"], prefix="/knowledge", route_class=strict_route("run_input_bytes"))
uploads = APIRouter(tags=["knowledge"], prefix="/knowledge")
"""Bodies that are no JSON."""

Viewer = Annotated[Member, require(Permission.KNOWLEDGE_VIEW)]
Editor = Annotated[Member, require(Permission.KNOWLEDGE_EDIT)]

_FORM_BYTES = FILE_BYTES + 64 * 1024
"""What stands around a file in a form takes some room too."""
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "separator": {"type": "string"},
                        "size": {"type": "integer"},
                        "overlap": {"type": "number"},
                    },
                }
            }
        },
    }
}


@router.post("", status_code=201, responses=problems(400, 401, 403, 413, 415, 422))
async def create_base(body: BaseIn, member: Editor, knowledge: KnowledgeDep) -> BaseOut:
    """Make an empty knowledge base."""
    return _base(await knowledge.of(member).create(body.name, body.description))


@router.get("", responses=problems(401, 403, 422))
async def list_bases(
    member: Viewer,
    knowledge: KnowledgeDep,
    search: Annotated[str, Query(max_length=200, description="A part of the name.")] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> BasePage:
    """List the knowledge bases, the newest first."""
    page = await knowledge.of(member).page(search=search, cursor=cursor, limit=limit)
    return BasePage(items=[_base(row) for row in page.items], next_cursor=page.next)


@router.get("/{base}", responses=problems(401, 403, 404))
async def get_base(base: BaseId, member: Viewer, knowledge: KnowledgeDep) -> BaseOut:
    """One knowledge base."""
    return _base(await knowledge.of(member).get(base_number(base)))


@router.patch("/{base}", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def change_base(base: BaseId, body: BaseChange, member: Editor, knowledge: KnowledgeDep) -> BaseOut:
    """Call a knowledge base otherwise."""
    changed = await knowledge.of(member).change(base_number(base), name=body.name, description=body.description)
    return _base(changed)


@router.delete("/{base}", status_code=204, responses=problems(401, 403, 404, 409, 422))
async def delete_base(
    base: BaseId,
    member: Editor,
    actor: ActorDep,
    stores: StoresDep,
    knowledge: KnowledgeDep,
    force: Force = False,
) -> Response:
    """Take a knowledge base away, with every document in it."""
    await refuse_used(member, stores, "knowledge", base, force=force)
    await knowledge.of(member).delete(base_number(base), Note(actor, Deed("knowledge.delete", "knowledge")))
    return Response(status_code=204)


@router.post("/{base}/documents", status_code=201, responses=problems(400, 401, 403, 404, 413, 415, 422, 503))
async def add_document(base: BaseId, body: DocumentIn, member: Editor, knowledge: KnowledgeDep) -> DocumentOut:
    """Add a document by its text, or by the URL of a file. What cannot be read is kept as failed."""
    return _document(await knowledge.add(base, body, member))


@uploads.post(
    "/{base}/documents/upload",
    status_code=201,
    responses=problems(400, 401, 403, 404, 413, 415, 422, 503),
    openapi_extra=_FORM,
)
async def upload_document(base: BaseId, request: Request, member: Editor, knowledge: KnowledgeDep) -> DocumentOut:
    """Add a document by its file: the part `file` of a form. A file that cannot be read is kept as failed."""
    form = read_form(
        request.headers.get("content-type", ""), await read_body(request, _FORM_BYTES, "the size of a document")
    )
    if (file := form.files.get("file")) is None:
        raise MalformedBody("The form has no part `file` that is a file.")
    return _document(await knowledge.upload(base, file.data, file.filename, _chunking(form.fields), member))


@router.get("/{base}/documents", responses=problems(401, 403, 404, 422))
async def list_documents(
    base: BaseId, member: Viewer, knowledge: KnowledgeDep, cursor: Cursor = None, limit: Limit = 50
) -> DocumentPage:
    """List the documents of a knowledge base, the newest first."""
    page = await knowledge.of(member).documents(base_number(base), cursor=cursor, limit=limit)
    return DocumentPage(items=[_document(row) for row in page.items], next_cursor=page.next)


@router.get("/{base}/documents/{document}", responses=problems(401, 403, 404))
async def get_document(base: BaseId, document: DocumentId, member: Viewer, knowledge: KnowledgeDep) -> DocumentOut:
    """One document."""
    return _document(await knowledge.of(member).document(base_number(base), document_number(document)))


@router.delete("/{base}/documents/{document}", status_code=204, responses=problems(401, 403, 404))
async def delete_document(
    base: BaseId, document: DocumentId, member: Editor, actor: ActorDep, knowledge: KnowledgeDep
) -> Response:
    """Take a document away, with everything that was made of it."""
    deed = Deed("knowledge.delete_document", "document", before={"base_id": base})
    gone = await knowledge.of(member).remove(base_number(base), document_number(document), note=Note(actor, deed))
    if not gone:
        raise NotFound("There is no such document.", document=document, base=base)
    return Response(status_code=204)


@router.get("/{base}/documents/{document}/chunks", responses=problems(401, 403, 404, 422))
async def list_chunks(
    base: BaseId,
    document: DocumentId,
    member: Viewer,
    knowledge: KnowledgeDep,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ChunkPage:
    """List the chunks that a document was cut into."""
    after = -1 if not cursor else read_id(cursor)
    if after is None:
        raise InvalidInput("The cursor is not one that a page of this list gave out.", field="cursor")
    bases = knowledge.of(member)
    texts = await bases.chunks(base_number(base), document_number(document), after=after, limit=limit)
    first = after + 1
    return ChunkPage(
        items=[ChunkOut(number=first + place, text=text) for place, text in enumerate(texts)],
        next_cursor=str(after + len(texts)) if len(texts) == limit else None,
    )


@router.post("/{base}/search", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def search_base(base: BaseId, body: SearchIn, member: Viewer, knowledge: KnowledgeDep) -> Slices:
    """Find what a knowledge base holds about a question."""
    bases = knowledge.of(member)
    found = await bases.search([base_number(base)], body.query, top_k=body.top_k, min_score=body.min_score)
    told = f"There is no index for {body.search} search yet: the knowledge was searched by its words."
    return Slices(
        items=[
            SliceOut(document_id=one.document_id, document_name=one.document_name, text=one.text, score=one.score)
            for one in found
        ],
        warnings=[] if body.search == "fulltext" else [told],
    )


def _chunking(fields: Any) -> ChunkingIn:
    known = {name: fields[name] for name in ChunkingIn.model_fields if fields.get(name)}
    if unknown := sorted({*fields} - {*ChunkingIn.model_fields}):
        raise InvalidRequest(f"The form has a field that is not known: {unknown[0][:100]}.", field=unknown[0][:100])
    try:
        return ChunkingIn.model_validate(known)
    except ValidationError as error:
        one = error.errors(include_url=False)[0]
        field = str(one["loc"][0])
        raise InvalidRequest(f"{field}: {one['msg']}.", field=field) from error


def _base(row: KnowledgeBaseRow) -> BaseOut:
    return BaseOut(id=str(row.id), name=row.name, description=row.description, created=row.created, updated=row.updated)


def _document(row: KnowledgeDocumentRow) -> DocumentOut:
    return DocumentOut(
        id=str(row.id),
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
