"""Create Message: put a message into a conversation."""

from datetime import timedelta
from typing import Final

from pydantic import BaseModel, Field

from engine.errors import NodeFailed
from nodes.conversation.place import DEFAULT, MESSAGE_FAILED, conversation_for_messages
from nodes.surface import Category, Example, NodeContext, Retry, activity_node
from storage.ports.conversations import Role

_ROLES: Final[dict[str, Role]] = {"user": "user", "assistant": "assistant"}


class Inputs(BaseModel):
    conversationName: str = Field(
        "", description=f"The name of the conversation; without an application `{DEFAULT}`, that of the run."
    )
    role: str = Field("", description="Who says it: `user` or `assistant`.")
    content: str = Field("", description="What is said.")


class Created(BaseModel):
    messageId: str = Field(description="Its id; `0` when there is no such conversation.")
    role: str
    contentType: str = "text"
    content: str


class Output(BaseModel):
    isSuccess: bool
    message: Created


@activity_node(
    "create_message",
    title="Create Message",
    category=Category.CONVERSATION,
    timeout=timedelta(seconds=30),
    retry=Retry(attempts=3),
    zero_inputs=True,
    examples=(
        Example(
            title="A run outside of any conversation",
            inputs={"conversationName": "Default", "role": "user", "content": "你好"},
            output={
                "isSuccess": False,
                "message": {"messageId": "0", "role": "user", "contentType": "text", "content": "你好"},
            },
        ),
    ),
)
async def create_message(inputs: Inputs, ctx: NodeContext) -> Output:
    """Say something in a conversation: the user opens a new round, the assistant answers in the current one.

    A node that runs twice says it once.
    """
    role = _ROLES.get(inputs.role)
    if role is None:
        raise NodeFailed(f'The role is user or assistant, not "{inputs.role[:40]}".', number=MESSAGE_FAILED)
    conversation = await conversation_for_messages(ctx, inputs.conversationName)
    if conversation is None:
        return Output(isSuccess=False, message=Created(messageId="0", role=role, content=inputs.content))
    run = ctx.run
    made = await ctx.conversations.add(
        run.org_id,
        run.space_id,
        conversation.id,
        role,
        inputs.content,
        run_id=run.run_id,
        key=ctx.idempotency_key,
    )
    return Output(isSuccess=True, message=Created(messageId=made.id, role=made.role, content=made.content))
