"""Conversations, as `conversations` of the SDK calls them. Each is its maker's alone."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BeforeValidator, Field, StringConstraints
from sqlalchemy import Row
from starlette.responses import Response

from api.access import Member, Permission, require
from api.errors import PermissionDenied
from api.open.connectors import channel_of
from api.open.entering import require_where
from api.open.envelope import Done, done, failures
from api.open.fields import OpenBody, OpenId, OpenRoute, PageNum, PageSize50, QueryId
from api.open.message_fields import MetaData, NewSaying, saying_of
from api.provided import CatalogueDep, StoresDep
from engine.errors import InvalidInput
from storage.conversations import checked_word
from storage.own_conversations import OwnConversations
from storage.ports.conversations import Party
from storage.stores import Stores

router = APIRouter(tags=["open API"], route_class=OpenRoute)

Maker = Annotated[Member, require(Permission.CONVERSATION_EDIT, guests=True)]
Lister = Annotated[Member, require(Permission.CONVERSATION_VIEW, guests=True)]
Reader = Annotated[Member, require_where(Permission.CONVERSATION_VIEW, "conversation", "conversation_id", guests=True)]
Writer = Annotated[Member, require_where(Permission.CONVERSATION_EDIT, "conversation", "conversation_id", guests=True)]
Name = Annotated[str, StringConstraints(max_length=100)]
ConversationPath = Annotated[str, Path(max_length=30, description="The id of a conversation.")]
ConversationQuery = Annotated[str, Query(max_length=30, description="The id of a conversation.")]
_MOST_SAID = 100


class OpenConversationIn(OpenBody):
    """A conversation to be."""

    messages: Annotated[list[NewSaying], Field(max_length=_MOST_SAID)] = Field([], description="What was said before.")
    meta_data: MetaData = Field({}, description="Texts that are kept beside it, at most 16.")
    bot_id: OpenId = Field("", description="The agent; the conversations of each are kept apart.")
    name: Name = ""
    connector_id: OpenId = Field("", description="The channel: 1024 (also without it), 999 or 10000010.")


class OpenRenameIn(OpenBody):
    """Another name, or other notes."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    meta_data: MetaData | None = None


class OpenWorkflowConversationIn(OpenBody):
    """A conversation by its name, of an application or of a workflow alone."""

    app_id: OpenId = ""
    bot_id: OpenId = ""
    workflow_id: OpenId = Field("", description="A workflow of the space; it is looked up, and nothing more.")
    conversation_name: Name = Field("", description="Without it the conversation has none.")
    get_or_create: bool = Field(False, description="Give the one of that name, if there is one.")
    draft_mode: bool = Field(False, description="For test runs of drafts.")
    connector_id: OpenId = ""
    meta_data: MetaData = Field({})


@router.post("/v1/conversation/create", response_model=Done, responses=failures(400, 401, 403, 404, 413, 415, 422))
async def open_create_conversation(body: OpenConversationIn, member: Maker, stores: StoresDep) -> Response:
    """Make a conversation, with what was said before. Many may have the same name."""
    made = await own(stores, member).make(
        application_of(member, body.bot_id),
        channel_of(body.connector_id),
        body.name.strip(),
        body.meta_data,
        [saying_of(one) for one in body.messages],
    )
    return done(conversation(made, member))


@router.post(
    "/v1/workflow/conversation/create",
    response_model=Done,
    responses=failures(400, 401, 403, 404, 409, 413, 415, 422),
)
async def open_create_workflow_conversation(
    body: OpenWorkflowConversationIn, member: Maker, stores: StoresDep, catalogue: CatalogueDep
) -> Response:
    """Make the conversation of a name that nodes of workflows find, or with `get_or_create` give it."""
    if body.app_id and body.bot_id:
        raise InvalidInput("bot_id and app_id exclude each other: send one of them.", field="app_id")
    if body.workflow_id:
        found = await catalogue.workflow(member, body.workflow_id)
        if not member.may_run(found.id):
            raise PermissionDenied("This token is not for that workflow.", field="workflow_id")
    app = application_of(member, body.app_id or body.bot_id)
    if member.guest is not None and body.draft_mode:
        raise PermissionDenied("A guest's token runs no drafts.", field="draft_mode")
    channel = channel_of(body.connector_id)
    mine = own(stores, member)
    name = body.conversation_name.strip()
    if not name or not body.get_or_create:
        if not body.draft_mode:
            return done(conversation(await mine.make(app, channel, name, body.meta_data, []), member))
        name = ""
    if name:
        checked_word(name, "conversation_name")
    party = Party(str(member.org_id), str(member.space_id), app, member.person, channel, body.draft_mode)
    opened = await stores.conversations.open(party, name)
    if not opened.existed and body.meta_data:
        return done(conversation(await mine.note(opened.conversation.id, body.meta_data), member))
    return done(conversation(await mine.get(opened.conversation.id), member))


