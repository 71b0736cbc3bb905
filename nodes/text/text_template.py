"""Template: a text made with Jinja2, where placeholders alone do not do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from engine.canvas import Node
from engine.diagnostics import Diagnostic
from engine.errors import NodeFailed
from nodes.reading import read_settings
from nodes.sandbox import TemplateTask
from nodes.surface import Category, Example, NodeContext, Retry, activity_node

TEMPLATE_BYTES: Final = 20 * 1024

_LIST: Final = """\
{% for item in items -%}
{{ loop.index }}. {{ item.name }}{% if item.price is defined %}: {{ "%.2f" % item.price }} €{% endif %}
{% else -%}
Nothing was ordered.
{% endfor %}"""


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    template: str = Field(description="The template, in Jinja2: `{{ name }}`, `{% for … %}`, `{% if … %}`, filters.")
    escape: bool = Field(False, description="Whether values are escaped for HTML.")


class Inputs(BaseModel):
    model_config = ConfigDict(extra="allow")


class Output(BaseModel):
    output: str = Field(description="The whole text.")


def check(node: Node, settings: Settings) -> Iterator[Diagnostic]:
    """What can be said of the template without reading it: that is done in the jail alone."""
    field = "data.settings.template"
    if not settings.template:
        yield Diagnostic(code="no_template", message="There is no template.", node=node.id, field=field)
    elif len(settings.template.encode(errors="replace")) > TEMPLATE_BYTES:
        message = f"The template is longer than {TEMPLATE_BYTES // 1024} KiB."
        yield Diagnostic(code="template_too_long", message=message, node=node.id, field=field)


@activity_node(
    "text_template",
    title="Template",
    category=Category.TEXT,
    timeout=timedelta(minutes=1),
    retry=Retry(attempts=3, backoff=timedelta(seconds=1)),
    settings=Settings,
    check=check,
    examples=(
        Example(
            title="A list, and what to say when it is empty",
            inputs={"items": [{"name": "龙井茶", "price": 12.5}, {"name": "lamp"}]},
            settings={"template": _LIST},
            output={"output": "1. 龙井茶: 12.50 €\n2. lamp\n"},
        ),
        Example(
            title="HTML",
            inputs={"name": "<Ada & 李雷>"},
            settings={"template": "<p>{{ name }}</p>", "escape": True},
            output={"output": "<p>&lt;Ada &amp; 李雷&gt;</p>"},
        ),
    ),
)
async def text_template(inputs: Inputs, ctx: NodeContext) -> Output:
    """Make a text with a Jinja2 template: loops, conditions, filters.

    The inputs of the node are the values; what is inside them is never read as a template. Null shows as nothing,
    objects, lists and booleans as JSON. A name that is not there makes the node fail, with the line of the template;
    `{{ name | default("…") }}` stands in for it. Other templates cannot be included. A template has at most 20 KiB, and
    makes a text of at most 1 MB.
    """
    settings = read_settings(Settings, ctx.settings)
    values: dict[str, Any] = dict(inputs.model_extra or {})
    done = await ctx.sandbox.run(ctx.run.org_id, TemplateTask(settings.template, values, settings.escape))
    if not isinstance(done.value, str):
        raise NodeFailed("The template gave no text.")
    return Output(output=done.value)
