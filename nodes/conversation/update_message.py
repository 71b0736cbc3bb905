"""Update Message: change what was said."""

from datetime import timedelta

from pydantic import BaseModel, Field

from engine.errors import NodeFailed, NotFound
from nodes.conversation.place import DEFAULT, MESSAGE_FAILED, conversation_for_messages
from nodes.surface import Category, Example, NodeContext, Retry, activity_node


class Inputs(BaseModel):
    conversationName: str = Field(
        "", description=f"The name of the conversation; without an application `{DEFAULT}`, that of the run."
    )
    messageId: str = Field("", description="Which message.")
    newContent: str = Field("", description="What it says from now on.")


class Output(BaseModel):
    isSuccess: bool = Field(description="Whether there is such a conversation.")


@activity_node(
    "update_message",
    title="Update Message",
    category=Category.CONVERSATION,
    timeout=timedelta(seconds=30),
    retry=Retry(attempts=3),
    zero_inputs=True,
    examples=(
        Example(
            title="A run outside of any conversation",
            inputs={"conversationName": "Default", "messageId": "214748364800001", "newContent": "你好"},
            output={"isSuccess": False},
        ),
    ),
)
async def update_message(inputs: Inputs, ctx: NodeContext) -> Output:
    """Change the content of a message. It fails when the conversation has no such message."""
    conversation = await conversation_for_messages(ctx, inputs.conversationName)
    if conversation is None:
        return Output(isSuccess=False)
    try:
        await ctx.conversations.edit(
            ctx.run.org_id, ctx.run.space_id, conversation.id, inputs.messageId, inputs.newContent
        )
    except NotFound as error:
        raise NodeFailed(error.message, number=MESSAGE_FAILED) from error
    return Output(isSuccess=True)
