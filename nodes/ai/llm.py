"""LLM: ask a model, and hand on what it writes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.canvas import Literally, Node
from engine.diagnostics import Diagnostic
from engine.errors import InvalidInput, NodeFailed
from engine.values import Json
from nodes.ai.chain import MOST, Chain, tries
from nodes.ai.reply import (
    MARKDOWN,
    REASONING,
    json_instruction,
    read_object,
    reply_schema,
    required_of,
    text_output,
)
from nodes.chat import (
    ChatMessage,
    ChatOptions,
    ChatRequest,
    MediaPart,
    ModelFailed,
    ModelUnavailable,
    Part,
    TextPart,
)
from nodes.surface import Category, Example, NodeContext, activity_node

SHOWN_REPLY = 300


class Inputs(BaseModel):
    model_config = ConfigDict(extra="allow")

    model: str = Field("default", description="The model's name.")
    fallback_models: list[str] = Field(
        [], max_length=MOST, description="Who is asked in its place, in turn, where a model cannot answer."
    )
    prompt: str = Field("", description="What to ask: a template that may name further inputs of this node.")
    system_prompt: str = Field("", description="Who the model is to be, and what holds for every answer.")
    temperature: float | None = Field(
        None, ge=0, le=2, description="How much chance there is; without it the model's own."
    )
    top_p: float | None = Field(
        None, gt=0, le=1, description="How much of the likely is considered; without it the model's own."
    )
    max_tokens: int | None = Field(None, ge=1, description="How long the answer may be; without it the model's own.")
    thinking: Literal["auto", "enabled", "disabled"] | None = Field(
        None, description="Whether it thinks before it answers, where a model can; without it the model's own."
    )
    images: list[str] = Field([], description="Pictures to look at: their URLs, or data URLs.")
    response_format: Literal["text", "markdown", "json"] = Field(
        "text", description="json fills in the declared outputs."
    )


class Output(BaseModel):
    output: str = Field(description="What the model wrote.")
    reasoning_content: str | None = Field(None, description="What it thought before, if it tells.")


def streamed(node: Node) -> str | None:
    """The output that streams: the text, if the declared outputs are one text. Values are known when all is there."""
    return "output" if node.data.outputs is None else text_output(node.data.outputs)


def check(node: Node, settings: None) -> Iterator[Diagnostic]:
    asked = node.data.inputs.get("response_format", Literally(value="text"))
    if isinstance(asked, Literally) and asked.value in ("text", "markdown") and streamed(node) is None:
        yield Diagnostic(
            code="not_one_text",
            message=f"With the response_format {asked.value} the node has one output, a text, and perhaps"
            f" {REASONING}; for more, choose json.",
            node=node.id,
            field="data.outputs",
        )


@activity_node(
    "llm",
    title="LLM",
    category=Category.AI,
    timeout=timedelta(minutes=10),
    retry=tries,
    streams=streamed,
    outputs=Output,
    check=check,
    examples=(
        Example(
            title="A text",
            inputs={"model": "scripted", "prompt": "say: Rivers flow down."},
            output={"output": "[scripted reply, no model] Rivers flow down.", "reasoning_content": None},
        ),
        Example(
            title="A template with an input of its own",
            inputs={"model": "scripted", "prompt": "say: 你好, Ada", "name": "Ada", "temperature": 0.2},
            output={"output": "[scripted reply, no model] 你好, Ada", "reasoning_content": None},
        ),
    ),
)
async def llm(inputs: Inputs, ctx: NodeContext) -> dict[str, Json]:
    """Ask a language model. Its text streams to whoever follows the run, and into the messages that name it.

    Further inputs are yours: `{{name}}` in the prompts stands for them. With the response format `json` the model fills
    in the declared outputs; a code fence or words around its JSON are forgiven, and values are converted to the
    declared types. A reply that is no JSON leaves the outputs empty, with a warning and the reply in `raw_output`; one
    that lacks a required output makes the node fail. Where a single text is declared, every format gives that text.
    """
    schema = ctx.output_schema
    field = "output" if schema is None else text_output(schema)
    if field is None and inputs.response_format != "json":
        raise InvalidInput(
            f"With the response_format {inputs.response_format} the declared outputs must be one text.",
            field="response_format",
        )
    text, reasoning = await _ask(inputs, ctx, streams=field is not None)
    thoughts: dict[str, Json] = {REASONING: reasoning or None}
    if field is not None:
        return {field: text, **thoughts}
    values = read_object(text)
    if values is None:
        ctx.warn(f"The model's reply is not JSON, so the outputs are empty. It begins: {text[:SHOWN_REPLY]}")
        return {"raw_output": text, **thoughts}
    if missing := [name for name in required_of(schema) if name not in values]:
        raise NodeFailed(
            f"The model's reply lacks the required output {missing[0]}.", missing=[*missing], reply=text[:SHOWN_REPLY]
        )
    return {**values, **thoughts}


async def _ask(inputs: Inputs, ctx: NodeContext, *, streams: bool) -> tuple[str, str]:
    """Ask the model whose turn it is; the answer and the reasoning."""
    chain = Chain(inputs.model, inputs.fallback_models, ctx)
    try:
        answer = await _heard(chain.name, _request(inputs, ctx, streams=streams), ctx, streams=streams)
    except (ModelFailed, ModelUnavailable) as error:
        raise chain.failed(error) from error
    chain.answered()
    return answer


def _request(inputs: Inputs, ctx: NodeContext, *, streams: bool) -> ChatRequest:
    prompt, schema = inputs.prompt, None
    if not streams:
        schema = reply_schema(ctx.output_schema)
        prompt = f"{prompt}\n\n{json_instruction(schema)}"
    elif inputs.response_format == "markdown":
        prompt = f"{prompt}\n\n{MARKDOWN}"
    content: str | tuple[Part, ...] = prompt
    if inputs.images:
        content = (TextPart(prompt), *(_picture(url) for url in inputs.images))
    system = (ChatMessage("system", inputs.system_prompt),) if inputs.system_prompt else ()
    return ChatRequest(
        messages=(*system, ChatMessage("user", content)),
        options=ChatOptions(
            temperature=inputs.temperature,
            top_p=inputs.top_p,
            max_tokens=inputs.max_tokens,
            thinking=inputs.thinking,
        ),
        json_schema=schema,
    )


def _picture(url: str) -> MediaPart:
    if not url.lower().startswith(("https://", "http://", "data:")):
        raise InvalidInput(f"A picture is given by its URL, or as a data URL; {url[:80]!r} is neither.", field="images")
    return MediaPart("image", url=url)


async def _heard(name: str, request: ChatRequest, ctx: NodeContext, *, streams: bool) -> tuple[str, str]:
    """Ask once, and tell the pieces as they come."""
    model = await ctx.models.chat(name)
    deltas = model.stream(request)
    text: list[str] = []
    reasoning: list[str] = []
    try:
        async for delta in deltas:
            reasoning.append(delta.reasoning)
            if delta.text:
                text.append(delta.text)
                if streams:
                    await ctx.emit(delta.text)
            if delta.usage:
                ctx.spend(**delta.usage)
            if delta.finish_reason == "length":
                ctx.warn("The answer broke off at the greatest length allowed.")
            elif delta.finish_reason == "content_filter":
                ctx.warn("The model's provider withheld the answer, or the rest of it.")
    finally:
        if isinstance(deltas, AsyncGenerator):
            await deltas.aclose()
    return "".join(text), "".join(reasoning)
