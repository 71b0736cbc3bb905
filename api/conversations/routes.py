"""Conversations: make, list, name, clear and delete them, and read and change what is said in them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.access import Member, Permission, require
from api.conversations.schemas import (
    ChangedMessage,
    ContentKind,
    ConversationId,
    ConversationName,
    ConversationOut,
    ConversationPage,
    MessageId,
    MessageOut,
    MessagesOut,
    NewConversation,
    NewMessage,
    TemplateIn,
    TemplatesOut,
)
from api.errors import PermissionDenied
from api.parameters import Cursor, Limit
from api.problems import problems
from api.provided import StoresDep
from api.reading import strict_route
from engine.errors import InvalidInput
from engine.json_text import read_json
from storage.conversations import ConversationFilter, name_taken
from storage.messages import no_conversation, no_message
from storage.ports.conversations import MOST_MESSAGES, Conversation, Message, Party
from storage.stores import Stores

router = APIRouter(tags=["conversations"], route_class=strict_route("run_input_bytes"))

Viewer = Annotated[Member, require(Permission.CONVERSATION_VIEW)]
Editor = Annotated[Member, require(Permission.CONVERSATION_EDIT)]
# Guests too: each is kept to conversations of his own.
Reader = Annotated[Member, require(Permission.CONVERSATION_VIEW, guests=True)]
Writer = Annotated[Member, require(Permission.CONVERSATION_EDIT, guests=True)]
AppId = Annotated[str, Query(min_length=1, max_length=191, description="The application.")]


@router.post(
    "/conversations",
    status_code=201,
    responses={
        200: {"model": ConversationOut, "description": "The conversation of that name, which was there."},
        **problems(400, 401, 403, 409, 413, 415, 422),
    },
)
async def create_conversation(
    body: NewConversation, member: Writer, stores: StoresDep, response: Response
) -> ConversationOut:
    """Make a conversation of a user of an application, or with `get_or_create` give the one of that name."""
    user = body.user_id or member.person
    app = body.app_id or _app(member)
    if not member.converses(user, app) or (member.guest is not None and body.draft):
        raise PermissionDenied("This token speaks for one end user of one application alone.", field="user_id")
    party = Party(str(member.org_id), str(member.space_id), app, user, body.channel, body.draft)
    opened = await stores.conversations.open(party, body.name)
    if opened.existed and not body.get_or_create:
        raise name_taken(body.name)
    response.status_code = 200 if opened.existed else 201
    return _shown(opened.conversation)


@router.get("/conversations", responses=problems(401, 403, 422))
async def list_conversations(
    member: Reader,
    stores: StoresDep,
    app_id: Annotated[str | None, Query(max_length=191)] = None,
    user_id: Annotated[str | None, Query(max_length=191)] = None,
    channel: Annotated[str | None, Query(max_length=64)] = None,
    draft: bool | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ConversationPage:
    """List the conversations of the space, the newest first."""
    if member.confined_to is not None:
        if user_id not in {None, member.confined_to} or not member.converses(
            member.confined_to, app_id or _app(member)
        ):
            return ConversationPage(items=[], next_cursor=None)
        user_id, app_id = member.confined_to, app_id if member.guest is None else member.guest.app
    only = ConversationFilter(app_id, user_id, channel, draft)
    page = await stores.conversations.page(*_where(member), only, cursor=cursor, limit=limit)
    return ConversationPage(items=[_shown(one) for one in page.items], next_cursor=page.next)


@router.get("/conversations/{conversation}", responses=problems(401, 403, 404))
async def get_conversation(conversation: ConversationId, member: Reader, stores: StoresDep) -> ConversationOut:
    """One conversation."""
    return _shown(await _own(stores, member, conversation))


@router.patch("/conversations/{conversation}", responses=problems(400, 401, 403, 404, 409, 413, 415, 422))
async def rename_conversation(
    conversation: ConversationId, body: ConversationName, member: Writer, stores: StoresDep
) -> ConversationOut:
    """Give a conversation another name. Those that an application itself names keep theirs."""
    await _check_own(stores, member, conversation)
    return _shown(await stores.conversations.name(*_where(member), conversation, body.name))


@router.delete("/conversations/{conversation}", status_code=204, responses=problems(401, 403, 404))
async def delete_conversation(conversation: ConversationId, member: Writer, stores: StoresDep) -> Response:
    """Delete a conversation with everything that was said in it."""
    await _check_own(stores, member, conversation)
    await stores.conversations.delete(*_where(member), conversation)
    return Response(status_code=204)


@router.post("/conversations/{conversation}/clear", responses=problems(401, 403, 404))
async def clear_conversation(conversation: ConversationId, member: Writer, stores: StoresDep) -> ConversationOut:
    """Begin a new section: models see nothing of what was said before, people still do."""
    await _check_own(stores, member, conversation)
    await stores.conversations.clear(*_where(member), conversation)
    return _shown(await stores.conversations.get(*_where(member), conversation))


@router.get("/conversations/{conversation}/messages", responses=problems(401, 403, 404, 422))
async def list_messages(
    conversation: ConversationId,
    member: Reader,
    stores: StoresDep,
    before: Annotated[str, Query(max_length=30, description="Only messages older than this one.")] = "",
    after: Annotated[str, Query(max_length=30, description="Only messages newer than this one. Not both.")] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_MESSAGES, description="How many at most.")] = MOST_MESSAGES,
) -> MessagesOut:
    """List messages, the newest first: the newest of all, or those next to one."""
    await _check_own(stores, member, conversation)
    page = await stores.conversations.messages(*_where(member), conversation, before=before, after=after, limit=limit)
    return MessagesOut(items=[_message(one) for one in page.messages], has_more=page.has_more)


@router.post(
    "/conversations/{conversation}/messages",
    status_code=201,
    responses=problems(400, 401, 403, 404, 413, 415, 422),
)
async def create_message(
    conversation: ConversationId, body: NewMessage, member: Writer, stores: StoresDep
) -> MessageOut:
    """Say something in a conversation."""
    _check(body.content, body.content_type)
    await _check_own(stores, member, conversation)
    made = await stores.conversations.add(
        *_where(member), conversation, body.role, body.content, content_type=body.content_type
    )
    return _message(made)


@router.patch("/conversations/{conversation}/messages/{message}", responses=problems(400, 401, 403, 404, 413, 415, 422))
async def change_message(
    conversation: ConversationId, message: MessageId, body: ChangedMessage, member: Editor, stores: StoresDep
) -> MessageOut:
    """Put another content in the place of a message's."""
    _check(body.content, body.content_type)
    await _check_own(stores, member, conversation)
    changed = await stores.conversations.edit(
        *_where(member), conversation, message, body.content, content_type=body.content_type
    )
    return _message(changed)