@router.get("/v1/conversation/retrieve", response_model=Done, responses=failures(401, 403, 404, 422))
async def open_retrieve_conversation(conversation_id: ConversationQuery, member: Reader, stores: StoresDep) -> Response:
    """One conversation."""
    return done(conversation(await own(stores, member).get(conversation_id), member))


@router.get("/v1/conversations", response_model=Done, responses=failures(401, 403, 404, 422))
async def open_list_conversations(
    member: Lister,
    stores: StoresDep,
    bot_id: QueryId = "",
    connector_id: QueryId = "",
    page_num: PageNum = 1,
    page_size: PageSize50 = 50,
    sort_order: Annotated[Literal["ASC", "DESC"], BeforeValidator(lambda text: (text or "DESC").upper())] = "DESC",
    sort_field: Annotated[
        Literal["created_at", "updated_at"], BeforeValidator(lambda text: text or "created_at")
    ] = "created_at",
) -> Response:
    """List the conversations of whoever asks, page by page."""
    some = await own(stores, member).page(
        bot_id,
        channel_of(connector_id) if connector_id else "",
        page_num,
        page_size,
        by="updated" if sort_field == "updated_at" else "created",
        oldest=sort_order == "ASC",
    )
    return done({"conversations": [conversation(row, member) for row in some.rows], "has_more": some.more})


@router.put(
    "/v1/conversations/{conversation_id}",
    response_model=Done,
    responses=failures(400, 401, 403, 404, 409, 413, 415, 422),
)
async def open_update_conversation(
    conversation_id: ConversationPath, body: OpenRenameIn, member: Writer, stores: StoresDep
) -> Response:
    """Give a conversation another name, or other `meta_data`."""
    mine = own(stores, member)
    row = await mine.get(conversation_id)
    if body.meta_data is not None:
        row = await mine.note(conversation_id, body.meta_data)
    if body.name is not None:
        row = await mine.rename(conversation_id, body.name)
    return done(conversation(row, member))


@router.delete("/v1/conversations/{conversation_id}", response_model=Done, responses=failures(401, 403, 404))
async def open_delete_conversation(conversation_id: ConversationPath, member: Writer, stores: StoresDep) -> Response:
    """Delete a conversation with everything that was said in it."""
    row = await own(stores, member).get(conversation_id)
    await stores.conversations.delete(str(member.org_id), str(member.space_id), str(row.id))
    return done({})


@router.post("/v1/conversations/{conversation_id}/clear", response_model=Done, responses=failures(401, 403, 404))
async def open_clear_conversation(conversation_id: ConversationPath, member: Writer, stores: StoresDep) -> Response:
    """Begin a new section: models see nothing of what was said before."""
    row = await own(stores, member).get(conversation_id)
    section = await stores.conversations.clear(str(member.org_id), str(member.space_id), str(row.id))
    return done({"id": section, "conversation_id": str(row.id)})


def own(stores: Stores, member: Member) -> OwnConversations:
    """The conversations of whoever asks; a guest's are those of his application."""
    app = None if member.guest is None else member.guest.app
    return OwnConversations(stores.database, member.org_id, member.space_id, member.person, app)


def application_of(member: Member, named: str) -> str:
    """For which application a conversation is made. A guest's token is for one. Raises `PermissionDenied`."""
    if member.guest is None:
        return named
    if named not in {"", member.guest.app}:
        raise PermissionDenied("A guest's token speaks for its own application alone.", field="bot_id")
    return member.guest.app


def conversation(row: Row[*tuple[Any, ...]], member: Member) -> dict[str, Any]:
    """A conversation as the SDK reads it. `creator_d` is how the Go server spells the creator."""
    creator = str(member.account_id)
    return {
        "id": str(row.id),
        "name": row.name or "",
        "created_at": row.created // 1000,
        "updated_at": row.updated // 1000,
        "meta_data": row.meta or {},
        "creator_id": creator,
        "creator_d": creator,
        "connector_id": row.channel or channel_of(""),
        "last_section_id": str(row.section_id),
        "bot_id": row.app_id,
        "user_id": row.user_id,
    }
