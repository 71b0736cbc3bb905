"""Templates inside objects and lists see the other inputs of their node, whatever these are called."""

from __future__ import annotations

from typing import Any

import pytest

from engine.canvas import JsonSchema
from tests.engine.draw import canvas, end, run, start

HELLO: dict[str, Any] = {"list": [{"template": "你好 {{name}}"}]}


@pytest.mark.parametrize("list_is_called", ["a", "z"])
async def test_a_template_in_a_list_names_an_input_before_or_behind_it(list_is_called: str) -> None:
    last = end({list_is_called: HELLO, "name": "=start.text"})
    result, _ = await run(canvas(start({"text": "string"}), last, lines="start>end"), {"text": "李雷"})
    assert result.output == {list_is_called: ["你好 李雷"], "name": "李雷"}


async def test_nested_templates_may_name_one_another_in_any_order() -> None:
    first: dict[str, Any] = {"list": [{"template": "<{{b.0}}>"}]}
    second: dict[str, Any] = {"list": [{"template": "[{{c}}]"}]}
    last = end({"a": first, "b": second, "c": "=start.text"})
    result, _ = await run(canvas(start({"text": "string"}), last, lines="start>end"), {"text": "x"})
    assert result.output == {"a": ["<[x]>"], "b": ["[x]"], "c": "x"}


async def test_a_nested_template_shows_what_an_input_became_with_its_type() -> None:
    types: JsonSchema = {"type": "object", "properties": {"name": {"type": "integer"}}}
    last = end({"a": HELLO, "name": "=start.text"})
    last["data"]["types"] = types["properties"]
    drawn = canvas(start({"text": "string"}), last, lines="start>end")
    assert (await run(drawn, {"text": "007"}))[0].output == {"a": ["你好 7"], "name": 7}
    assert (await run(drawn, {}))[0].output == {"a": ["你好 0"], "name": 0}
