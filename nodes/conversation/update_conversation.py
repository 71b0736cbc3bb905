"""Update Conversation: give a conversation another name."""

from datetime import timedelta

from pydantic import BaseModel, Field

from engine.errors import InvalidInput
from nodes.conversation.place import party_with_app, refuse_template
from nodes.surface import Category, Example, NodeContext, Retry, activity_node


class Inputs(BaseModel):
    conversationName: str = Field("", description="What the conversation is called now.")
    newConversationName: str = Field("", description="What it is to be called.")


class Output(BaseModel):
    conversationId: str = Field(description="Its id; `0` when there is none of that name.")
    isSuccess: bool
    isExisted: bool = Field(description="Whether another conversation has the new name; then the id is its.")


@activity_node(
    "update_conversation",
    title="Update Conversation",
    category=Category.CONVERSATION,
    timeout=timedelta(seconds=30),
    retry=Retry(attempts=3),
    zero_inputs=True,
    examples=(
        Example(
            title="There is none of that name",
            inputs={"conversationName": "售后", "newConversationName": "退货"},
            output={"conversationId": "0", "isSuccess": False, "isExisted": False},
        ),
    ),
)
async def update_conversation(inputs: Inputs, ctx: NodeContext) -> Output:
    """Rename a conversation that a run made. Those that the application itself names keep their names."""
    party = party_with_app(ctx)
    await refuse_template(ctx, party, inputs.conversationName)
    if not inputs.newConversationName.strip():
        raise InvalidInput("The conversation needs a name.", field="newConversationName")
    done = await ctx.conversations.rename(
        party, inputs.conversationName, inputs.newConversationName, key=ctx.idempotency_key
    )
    return Output(
        conversationId=done.conversation_id,
        isSuccess=done.outcome == "renamed",
        isExisted=done.outcome == "taken",
    )
