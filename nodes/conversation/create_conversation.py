"""Create Conversation: get the conversation of a name, or make it."""

from datetime import timedelta

from pydantic import BaseModel, Field

from engine.errors import InvalidInput
from nodes.conversation.place import party_with_app
from nodes.surface import Category, Example, NodeContext, Retry, activity_node


class Inputs(BaseModel):
    conversationName: str = Field("", description="The name of the conversation.")


class Output(BaseModel):
    isSuccess: bool = True
    conversationId: int = Field(description="Its id.")
    isExisted: bool = Field(description="Whether it was there before.")


@activity_node(
    "create_conversation",
    title="Create Conversation",
    category=Category.CONVERSATION,
    timeout=timedelta(seconds=30),
    retry=Retry(attempts=3),
    zero_inputs=True,
    examples=(
        Example(
            inputs={"conversationName": "售后"},
            output={"isSuccess": True, "conversationId": 214748364800001, "isExisted": False},
        ),
    ),
)
async def create_conversation(inputs: Inputs, ctx: NodeContext) -> Output:
    """Get the application's conversation of this name with the user of the run, or make it.

    A name that the application itself gives to a conversation means that one.
    """
    name = inputs.conversationName
    if not name.strip():
        raise InvalidInput("The conversation needs a name.", field="conversationName")
    opened = await ctx.conversations.open(party_with_app(ctx), name, key=ctx.idempotency_key)
    return Output(conversationId=int(opened.conversation.id), isExisted=opened.existed)
