"""Template: what a template is given, and what is said of one that cannot work."""

from __future__ import annotations

import pytest

from engine.values import Json
from nodes.sandbox import CodeFailed
from nodes.text.text_template import TEMPLATE_BYTES, text_template
from tests.nodes.context import NodeWorld
from tests.nodes.drawing import Walk, canvas, end, findings, node, start


def world(template: str, *, escape: bool = False) -> NodeWorld:
    return NodeWorld(settings={"template": template, "escape": escape})


async def test_the_inputs_are_the_values_null_and_all() -> None:
    here = world("{{ name }}|{{ none }}|{{ none is none }}|{{ l }}|{{ template }}")
    given: dict[str, Json] = {"name": "李雷", "none": None, "l": [1, None], "template": "mine"}
    assert await text_template.run(given, here) == {"output": "李雷||true|[1, null]|mine"}


async def test_placeholders_of_a_canvas_mean_nothing_in_it() -> None:
    """A template is fixed: what stands in it is Jinja2's, and what comes in is never read as a template."""
    step = node("n", "text_template", {"text": {"value": "{{ 1 + 1 }}"}}, settings={"template": "{{text}} {{ 1 + 1 }}"})
    walk = Walk(canvas(start(), step, end({"out": {"ref": ["n", "output"]}}), lines="start>n>end"))
    assert (await walk.run()).output == {"out": "{{ 1 + 1 }} 2"}


async def test_a_name_that_is_not_there_is_named_with_its_line() -> None:
    with pytest.raises(
        CodeFailed, match=r"^UndefinedError in line 2: `nmae` is undefined\. .* is given: name"
    ) as found:
        await text_template.run({"name": "Ada"}, world("Hello\n{{ nmae }}"))
    facts = found.value.facts
    assert (facts["type"], facts["line"], facts["reason"]) == ("UndefinedError", 2, "error")


async def test_values_are_escaped_where_that_is_asked_for() -> None:
    assert await text_template.run({"a": "<b>"}, world("<p>{{ a }}</p>", escape=True)) == {"output": "<p>&lt;b&gt;</p>"}


@pytest.mark.parametrize(
    ("template", "code"), [("", "no_template"), ("茶" * (TEMPLATE_BYTES // 2), "template_too_long")]
)
def test_a_template_that_cannot_work_is_found_before_it_runs(template: str, code: str) -> None:
    step = node("n", "text_template", {}, settings={"template": template})
    (finding,) = findings(start(), step, end(), lines="start>n>end")
    assert (finding.code, finding.field) == (code, "data.settings.template")


def test_a_template_is_not_read_to_be_checked() -> None:
    step = node("n", "text_template", {}, settings={"template": "{% for %}"})
    assert findings(start(), step, end(), lines="start>n>end") == []
