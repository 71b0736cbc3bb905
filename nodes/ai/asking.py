"""Asking a model for an answer that nobody sees as it comes: the text as a whole, counted in the step's record."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from pydantic import BaseModel, ConfigDict, Field

from nodes.ai.chain import MOST, Chain
from nodes.chat import ChatOptions, ChatRequest, ModelFailed, ModelUnavailable
from nodes.context import NodeContext


class ModelInputs(BaseModel):
    """Which model is asked, and how: inputs that nodes which ask in passing have in common."""

    model_config = ConfigDict(extra="allow")

    model: str = Field("default", description="The model's name.")
    fallback_models: list[str] = Field(
        [], max_length=MOST, description="Who is asked in its place, in turn, where a model cannot answer."
    )
    temperature: float | None = Field(
        None, ge=0, le=2, description="How much chance there is; without it the model's own."
    )
    top_p: float | None = Field(
        None, gt=0, le=1, description="How much of the likely is considered; without it the model's own."
    )
    max_tokens: int | None = Field(None, ge=1, description="How long the answer may be; without it the model's own.")

    @property
    def options_of_model(self) -> ChatOptions:
        """The wishes among them."""
        return ChatOptions(temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens)


async def ask_model(inputs: ModelInputs, request: ChatRequest, ctx: NodeContext) -> str:
    """Ask the model whose turn it is at this attempt. Raises `ModelFailed` and `ModelUnavailable`."""
    chain = Chain(inputs.model, inputs.fallback_models, ctx)
    try:
        text = await _heard(chain.name, request, ctx)
    except (ModelFailed, ModelUnavailable) as error:
        raise chain.failed(error) from error
    chain.answered()
    return text


async def _heard(name: str, request: ChatRequest, ctx: NodeContext) -> str:
    model = await ctx.models.chat(name)
    deltas = model.stream(request)
    text: list[str] = []
    try:
        async for delta in deltas:
            text.append(delta.text)
            if delta.usage:
                ctx.spend(**delta.usage)
            if delta.finish_reason == "length":
                ctx.warn("The model's answer broke off at the greatest length allowed.")
            elif delta.finish_reason == "content_filter":
                ctx.warn("The model's provider withheld the answer, or the rest of it.")
    finally:
        if isinstance(deltas, AsyncGenerator):
            await deltas.aclose()
    return "".join(text)