@router.delete("/conversations/{conversation}/messages/{message}", status_code=204, responses=problems(401, 403, 404))
async def delete_message(
    conversation: ConversationId, message: MessageId, member: Editor, stores: StoresDep
) -> Response:
    """Delete a message."""
    await _check_own(stores, member, conversation)
    if not await stores.conversations.remove(*_where(member), conversation, message):
        raise no_message(message)
    return Response(status_code=204)


@router.get("/conversation-templates", responses=problems(401, 403, 422))
async def list_templates(app_id: AppId, member: Viewer, stores: StoresDep) -> TemplatesOut:
    """The names of the conversations that every user of an application has."""
    return TemplatesOut(app_id=app_id, names=[*await stores.conversations.templates(*_where(member), app_id)])


@router.post("/conversation-templates", responses=problems(400, 401, 403, 409, 413, 415, 422))
async def define_template(body: TemplateIn, member: Editor, stores: StoresDep) -> TemplatesOut:
    """Name a conversation that every user of an application has. A name that is there already is fine."""
    await stores.conversations.define(*_where(member), body.app_id, body.name)
    names = await stores.conversations.templates(*_where(member), body.app_id)
    return TemplatesOut(app_id=body.app_id, names=[*names])


@router.delete("/conversation-templates", status_code=204, responses=problems(401, 403, 404, 422))
async def delete_template(
    app_id: AppId,
    name: Annotated[str, Query(min_length=1, max_length=191)],
    member: Editor,
    stores: StoresDep,
) -> Response:
    """Take a name back, and delete the conversations of that name with all users."""
    await stores.conversations.undefine(*_where(member), app_id, name)
    return Response(status_code=204)


def _where(member: Member) -> tuple[str, str]:
    return str(member.org_id), str(member.space_id)


async def _own(stores: Stores, member: Member, conversation: str) -> Conversation:
    """A conversation that exists for who asks. Raises `NotFound`."""
    found = await stores.conversations.get(*_where(member), conversation)
    if not member.converses(found.party.user_id, found.party.app_id):
        raise no_conversation(conversation)
    return found


async def _check_own(stores: Stores, member: Member, conversation: str) -> None:
    """Raises `NotFound` for a conversation of others, where there are others for him."""
    if member.confined_to is not None:
        await _own(stores, member, conversation)


def _app(member: Member) -> str:
    return "" if member.guest is None else member.guest.app


def _check(content: str, kind: ContentKind) -> None:
    if kind == "object_string" and not isinstance(read_json(content), list):
        raise InvalidInput("The content of an object_string is a JSON list of parts.", field="content")


def _shown(conversation: Conversation) -> ConversationOut:
    party = conversation.party
    return ConversationOut(
        id=conversation.id,
        name=conversation.name,
        kind=conversation.kind,
        app_id=party.app_id,
        user_id=party.user_id,
        channel=party.channel,
        draft=party.draft,
        section_id=conversation.section_id,
        created=conversation.created,
        updated=conversation.updated,
    )


def _message(message: Message) -> MessageOut:
    return MessageOut(
        id=message.id,
        conversation_id=message.conversation_id,
        section_id=message.section_id,
        round_id=message.round_id,
        run_id=message.run_id or None,
        role=message.role,
        content_type=message.content_type,
        content=message.content,
        created=message.created,
        updated=message.updated,
    )
