"""Finding what knowledge bases hold about a question: what was said before, another model's ranking, and honest words.

The retrieve node and the knowledge of an LLM node ask the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.errors import FlowError
from nodes.chat import ChatMessage, ChatOptions, ChatRequest
from nodes.context import NodeContext
from nodes.conversation.history import history
from storage.ports.knowledge import Slice

_MORE: Final = 4
"""How many times as many slices a ranking model is shown as are wanted."""
_MOST_RANKED: Final = 100
_LONGEST_REWRITTEN: Final = 2_000
_REWRITE: Final = (
    "You turn the last message of a conversation into a search query that can be understood without the conversation:"
    " names stand where it says it, he or there. Keep its language. Answer with the query alone."
)


class History(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rounds: int = Field(3, ge=1, le=100, description="How many rounds of the conversation.")


class Recall(BaseModel):
    """Where to look, and how."""

    model_config = ConfigDict(extra="forbid")

    bases: list[str] = Field([], max_length=50, description="The ids of the knowledge bases.")
    search: Literal["semantic", "fulltext", "hybrid"] = Field(
        "hybrid", description="By meaning, by words, or by both. Where there is no index of meanings, words are used."
    )
    top_k: int = Field(3, ge=1, le=100, description="How many slices at most.")
    min_score: float = Field(0.5, ge=0, le=1, description="Leave out slices that fit less well than this.")
    rewrite: bool = Field(
        False, description="Let a model put the question so that it stands for itself; only within a conversation."
    )
    rerank: bool = Field(False, description="Let a ranking model order what was found.")


async def recall(ctx: NodeContext, wish: Recall, query: str, *, rounds: int = 0) -> list[Slice]:
    """The slices, the best first. What could not be done as wished is a warning; a base that is not there an error."""
    if wish.rewrite and rounds:
        query = await _rewritten(ctx, query, await history(ctx, rounds))
    if wish.search not in ctx.knowledge.searches:
        ctx.warn(f"There is no index for {wish.search} search yet: the knowledge was searched by its words.")
    wanted = min(wish.top_k * _MORE, _MOST_RANKED) if wish.rerank else wish.top_k
    found = await ctx.knowledge.retrieve(
        ctx.run.org_id,
        ctx.run.space_id,
        wish.bases,
        query,
        search=wish.search,
        top_k=max(wanted, wish.top_k),
        min_score=wish.min_score,
    )
    if wish.rerank and found:
        found = await _ranked(ctx, query, found, wish.top_k)
    return found[: wish.top_k]


async def _rewritten(ctx: NodeContext, query: str, said: Sequence[ChatMessage]) -> str:
    """The query as it would be without what was said before; as it is where nothing was, or no model helps."""
    if not said:
        return query
    told = "\n".join(f"{message.role}: {message.text}" for message in said)
    request = ChatRequest(
        messages=(
            ChatMessage(role="system", content=_REWRITE),
            ChatMessage(role="user", content=f"{told}\nuser: {query}"),
        ),
        options=ChatOptions(temperature=0, max_tokens=500),
    )
    text = ""
    try:
        model = await ctx.models.chat("default")
        async for delta in model.stream(request):
            text += delta.text
            ctx.spend(**delta.usage)
    except FlowError as error:
        ctx.warn(f"The question was not rewritten: {error.message}")
        return query
    return text.strip()[:_LONGEST_REWRITTEN] or query


async def _ranked(ctx: NodeContext, query: str, found: list[Slice], top: int) -> list[Slice]:
    try:
        model = await ctx.models.reranker("default")
        ranked = await model.rerank(query, [one.text for one in found], top=top)
    except FlowError as error:
        ctx.warn(f"What was found was not ranked by a model: {error.message}")
        return found
    return [found[one.index] for one in ranked]
