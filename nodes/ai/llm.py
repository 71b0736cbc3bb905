"""LLM: ask a model, and hand on what it writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from engine.canvas import Literally, Node
from engine.converse import MOST_CALLS
from engine.diagnostics import Diagnostic
from engine.errors import InvalidInput, NodeFailed
from engine.node_type import Lowering
from engine.plan import Action, Call, Converse, Subflow, Tool
from engine.schema import properties_of
from engine.tools import TOOLS
from engine.values import Json
from nodes.ai.chain import MOST, Chain, tries
from nodes.ai.hearing import Heard, hear
from nodes.ai.llm_settings import FallbackOptions, PluginTool, Settings, WorkflowTool, called_workflows
from nodes.ai.media import SETTING, holds_media
from nodes.ai.prompt import answer_of_a_tool, messages, passages
from nodes.ai.reply import (
    MARKDOWN,
    NO_JSON,
    REASONING,
    json_instruction,
    read_object,
    reply_schema,
    required_of,
    text_output,
)
from nodes.ai.tools import Toolbox, toolbox
from nodes.chat import ChatOptions, ChatRequest, ModelFailed, ModelUnavailable
from nodes.reading import read_settings
from nodes.surface import Category, Example, NodeContext, activity_node, settings_of

SHOWN_REPLY = 300
PLUGIN_CALL = Call(activity="plugin", tier="activity", timeout_ms=600_000, attempts=3)
"""A plugin's tool is called as the node of that type calls it."""


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


def check(node: Node, settings: Settings) -> Iterator[Diagnostic]:
    asked = node.data.inputs.get("response_format", Literally(value="text"))
    if isinstance(asked, Literally) and asked.value in ("text", "markdown") and streamed(node) is None:
        yield Diagnostic(
            code="not_one_text",
            message=f"With the response_format {asked.value} the node has one output, a text, and perhaps"
            f" {REASONING}; for more, choose json.",
            node=node.id,
            field="data.outputs",
        )


def becomes(lowering: Lowering, call: Call) -> Action:
    """The call as it is; with tools, the conversation whose turns are this call."""
    settings = settings_of(lowering, Settings)
    given = {name: value for name, value in call.settings.items() if name not in ("max_rounds", "tools")}
    media: dict[str, JsonValue] = {
        name: schema for name, schema in lowering.node.data.types.items() if holds_media(schema)
    }
    if media:
        given[SETTING] = media
    if settings.tools:
        given[TOOLS] = [_shown(tool) for tool in settings.tools]
    turn = call.model_copy(update={"settings": given})
    if not settings.tools:
        return turn
    return Converse(turn=turn, tools=tuple(map(_tool, settings.tools)), max_rounds=settings.max_rounds)


def _shown(tool: WorkflowTool | PluginTool) -> JsonValue:
    """What a turn must know of a tool: nothing of the arguments that are fixed but their names."""
    whole = tool.model_dump(mode="json", exclude={"fixed"})
    return {**whole, "hidden": [*tool.unseen]}


def _tool(tool: WorkflowTool | PluginTool) -> Tool:
    action: Call | Subflow
    if isinstance(tool, WorkflowTool):
        action = Subflow(plan_hash="", workflow_id=tool.workflow, version=tool.version, tier="child")
    else:
        chosen: dict[str, JsonValue] = {"plugin": tool.plugin, "tool": tool.tool, "version": tool.version}
        action = PLUGIN_CALL.model_copy(update={"settings": chosen})
    return Tool(action=action, title=tool.name, fixed=tool.fixed, hidden=tool.unseen)


