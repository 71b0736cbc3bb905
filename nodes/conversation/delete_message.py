"""Delete Message: take a message out of a conversation."""

from datetime import timedelta

from pydantic import BaseModel, Field

from nodes.conversation.place import DEFAULT, conversation_for_messages
from nodes.surface import Category, Example, NodeContext, Retry, activity_node


class Inputs(BaseModel):
    conversationName: str = Field(
        "", description=f"The name of the conversation; without an application `{DEFAULT}`, that of the run."
    )
    messageId: str = Field("", description="Which message.")


class Output(BaseModel):
    isSuccess: bool = Field(description="Whether there was such a message.")


@activity_node(
    "delete_message",
    title="Delete Message",
    category=Category.CONVERSATION,
    timeout=timedelta(seconds=30),
    retry=Retry(attempts=3),
    zero_inputs=True,
    examples=(
        Example(
            title="A run outside of any conversation",
            inputs={"conversationName": "Default", "messageId": "214748364800001"},
            output={"isSuccess": False},
        ),
    ),
)
async def delete_message(inputs: Inputs, ctx: NodeContext) -> Output:
    """Delete a message of a conversation."""
    conversation = await conversation_for_messages(ctx, inputs.conversationName)
    if conversation is None:
        return Output(isSuccess=False)
    gone = await ctx.conversations.remove(
        ctx.run.org_id, ctx.run.space_id, conversation.id, inputs.messageId, key=ctx.idempotency_key
    )
    return Output(isSuccess=gone)
