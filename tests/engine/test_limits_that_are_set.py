"""Limits that an operator raises or lowers are those that hold."""

from __future__ import annotations

from typing import Any

import pytest

from engine.compile import compile_canvas
from engine.errors import InvalidCanvas
from engine.limits import DEFAULT_LIMITS, Limits
from engine.runtime import StepError
from tests.engine.draw import canvas, end, node, run, start
from tests.engine.library import LIBRARY

RENDERED = DEFAULT_LIMITS.rendered_bytes


def test_a_template_may_be_as_long_as_the_limit_says() -> None:
    long = "x" * DEFAULT_LIMITS.template_bytes + "{{start.name}}"
    drawn = canvas(
        start({"name": "string"}), node("w", "work", {"text": {"template": long}}), end({}), lines="start>w>end"
    )
    with pytest.raises(InvalidCanvas):
        compile_canvas(drawn, LIBRARY)
    plan = compile_canvas(drawn, LIBRARY, limits=Limits(template_bytes=2 * len(long)))
    assert len(plan.graph.steps) == 3


def joined() -> Any:
    step = node(
        "c", "compute", {"template": {"template": "{{start.name}}{{start.name}}"}},
        settings={"operation": "text.concat"}, outputs={"type": "object", "properties": {"output": {"type": "string"}}},
    )  # fmt: skip
    return canvas(start({"name": "string"}), step, end({"text": "=c.output"}), lines="start>c>end")


def nested() -> Any:
    member = {"object": {"a": {"template": "{{start.name}}{{start.name}}"}}}
    return canvas(start({"name": "string"}), end({"text": member}), lines="start>end")


@pytest.mark.parametrize("drawn", [joined(), nested()], ids=["joined", "nested"])
async def test_a_text_may_grow_as_long_as_the_limit_says(drawn: Any) -> None:
    name = "x" * RENDERED
    with pytest.raises(StepError, match=f"longer than {RENDERED} bytes"):
        await run(drawn, {"name": name})
    result, _ = await run(drawn, {"name": name}, limits=Limits(rendered_bytes=2 * RENDERED))
    assert str(result.output["text"]).count("x") == 2 * RENDERED
    with pytest.raises(StepError, match="longer than 5 bytes"):
        await run(drawn, {"name": "long"}, limits=Limits(rendered_bytes=5))
