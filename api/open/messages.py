"""Messages, and what is thought of them, as `conversations.messages` of the SDK calls them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BeforeValidator, Field, StringConstraints
from sqlalchemy import Row
from starlette.responses import Response

from api.open.conversations import ConversationPath, ConversationQuery, Reader, Writer, own
from api.open.envelope import Done, done, failures
from api.open.fields import OpenBody, OpenId, OpenRoute
from api.open.message_fields import ChangedSaying, NewSaying, check_parts, saying_of
from api.provided import StoresDep
from engine.errors import NotFound
from storage.ids import read_id
from storage.messages import no_message
from storage.ports.conversations import MOST_MESSAGES

router = APIRouter(tags=["open API"], route_class=OpenRoute)

MessageQuery = Annotated[str, Query(max_length=30, description="The id of a message.")]
MessagePath = Annotated[str, Path(max_length=30, description="The id of a message.")]


class OpenMessagesIn(OpenBody):
    """Which messages."""

    order: Annotated[Literal["asc", "desc"], BeforeValidator(lambda text: str(text or "desc").lower())] = Field(
        "desc", description="`desc`: the newest first."
    )
    chat_id: OpenId = Field("", description="Only those of one run.")
    before_id: OpenId = Field("", description="Those that stand in the list before this one.")
    after_id: OpenId = Field("", description="Those that stand in the list behind this one. Not both.")
    limit: int = Field(50, ge=1, le=MOST_MESSAGES)


class OpenFeedbackIn(OpenBody):
    """What somebody thinks of a message."""

    feedback_type: Literal["like", "unlike"]
    reason_types: Annotated[list[Annotated[str, StringConstraints(max_length=100)]], Field(max_length=20)] = Field(
        [], description="In any words."
    )
    comment: Annotated[str, StringConstraints(max_length=5_000)] = ""


@router.post(
    "/v1/conversation/message/create", response_model=Done, responses=failures(400, 401, 403, 404, 413, 415, 422)
)
async def open_create_message(
    conversation_id: ConversationQuery, body: NewSaying, member: Writer, stores: StoresDep
) -> Response:
    """Say something in a conversation."""
    mine = own(stores, member)
    row = await mine.say(conversation_id, saying_of(body))
    return done(_message(row, (await mine.get(conversation_id)).app_id))


@router.get("/v1/conversation/message/retrieve", response_model=Done, responses=failures(401, 403, 404, 422))
async def open_retrieve_message(
    conversation_id: ConversationQuery, message_id: MessageQuery, member: Reader, stores: StoresDep
) -> Response:
    """One message."""
    mine = own(stores, member)
    row = await mine.message(conversation_id, message_id)
    return done(_message(row, (await mine.get(conversation_id)).app_id))


@router.post(
    "/v1/conversation/message/modify", response_model=Done, responses=failures(400, 401, 403, 404, 413, 415, 422)
)
async def open_modify_message(
    conversation_id: ConversationQuery,
    message_id: MessageQuery,
    body: ChangedSaying,
    member: Writer,
    stores: StoresDep,
) -> Response:
    """Let a message say something else. The answer is under `message`, where the SDK reads it, and under `data`."""
    mine = own(stores, member)
    known = await mine.message(conversation_id, message_id)
    content = known.content if body.content is None else body.content
    check_parts(content, body.content_type or known.content_type)
    row = await mine.change(
        conversation_id, message_id, content=body.content, content_type=body.content_type, meta=body.meta_data
    )
    shown = _message(row, (await mine.get(conversation_id)).app_id)
    return done(shown, message=shown)


@router.post("/v1/conversation/message/delete", response_model=Done, responses=failures(401, 403, 404, 422))
async def open_delete_message(
    conversation_id: ConversationQuery, message_id: MessageQuery, member: Writer, stores: StoresDep
) -> Response:
    """Delete a message, and give what it was."""
    mine = own(stores, member)
    row = await mine.message(conversation_id, message_id)
    shown = _message(row, (await mine.get(conversation_id)).app_id)
    where = str(member.org_id), str(member.space_id), str(row.conversation_id)
    if not await stores.conversations.remove(*where, str(row.id)):
        raise no_message(message_id)
    return done(shown)


@router.post(
    "/v1/conversation/message/list", response_model=Done, responses=failures(400, 401, 403, 404, 413, 415, 422)
)
async def open_list_messages(
    conversation_id: ConversationQuery, member: Reader, stores: StoresDep, body: OpenMessagesIn | None = None
) -> Response:
    """List messages. `first_id`, `last_id` and `has_more` stand beside `data`; one goes on with `after_id`."""
    asked = body or OpenMessagesIn()
    mine = own(stores, member)
    app = (await mine.get(conversation_id)).app_id
    run = read_id(asked.chat_id) if asked.chat_id else None
    if asked.chat_id and not run:
        raise NotFound("There is no such chat.", chat_id=asked.chat_id[:64])
    some = await mine.messages(
        conversation_id,
        oldest=asked.order == "asc",
        run_id=run,
        before=asked.before_id,
        after=asked.after_id,
        limit=asked.limit,
    )
    shown = [_message(row, app) for row in some.rows]
    first, last = (shown[0]["id"], shown[-1]["id"]) if shown else ("", "")
    return done(shown, first_id=first, last_id=last, has_more=some.more)


@router.post(
    "/v1/conversations/{conversation_id}/messages/{message_id}/feedback",
    response_model=Done,
    responses=failures(400, 401, 403, 404, 413, 415, 422),
)
async def open_create_feedback(
    conversation_id: ConversationPath, message_id: MessagePath, body: OpenFeedbackIn, member: Writer, stores: StoresDep
) -> Response:
    """Say what one thinks of a message; it takes the place of what one said of it before."""
    mine = own(stores, member)
    await mine.rate(conversation_id, message_id, body.feedback_type, body.reason_types, body.comment)
    return done({})


@router.delete(
    "/v1/conversations/{conversation_id}/messages/{message_id}/feedback",
    response_model=Done,
    responses=failures(401, 403, 404),
)
async def open_delete_feedback(
    conversation_id: ConversationPath, message_id: MessagePath, member: Writer, stores: StoresDep
) -> Response:
    """Take back what one said of a message."""
    await own(stores, member).unrate(conversation_id, message_id)
    return done({})


def _message(row: Row[*tuple[Any, ...]], app_id: str) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "conversation_id": str(row.conversation_id),
        "bot_id": app_id,
        "chat_id": str(row.run_id) if row.run_id else "",
        "section_id": str(row.section_id),
        "role": row.role,
        "type": "question" if row.role == "user" else "answer",
        "content": row.content,
        "content_type": row.content_type,
        "reasoning_content": "",
        "meta_data": row.meta or {},
        "created_at": row.created // 1000,
        "updated_at": row.updated // 1000,
    }
