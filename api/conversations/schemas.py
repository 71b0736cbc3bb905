"""What routes about conversations take and give."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, Field, StringConstraints

from api.parameters import Body, Id, Millis, Word

ConversationId = Annotated[str, Path(max_length=30, description="The id of a conversation.")]
MessageId = Annotated[str, Path(max_length=30, description="The id of a message.")]
ShortWord = Annotated[str, StringConstraints(max_length=64)]
Content = Annotated[str, StringConstraints(max_length=1_000_000)]
ContentKind = Literal["text", "object_string"]

USER = Field(None, min_length=1, description="The end user, in any words; without, the token itself.")


class NewConversation(Body):
    """A conversation to be."""

    name: Word = Field("", description="A user of an application has one of each name; many may have none.")
    app_id: Word = Field("", description="The application, in any words.")
    user_id: Word | None = USER
    channel: ShortWord = Field("", description="The channel through which the user comes, in any words.")
    draft: bool = Field(False, description="For test runs of drafts.")
    get_or_create: bool = Field(False, description="Give the conversation of that name, if there is one.")


class ConversationName(Body):
    """Another name."""

    name: Annotated[Word, Field(min_length=1)]


class ConversationOut(BaseModel):
    """A conversation."""

    id: Id
    name: str
    kind: Literal["static", "dynamic"] = Field(
        description="`static`: its application names it, for every user. `dynamic`: whoever made it did."
    )
    app_id: str
    user_id: str
    channel: str
    draft: bool
    section_id: Id = Field(description="The current section: models see nothing of what was said in an earlier one.")
    created: Millis
    updated: Millis


class ConversationPage(BaseModel):
    """Some conversations, the newest first."""

    items: list[ConversationOut]
    next_cursor: str | None


class NewMessage(Body):
    """Something to be said."""

    role: Literal["user", "assistant"] = Field(description="A user opens a round, an assistant answers in it.")
    content: Content
    content_type: ContentKind = Field(
        "text",
        description="`object_string`: the content is JSON, a list of parts with `type` and `text` or `file_url`.",
    )


class ChangedMessage(Body):
    """What a message says instead."""

    content: Content
    content_type: ContentKind = "text"


class MessageOut(BaseModel):
    """What one side said."""

    id: Id
    conversation_id: Id
    section_id: Id
    round_id: Id = Field(description="The same for a user's message and what was answered to it.")
    run_id: str | None = Field(description="The run that it belongs to, if any.")
    role: Literal["user", "assistant"]
    content_type: ContentKind
    content: str
    created: Millis
    updated: Millis


class MessagesOut(BaseModel):
    """Some messages, the newest first."""

    items: list[MessageOut]
    has_more: bool = Field(description="Whether there are more in the direction that was asked for.")


class TemplateIn(Body):
    """A conversation that every user of an application has."""

    app_id: Annotated[Word, Field(min_length=1)]
    name: Annotated[Word, Field(min_length=1)]


class TemplatesOut(BaseModel):
    """The names of an application's own conversations, in the order in which they were given."""

    app_id: str
    names: list[str]