@activity_node(
    "llm",
    title="LLM",
    category=Category.AI,
    timeout=timedelta(minutes=10),
    retry=tries,
    streams=streamed,
    thinks=REASONING,
    outputs=Output,
    settings=Settings,
    check=check,
    becomes=becomes,
    calls=called_workflows,
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
    in the declared outputs; a code fence around its JSON is forgiven, and values are converted to the declared types. A
    reply that is no JSON leaves the outputs empty, with a warning and the reply in `raw_output`; one that lacks a
    required output makes the node fail. Where a single text is declared, every format gives that text.

    An input whose declared type is a picture, a sound or a film is shown to the model where a prompt names it, if the
    model takes such; otherwise its URL stands there.

    With `tools` the model may run workflows and call plugins before it answers, several at a time. What they give is
    told to it, and so is what goes wrong with them; a workflow that ends with an answer answers in the model's place.
    Every call is a step of its own in the record and is never made twice, and a workflow may ask people. With
    `knowledge` the passages found for the filled-in prompt stand before it; with `history` the model is told what was
    said before, where the run is a turn of a conversation.
    """
    schema = ctx.output_schema
    field = "output" if schema is None else text_output(schema)
    if field is None and inputs.response_format != "json":
        raise InvalidInput(
            f"With the response_format {inputs.response_format} the declared outputs must be one text.",
            field="response_format",
        )
    if (answered := answer_of_a_tool(ctx.turns)) is not None:
        heard = Heard(answered)
        if field is not None:
            await ctx.emit(answered)
    else:
        tools = await toolbox(ctx)
        found = await passages(ctx, inputs.prompt)
        heard = await _ask(inputs, ctx, tools, found, streams=field is not None)
        if (many := len(heard.calls)) > MOST_CALLS:
            # The model is not told of the others: it calls them in its next turn if it still wants to.
            ctx.warn(f"The model calls {many} tools at once; the first {MOST_CALLS} of them are called.")
            heard = replace(heard, calls=heard.calls[:MOST_CALLS])
        if heard.calls and tools.specs:
            ctx.call_tools(heard.said(found), tools.uses(heard.calls), told=heard.told)
            return {}
    return _output(heard, ctx, field)


def _output(heard: Heard, ctx: NodeContext, field: str | None) -> dict[str, Json]:
    """The text, or the values in it."""
    text = heard.text
    schema = ctx.output_schema
    declared = schema is None or REASONING in properties_of(dict(schema))
    thoughts: dict[str, Json] = {REASONING: heard.reasoning or None} if declared or heard.reasoning else {}
    if field is not None:
        return {field: text, **thoughts}
    values = read_object(text)
    if values is None:
        ctx.warn(f"The model's reply is not JSON, so the outputs are empty. It begins: {text[:SHOWN_REPLY]}")
        return {"raw_output": text, **thoughts}
    if missing := [name for name in required_of(ctx.output_schema) if name not in values]:
        raise NodeFailed(
            f"The model's reply lacks the required output {missing[0]}.",
            missing=[*missing],
            reply=text[:SHOWN_REPLY],
            number=NO_JSON,
        )
    return {**values, **thoughts}


async def _ask(inputs: Inputs, ctx: NodeContext, tools: Toolbox, found: str, *, streams: bool) -> Heard:
    """Ask the model whose turn it is."""
    chain = Chain(inputs.model, inputs.fallback_models, ctx)
    try:
        request = await _request(inputs, ctx, chain, tools, found, streams=streams)
        heard = await hear(chain.name, request, ctx, streams=streams)
    except (ModelFailed, ModelUnavailable) as error:
        raise chain.failed(error) from error
    chain.answered()
    return heard


async def _request(
    inputs: Inputs, ctx: NodeContext, chain: Chain, tools: Toolbox, found: str, *, streams: bool
) -> ChatRequest:
    prompt, schema = inputs.prompt, None
    if not streams:
        schema = reply_schema(ctx.output_schema)
        prompt = f"{prompt}\n\n{json_instruction(schema)}"
    elif inputs.response_format == "markdown":
        prompt = f"{prompt}\n\n{MARKDOWN}"
    told = await messages(
        ctx,
        system=inputs.system_prompt,
        prompt=f"{found}\n\n{prompt}" if found else prompt,
        values=dict(inputs.model_extra or {}),
        pictures=inputs.images,
        takes=await ctx.models.takes(chain.name) if SETTING in ctx.settings else frozenset(),
        tools=tools,
    )
    return ChatRequest(
        messages=told,
        options=_options(inputs, ctx, chain.place),
        tools=tools.specs,
        json_schema=schema,
    )


def _options(inputs: Inputs, ctx: NodeContext, place: int) -> ChatOptions:
    """The wishes; a fallback model may have some of its own."""
    wishes = ChatOptions(
        temperature=inputs.temperature, top_p=inputs.top_p, max_tokens=inputs.max_tokens, thinking=inputs.thinking
    )
    given = ctx.settings.get("fallback_options")
    said = given[place - 1] if isinstance(given, list) and 0 < place <= len(given) else None
    if not isinstance(said, dict):
        return wishes
    own = read_settings(FallbackOptions, said)
    return replace(
        wishes,
        temperature=wishes.temperature if own.temperature is None else own.temperature,
        top_p=wishes.top_p if own.top_p is None else own.top_p,
        max_tokens=wishes.max_tokens if own.max_tokens is None else own.max_tokens,
    )
