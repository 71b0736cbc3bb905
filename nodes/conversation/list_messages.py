"""List Messages: a page of what was said in a conversation."""

from datetime import timedelta

from pydantic import BaseModel, Field

from engine.errors import InvalidInput, NodeFailed, NotFound
from nodes.conversation.parts import flat_text
from nodes.conversation.place import DEFAULT, MESSAGE_FAILED, conversation_for_messages
from nodes.surface import Category, Example, NodeContext, Retry, activity_node
from storage.ports.conversations import MOST_MESSAGES


class Inputs(BaseModel):
    conversationName: str = Field(
        "", description=f"The name of the conversation; without an application `{DEFAULT}`, that of the run."
    )
    limit: int = Field(0, description=f"How many: 1 to {MOST_MESSAGES}; {MOST_MESSAGES} where it is anything else.")
    beforeId: str = Field("", description="Only messages older than this one.")
    afterId: str = Field("", description="Only messages newer than this one. Not both.")


class Listed(BaseModel):
    messageId: str
    role: str
    contentType: str
    content: str


class Output(BaseModel):
    messageList: list[Listed] = Field(description="The newest first.")
    firstId: str = Field(description="The id of the first in the list, or `0`.")
    lastId: str = Field(description="The id of the last in the list, or `0`.")
    hasMore: bool


@activity_node(
    "list_messages",
    title="List Messages",
    category=Category.CONVERSATION,
    tier="local",
    timeout=timedelta(seconds=30),
    retry=Retry(attempts=3),
    zero_inputs=True,
    examples=(
        Example(
            title="A run outside of any conversation",
            inputs={"conversationName": "Default", "limit": 20},
            output={"messageList": [], "firstId": "0", "lastId": "0", "hasMore": False},
        ),
    ),
)
async def list_messages(inputs: Inputs, ctx: NodeContext) -> Output:
    """List the messages of a conversation, the newest first, a page at a time.

    A message of several parts is listed as one text: its texts, then the URLs of its files.
    """
    if inputs.beforeId and inputs.afterId:
        raise NodeFailed("Give beforeId or afterId, not both.", number=MESSAGE_FAILED)
    conversation = await conversation_for_messages(ctx, inputs.conversationName)
    if conversation is None:
        return Output(messageList=[], firstId="0", lastId="0", hasMore=False)
    try:
        page = await ctx.conversations.messages(
            ctx.run.org_id,
            ctx.run.space_id,
            conversation.id,
            before=inputs.beforeId,
            after=inputs.afterId,
            limit=inputs.limit if 1 <= inputs.limit <= MOST_MESSAGES else MOST_MESSAGES,
        )
    except (NotFound, InvalidInput) as error:
        raise NodeFailed(error.message, number=MESSAGE_FAILED) from error
    listed = [
        Listed(
            messageId=one.id,
            role=one.role,
            contentType=one.content_type,
            content=flat_text(one.content, one.content_type),
        )
        for one in page.messages
    ]
    return Output(
        messageList=listed,
        firstId=listed[0].messageId if listed else "0",
        lastId=listed[-1].messageId if listed else "0",
        hasMore=page.has_more,
    )
