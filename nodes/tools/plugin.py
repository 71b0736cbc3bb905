"""Plugin: call a tool that an OpenAPI document describes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from engine.canvas import Node
from engine.diagnostics import Diagnostic
from engine.errors import NotFound
from engine.values import Json
from nodes.reading import read_settings
from nodes.surface import DECLARED, Category, Example, NodeContext, Retry, activity_node
from nodes.tools.plugin_call import PLUGIN_ERROR, SECONDS, ToolCall

_LONGEST_NAME: Final = 200


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    plugin: str = Field(description="The id of a plugin, or its key.", max_length=_LONGEST_NAME)
    tool: str = Field(description="Which of its tools: the operationId of the document.", max_length=_LONGEST_NAME)
    version: str = Field(
        "",
        description="v1.2.3; empty is the newest published one, draft what is being changed.",
        pattern=r"^(draft|v\d{1,6}\.\d{1,6}\.\d{1,6})?$",
    )
    timeout_seconds: float = Field(SECONDS, gt=0, le=600, description="For one attempt, until the answer is there.")


class Inputs(BaseModel):
    model_config = ConfigDict(extra="allow")


def check(node: Node, settings: Settings) -> Iterator[Diagnostic]:
    """A tool is named; whether it is there shows when it is called, as plugins change without their canvases."""
    for field in ("plugin", "tool"):
        if not getattr(settings, field).strip():
            message = f"No {field} is chosen."
            yield Diagnostic(code=f"no_{field}", message=message, node=node.id, field=f"data.settings.{field}")


@activity_node(
    "plugin",
    title="Plugin",
    category=Category.TOOLS,
    timeout=timedelta(minutes=10),
    retry=Retry(attempts=3),
    outputs=DECLARED,
    settings=Settings,
    check=check,
    examples=(
        Example(
            title="A tool of a plugin",
            inputs={"city": "杭州", "days": "2"},
            settings={"plugin": "weather", "tool": "forecast"},
            output={"city": "杭州", "days": 2, "sky": "rain"},
        ),
    ),
)
async def plugin(inputs: Inputs, ctx: NodeContext) -> dict[str, Json]:
    """Call a tool of a plugin: an operation of an HTTP API that an OpenAPI document describes.

    The inputs of the node are the tool's arguments, by their names; they become what the document says they are
    (`"123"` becomes 123), and go where it says: path, query, headers or body. An argument that is absent has its
    default, one that the tool does not know is left out with a warning. The plugin's key is added by the worker alone.

    A status other than 200 to 299 is an error with what the tool says; 429 and 5xx may go away, so the call is tried
    again. As it may arrive twice, one that changes something carries an `Idempotency-Key` that is the same every time.
    The answer must be a JSON object. It is trimmed to what the document declares; a value of another type becomes its
    default or null, with a warning.
    """
    settings = read_settings(Settings, ctx.settings)
    run = ctx.run
    try:
        tool = await ctx.plugins.tool(run.org_id, run.space_id, settings.plugin, settings.tool, settings.version)
    except NotFound as error:
        error.facts.setdefault("number", PLUGIN_ERROR)
        raise
    key = None
    if tool.auth.kind != "none":
        key = await ctx.plugins.key(run.org_id, run.space_id, tool.plugin_id)
    call = ToolCall(tool, key, ctx.http, ctx.idempotency_key, settings.timeout_seconds)
    return await call.make(dict(inputs.model_extra or {}), ctx.warn)
